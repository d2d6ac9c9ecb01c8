"""Stormwater twin: a sewershed with and without green infrastructure, on EPA SWMM 5.2.

Both cases run on the same rain, so the reduction of runoff is the works' doing and not the weather's:

    KPI = 1 - V_after / V_before,      V = surface runoff + underdrain outflow of the year [m3]

Underdrains discharge to the same combined sewer, so their water counts as runoff.
Reference: L. Rossman and M. Simon, Storm Water Management Model User's Manual Version 5.2,
EPA/600/R-22/030, 2022.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.twins.rain import RainSeries
from oracle.twins.stormwater_parameters import M2_PER_ACRE, StormwaterParameters, Works

TWIN = "stormwater"
TWIN_VERSION = "1.0.0"
METHOD = "swmm-paired-rain/1"
"""Id of the method; a deal's feed carries its hash, so a change of the method is another feed."""

MAX_CONTINUITY_ERROR_PERCENT = 1.0
"""Assumed: a run whose water balance misses by more is refused."""

_LOCK = threading.Lock()  # SWMM keeps its state in globals: one run at a time in a process


class TwinError(RuntimeError):
    """The twin cannot give a result: an engine error, or a water balance that does not close."""


@dataclass(frozen=True)
class RunResult:
    """One SWMM year. Volumes in m3 over the whole sewershed; error in percent of the inflow."""

    rain_m3: float
    evaporation_m3: float
    infiltration_m3: float
    surface_runoff_m3: float
    drain_outflow_m3: float
    storage_gain_m3: float
    continuity_error_percent: float

    @property
    def runoff_m3(self) -> float:
        """Water that reaches the sewer: surface runoff plus underdrain outflow [m3]."""
        return self.surface_runoff_m3 + self.drain_outflow_m3


@dataclass(frozen=True)
class PairResult:
    """Both cases on the same rain. `reduction` is the KPI as a fraction of the baseline runoff."""

    before: RunResult
    after: RunResult
    engine: str

    @property
    def runoff_before_m3(self) -> float:
        return self.before.runoff_m3

    @property
    def runoff_after_m3(self) -> float:
        return self.after.runoff_m3

    @property
    def reduction(self) -> float:
        """1 - after/before. Raises TwinError if there was no runoff to reduce."""
        if self.runoff_before_m3 <= 0:
            raise TwinError("no runoff without the works: the KPI is undefined for this rain")
        return 1 - self.runoff_after_m3 / self.runoff_before_m3


def engine_version() -> str:
    """Version of the SWMM engine inside swmm-toolkit, for example "SWMM 5.2.4"."""
    from swmm.toolkit import solver

    return f"SWMM {solver.swmm_version_info()}"


def input_text(parameters: StormwaterParameters, rain: RainSeries, *, works: bool) -> str:
    """SWMM input file of one case; anyone can run it in SWMM itself. Same arguments, same bytes.

    Metric: areas in ha (units of works in m2), depths in mm, rates in mm/h. The units of works take the place
    of impervious surface, so the rest of the subcatchment has a smaller impervious share than before.
    """
    site, works_of = parameters.sewershed, parameters.works
    impervious_m2 = site.impervious_area_acres * M2_PER_ACRE
    total_m2 = parameters.total_area_m2
    pavement_m2 = works_of.pavement_area_fraction * impervious_m2 if works else 0.0
    cells_m2 = works_of.bioretention_area_fraction * impervious_m2 if works else 0.0
    rest_impervious_m2 = max(0.0, impervious_m2 - pavement_m2 - cells_m2)  # works may take all of it
    impervious_percent = 100 * rest_impervious_m2 / (total_m2 - pavement_m2 - cells_m2)
    step_min = site.wet_step_minutes
    lines = [
        "[TITLE]",
        f"{TWIN} {TWIN_VERSION}, {'with' if works else 'without'} works",
        "[OPTIONS]",
        "FLOW_UNITS LPS",
        "INFILTRATION GREEN_AMPT",
        "FLOW_ROUTING KINWAVE",
        "IGNORE_ROUTING YES",
        f"START_DATE {rain.start:%m/%d/%Y}",
        f"START_TIME {rain.start:%H:%M:%S}",
        f"REPORT_START_DATE {rain.start:%m/%d/%Y}",
        f"REPORT_START_TIME {rain.start:%H:%M:%S}",
        f"END_DATE {rain.end:%m/%d/%Y}",
        f"END_TIME {rain.end:%H:%M:%S}",
        "REPORT_STEP 24:00:00",
        f"WET_STEP 00:{step_min:02d}:00",
        "DRY_STEP 01:00:00",
        f"ROUTING_STEP 00:{step_min:02d}:00",
        "[EVAPORATION]",
        "MONTHLY " + " ".join(_number(value) for value in site.evaporation_mm_per_day),
        f"DRY_ONLY {'YES' if site.evaporation_dry_only else 'NO'}",
        "[RAINGAGES]",
        f"GAUGE VOLUME {rain.step_seconds // 3600}:{rain.step_seconds % 3600 // 60:02d} 1.0 TIMESERIES RAIN",
        "[SUBCATCHMENTS]",
        f"SHED GAUGE SEWER {_number(total_m2 / 10_000)} {_number(impervious_percent)} "
        f"{_number(total_m2 / site.flow_length_m)} {_number(site.slope_percent)} 0",
        "[SUBAREAS]",
        f"SHED {_number(site.manning_impervious)} {_number(site.manning_pervious)} "
        f"{_number(site.depression_impervious_mm)} {_number(site.depression_pervious_mm)} "
        f"{_number(site.impervious_without_depression_percent)} OUTLET",
        "[INFILTRATION]",
        f"SHED {_number(site.soil_suction_mm)} {_number(site.soil_conductivity_mm_per_h)} "
        f"{_number(site.soil_initial_deficit)}",
    ]
    if works:
        lines += _works_lines(works_of, pavement_m2, cells_m2, rest_impervious_m2)
    lines += ["[OUTFALLS]", "SEWER 0 FREE NO", "[TIMESERIES]"]
    lines += [f"RAIN {time:%m/%d/%Y} {time:%H:%M} {depth!r}" for time, depth in _framed(rain)]
    lines += ["[REPORT]", "INPUT NO", "CONTROLS NO", "SUBCATCHMENTS NONE", "NODES NONE", "LINKS NONE", ""]
    return "\n".join(lines)


def _framed(rain: RainSeries) -> list[tuple[Any, float]]:
    # SWMM reads a gap of a VOLUME series as dry; an entry at the start keeps a dry year readable.
    wet = rain.wet()
    return wet if wet and wet[0][0] == rain.start else [(rain.start, 0.0), *wet]


def _works_lines(works: Works, pavement_m2: float, cells_m2: float, rest_impervious_m2: float) -> list[str]:
    open_share = 1 - works.clogged_fraction
    seepage = works.native_seepage_mm_per_h * open_share
    drain = (works.drain_coefficient, works.drain_exponent, works.drain_offset_mm, works.drain_delay_h)
    controls, usage = ["[LID_CONTROLS]"], ["[LID_USAGE]"]
    if pavement_m2 > 0:
        controls += [
            "PAVEMENT PP",
            _line(
                "PAVEMENT SURFACE",
                works.pavement_surface_storage_mm,
                0,
                works.pavement_roughness,
                works.pavement_slope_percent,
                5,
            ),
            _line(
                "PAVEMENT PAVEMENT",
                works.pavement_thickness_mm,
                works.pavement_void_ratio,
                0,
                works.pavement_permeability_mm_per_h * open_share,
                0,
            ),
            _line("PAVEMENT STORAGE", works.pavement_storage_mm, works.storage_void_ratio, seepage, 0),
            _line("PAVEMENT DRAIN", *drain),
        ]
        usage.append(_usage("PAVEMENT", pavement_m2, works.pavement_run_on_ratio, rest_impervious_m2))
    if cells_m2 > 0:
        controls += [
            "CELL BC",
            _line("CELL SURFACE", works.bioretention_ponding_mm, works.bioretention_plant_fraction, 0, 0, 5),
            _line(
                "CELL SOIL",
                works.media_thickness_mm,
                works.media_porosity,
                works.media_field_capacity,
                works.media_wilting_point,
                works.media_conductivity_mm_per_h * open_share,
                works.media_conductivity_slope,
                works.media_suction_mm,
            ),
            _line("CELL STORAGE", works.bioretention_storage_mm, works.storage_void_ratio, seepage, 0),
            _line("CELL DRAIN", *drain),
        ]
        usage.append(_usage("CELL", cells_m2, works.bioretention_run_on_ratio, rest_impervious_m2))
    return controls + usage if len(usage) > 1 else []


def _usage(name: str, area_m2: float, run_on_ratio: float, rest_impervious_m2: float) -> str:
    # One square unit, initially dry; its outflow goes to the sewer. SWMM wants the run-on as a share of the
    # rest.
    treated = 100 * run_on_ratio * area_m2 / rest_impervious_m2 if rest_impervious_m2 > 0 else 0
    return _line(f"SHED {name}", 1, area_m2, area_m2**0.5, 0, treated, 0)


def _line(name: str, *values: float) -> str:
    return " ".join((name, *map(_number, values)))


def _number(value: float) -> str:
    return f"{value:.10g}"


def run_text(text: str, total_area_m2: float) -> RunResult:
    """Run one SWMM input file in a temporary folder and read its water balance.

    total_area_m2: area of its subcatchments; SWMM gives depths over it.
    Raises TwinError on an engine error or when the balance misses by more than MAX_CONTINUITY_ERROR_PERCENT.
    Safe to call from threads (runs queue); use processes to run in parallel.
    """
    from swmm.toolkit import solver

    with _LOCK, tempfile.TemporaryDirectory(prefix="penstock-swmm-") as folder:
        base = Path(folder) / "case"
        base.with_suffix(".inp").write_text(text)
        try:
            solver.swmm_open(*(str(base.with_suffix(suffix)) for suffix in (".inp", ".rpt", ".out")))
            solver.swmm_start(False)
            while solver.swmm_step() > 0:
                pass
            totals = (
                solver.system_get_runoff_totals()
            )  # before the end: the engine answers only while it runs
            solver.swmm_end()
            error_percent = float(solver.swmm_get_mass_balance()[0])
        except Exception as error:
            solver.swmm_close()  # flushes the report, which holds the reason
            report = base.with_suffix(".rpt")
            lines = report.read_text(errors="replace").splitlines() if report.exists() else []
            reasons = [line.strip() for line in lines if line.strip().startswith("ERROR")]
            raise TwinError(f"SWMM: {reasons[0] if reasons else str(error).strip()}") from None
        else:
            solver.swmm_close()
    if not abs(error_percent) <= MAX_CONTINUITY_ERROR_PERCENT:
        raise TwinError(f"SWMM: the water balance misses by {error_percent:.2f} %")
    to_m3 = total_area_m2 / 1000
    return RunResult(
        rain_m3=totals.rainfall * to_m3,
        evaporation_m3=totals.evap * to_m3,
        infiltration_m3=totals.infil * to_m3,
        surface_runoff_m3=totals.runoff * to_m3,
        drain_outflow_m3=totals.drains * to_m3,
        storage_gain_m3=(totals.finalStorage - totals.initStorage) * to_m3,
        continuity_error_percent=error_percent,
    )


def run_case(parameters: StormwaterParameters, rain: RainSeries, *, works: bool) -> RunResult:
    """Run one case, with or without the works, on `rain`. Raises TwinError."""
    return run_text(input_text(parameters, rain, works=works), parameters.total_area_m2)


def run_pair(parameters: StormwaterParameters, rain: RainSeries) -> PairResult:
    """Run both cases on the same rain: the KPI of the year. Raises TwinError."""
    before = run_case(parameters, rain, works=False)
    after = run_case(parameters, rain, works=True)
    return PairResult(before, after, engine_version())

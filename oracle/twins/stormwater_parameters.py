"""Parameters of the stormwater twin: names carry units, and every one says where it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

MANUAL = "SWMM User's Manual 5.2 (EPA/600/R-22/030)"
"""L. Rossman and M. Simon, Storm Water Management Model User's Manual Version 5.2, EPA/600/R-22/030, 2022."""


class ParameterError(ValueError):
    """A parameter out of range; the message names it, its value and the reason."""


def _sourced(citation: str, default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"kind": "sourced", "text": citation, "range": (low, high)})


def _assumed(why: str, default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"kind": "assumed", "text": why, "range": (low, high)})


class _Checked:
    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            low, high = item.metadata["range"]
            value = getattr(self, item.name)
            for number in value if isinstance(value, tuple) else (value,):
                if not math.isfinite(number) or not low <= number <= high:
                    raise ParameterError(f"{item.name} = {number}: must be from {low:g} to {high:g}")


@dataclass(frozen=True)
class Sewershed(_Checked):
    """The catchment without works: impervious surface, and pervious ground with Green-Ampt infiltration."""

    impervious_area_acres: float = field(
        metadata={"kind": "sourced", "text": "asset.parameters of the deal file", "range": (1e-3, 1e6)}
    )
    impervious_fraction: float = _assumed("row houses, streets and alleys of a dense quarter", 0.60, 0.05, 1)
    flow_length_m: float = _assumed("overland flow to the nearest inlet: half a city block", 60.0, 1, 1000)
    slope_percent: float = _assumed("rolling ground above Rock Creek", 3.0, 0.01, 60)
    manning_impervious: float = _sourced(f"{MANUAL}, A.6: smooth concrete 0.012", 0.012, 0.005, 0.1)
    manning_pervious: float = _sourced(f"{MANUAL}, A.6: short grass 0.15", 0.15, 0.02, 1)
    depression_impervious_mm: float = _sourced(f"{MANUAL}, A.5: 0.05 to 0.10 inch", 1.9, 0, 20)
    depression_pervious_mm: float = _sourced(f"{MANUAL}, A.5: lawns 0.10 to 0.20 inch", 3.8, 0, 50)
    impervious_without_depression_percent: float = _sourced(
        f"{MANUAL}: default of %Zero-Imperv", 25.0, 0, 100
    )
    soil_suction_mm: float = _sourced(f"{MANUAL}, A.2: loam 3.50 inch", 88.9, 0, 1000)
    soil_conductivity_mm_per_h: float = _sourced(f"{MANUAL}, A.2: loam 0.13 inch/h", 3.3, 0.01, 500)
    soil_initial_deficit: float = _sourced(
        f"{MANUAL}, A.2: loam, porosity 0.463 less field capacity 0.232", 0.231, 0.0, 0.6
    )
    evaporation_mm_per_day: tuple[float, ...] = _assumed(
        "monthly means, January first; about 1,000 mm a year in a humid mid-Atlantic climate",
        (0.8, 1.2, 2.0, 3.1, 4.2, 5.1, 5.3, 4.6, 3.3, 2.0, 1.2, 0.8),
        0,
        20,
    )
    evaporation_dry_only: int = _assumed("1: none while it rains, the air being near saturation", 1, 0, 1)
    wet_step_minutes: int = _assumed(
        "the balance misses by 1.9 % at 15 min, 0.4 % at 5 and 0.1 % at 2; Zhang and Guo (2014, "
        "doi 10.1061/(ASCE)HE.1943-5584.0001092) find pavement results poor above 30",
        2,
        1,
        30,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.evaporation_mm_per_day) != 12:
            raise ParameterError(f"evaporation_mm_per_day: {len(self.evaporation_mm_per_day)} values, not 12")


@dataclass(frozen=True)
class Works(_Checked):
    """The green infrastructure. Area fractions are of the impervious area, whose place the works take."""

    pavement_area_fraction: float = _assumed(
        "permeable pavement; calibrated so that the ensemble lies in the published interval", 0.13, 0, 0.9
    )
    pavement_run_on_ratio: float = _assumed("impervious area that drains to a unit of pavement", 1.0, 0, 20)
    pavement_thickness_mm: float = _assumed("pavers and bedding, about 5 inch", 125.0, 10, 500)
    pavement_void_ratio: float = _sourced(f"{MANUAL}, LID editor: 0.12 to 0.21", 0.16, 0.01, 1)
    pavement_permeability_mm_per_h: float = _assumed("in service, well below a new surface", 500.0, 0, 1e5)
    pavement_surface_storage_mm: float = _assumed("texture of the surface", 1.0, 0, 50)
    pavement_roughness: float = _assumed("Manning's n of pavers", 0.015, 0.005, 0.5)
    pavement_slope_percent: float = _assumed("parking lanes and alleys", 1.0, 0, 30)
    pavement_storage_mm: float = _assumed("stone base, about 12 inch", 300.0, 10, 2000)
    storage_void_ratio: float = _sourced(f"{MANUAL}, LID editor: gravel 0.5 to 0.75", 0.6, 0.1, 2)
    bioretention_area_fraction: float = _assumed(
        "bioretention cells in curb extensions; calibrated with the pavement", 0.02, 0, 0.9
    )
    bioretention_run_on_ratio: float = _assumed("impervious area that drains to a unit of cell", 6.0, 0, 50)
    bioretention_ponding_mm: float = _assumed("about 6 inch of ponding", 150.0, 0, 1000)
    bioretention_plant_fraction: float = _assumed(
        "share of the ponding volume that plants fill", 0.05, 0, 0.5
    )
    media_thickness_mm: float = _assumed("about 2 ft of engineered media", 600.0, 50, 3000)
    media_porosity: float = _sourced(f"{MANUAL}, A.2: sandy loam 0.453", 0.453, 0.1, 0.9)
    media_field_capacity: float = _sourced(f"{MANUAL}, A.2: sandy loam 0.190", 0.190, 0.01, 0.8)
    media_wilting_point: float = _sourced(f"{MANUAL}, A.2: sandy loam 0.085", 0.085, 0.0, 0.8)
    media_conductivity_mm_per_h: float = _assumed("engineered media, about 2 inch/h", 50.0, 0.1, 1000)
    media_conductivity_slope: float = _sourced(f"{MANUAL}, LID editor: 30 to 60", 40.0, 0, 100)
    media_suction_mm: float = _sourced(f"{MANUAL}, A.2: sandy loam 4.33 inch", 110.0, 0, 1000)
    bioretention_storage_mm: float = _assumed("stone under the media, about 12 inch", 300.0, 10, 2000)
    native_seepage_mm_per_h: float = _assumed("loam below, as in the rest of the sewershed", 3.3, 0, 500)
    drain_coefficient: float = _assumed("underdrain outflow in mm/h at 1 mm of head", 1.0, 0, 100)
    drain_exponent: float = _sourced(f"{MANUAL}, LID editor: 0.5, as an orifice", 0.5, 0, 2)
    drain_offset_mm: float = _assumed("upturned underdrain: the stone below it can only seep", 150.0, 0, 2000)
    drain_delay_h: float = _assumed("dry hours before a drain opens; used by rain barrels only", 6.0, 0, 240)
    clogged_fraction: float = _assumed("share of permeability and seepage lost", 0.0, 0, 0.99)

    def __post_init__(self) -> None:
        super().__post_init__()
        treated = 0.0
        for name in ("pavement", "bioretention"):
            treated += getattr(self, f"{name}_area_fraction") * (1 + getattr(self, f"{name}_run_on_ratio"))
        if treated > 1:
            raise ParameterError(
                f"works take and drain {treated:.3f} of the impervious area: more than there is"
            )


@dataclass(frozen=True)
class StormwaterParameters:
    """A sewershed and the works in it."""

    sewershed: Sewershed
    works: Works

    @property
    def total_area_m2(self) -> float:
        """Area of the whole sewershed [m2]."""
        return self.sewershed.impervious_area_acres * M2_PER_ACRE / self.sewershed.impervious_fraction

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain values for an evidence bundle; from_dict gives the same object back."""
        plain = asdict(self)
        return {
            part: {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
            for part, values in plain.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StormwaterParameters:
        """Read what to_dict wrote. Raises ParameterError for an unknown, missing or ill-typed field."""
        parts: dict[str, Any] = {}
        if not isinstance(data, Mapping) or set(data) != {"sewershed", "works"}:
            raise ParameterError("parameters: expected exactly the parts sewershed and works")
        for part, kind in (("sewershed", Sewershed), ("works", Works)):
            values, names = data[part], {item.name for item in fields(kind)}
            if not isinstance(values, Mapping) or set(values) != names:
                wrong = sorted(set(values) ^ names) if isinstance(values, Mapping) else part
                raise ParameterError(f"{part}: unknown or missing: {wrong}")
            parts[part] = kind(**{name: _plain(name, value) for name, value in values.items()})
        return cls(**parts)


M2_PER_ACRE = 4046.8564224
"""International acre [m2]: 4840 square yards of 0.9144 m."""


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, list) and all(type(item) in (int, float) for item in value):
        return tuple(float(item) for item in value)
    if type(value) not in (int, float):
        raise ParameterError(f"{name} = {value!r}: not a number")
    return value


Scenario = Literal["published", "twin", "high", "low"]

SCENARIOS: dict[str, tuple[str, dict[str, float]]] = {
    "twin": ("The design as built and clean: the twin's central run.", {}),
    "published": (
        "Fewer works than designed, with ordinary clogging: chosen so that this run gives the published "
        "outcome of 2021, nearly 20 percent. What was published is the percentage; the works are not.",
        {
            "pavement_area_fraction": 0.085,
            "bioretention_area_fraction": 0.0135,
            "clogged_fraction": 0.3,
        },
    ),
    "high": (
        "More works than designed: above the upper bound of the middle tier.",
        {"pavement_area_fraction": 0.20, "bioretention_area_fraction": 0.03},
    ),
    "low": (
        "Half of the works built, and badly clogged: below the lower bound of the middle tier.",
        {"pavement_area_fraction": 0.065, "bioretention_area_fraction": 0.01, "clogged_fraction": 0.7},
    ),
}
"""Outcomes for demonstrations: (what it is, changes to Works). All of them assumed; each is run in SWMM."""


def scenario(name: str, impervious_area_acres: float) -> StormwaterParameters:
    """Parameters of a named scenario, for the impervious area that the deal file gives [acres]."""
    if name not in SCENARIOS:
        raise ParameterError(f"scenario = {name}: must be one of {', '.join(get_args(Scenario))}")
    return StormwaterParameters(Sewershed(impervious_area_acres), replace(Works(), **SCENARIOS[name][1]))


def provenance(parameters: StormwaterParameters) -> list[tuple[str, Any, str, str]]:
    """(path, value, "sourced" or "assumed", text) of every parameter, for reports.

    A value that is not the default is assumed, whatever its default's source.
    """
    rows = []
    for part in ("sewershed", "works"):
        holder = getattr(parameters, part)
        for item in fields(holder):
            value, kind, text = getattr(holder, item.name), item.metadata["kind"], item.metadata["text"]
            if item.name != "impervious_area_acres" and value != item.default:
                kind, text = "assumed", f"scenario; default {item.default}: {text}"
            rows.append((f"{part}.{item.name}", value, kind, text))
    return rows


def markdown_table(parameters: StormwaterParameters) -> str:
    """The parameters as a Markdown table, for the documentation and reports."""
    lines = ["| parameter | value | from | to | basis |", "|---|---|---|---|---|"]
    ranges = [item.metadata["range"] for kind in (Sewershed, Works) for item in fields(kind)]
    for (path, value, kind, text), (low, high) in zip(provenance(parameters), ranges, strict=True):
        shown = ", ".join(f"{item:g}" for item in value) if isinstance(value, tuple) else f"{value:g}"
        lines.append(f"| `{path}` | {shown} | {low:.10g} | {high:.10g} | {kind}: {text} |")
    return "\n".join(lines)

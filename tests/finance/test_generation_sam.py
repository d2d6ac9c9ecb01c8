"""Wind proxy energy beside SAM's (PySAM Windpower, one turbine, no losses), on real and on altered weather.

Two rules of density are held against SAM. SAM's own must agree to what single precision, in which SAM reads a
file, leaves. The contract's, each hour's own density, must agree within 0.01 % a year but for hours at the
cut-out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finance.generation.curve import PowerCurve, load_curve
from finance.generation.wind import DensityRule, WindPlant, run_wind
from finance.generation.wind_files import read_wind
from tests.finance.sam_wind import REAL, Series, needs_real, real_columns, run_sam, write_srw
from tests.seeds import usual

pytest.importorskip("PySAM.Windpower", reason="nrel-pysam is not installed")

YEAR = 1e-4  # of a year's energy: the agreement asked of the contract's rule
SINGLE = 2e-7  # of a speed; single precision keeps 6e-8 of each reading
SAME = 1e-6  # of a year's energy: the agreement asked of SAM's rule
MOST_UNSURE = 20  # steps of a year, at the edge of SAM's step of density
MOST_FLIPPED = 3  # steps of a year, at the cut-out
CURVES = ("V100/1800", "E-126/4200", "V90/2000", "GE120/2500")
SEED = usual(20170619)


def compare(path: Path, curve: PowerCurve, hub: float, shear: float = 0.14, year: float = YEAR) -> None:
    """Both rules against SAM, with the differences printed."""
    sam = run_sam(path, curve, hub, shear)
    record = read_wind(path)
    if record.has_leap_day:
        record = record.without_leap_day()
    weather, plant = record.at_height(hub, shear), WindPlant(curve)
    assert weather.speed == pytest.approx(sam.speed, rel=2e-6, abs=1e-6)
    same, own = run_wind(weather, plant, DensityRule.SAM), run_wind(weather, plant)
    hours = weather.step_seconds / 3600
    apart, own_apart = (
        np.abs(found.energy * 1000 / hours - sam.power_kw) / curve.rated_kw for found in (same, own)
    )
    # A wind within 0.03 % of cut-out may stop the turbine under one rule and not under the other.
    flipped = own_apart > 0.5
    off = 1000 * same.total_mwh / sam.annual_kwh - 1
    own_off = (1000 * own.energy - sam.power_kw * hours)[~flipped].sum() / sam.annual_kwh
    print(
        f"{path.name} {curve.name} hub {hub:g}: SAM {sam.annual_kwh:.1f} kWh; SAM's rule {off:+.1e} a year, "
        f"{apart.max():.1e} of rated in the worst hour; own density {own_off:+.1e}, "
        f"{own_apart[~flipped].max():.1e}, {flipped.sum()} flipped at cut-out"
    )
    assert abs(off) < SAME
    steepest = np.abs(np.diff(curve.powers) / np.diff(curve.speeds)).max()
    # A density that moves by just SAM's step may count as moved in one precision and not in the other.
    assert (apart > SINGLE * weather.speed.max() * steepest / curve.rated_kw).sum() <= MOST_UNSURE
    assert flipped.sum() <= MOST_FLIPPED
    assert abs(own_off) < year
    assert [1000 * energy for energy in same.monthly_mwh.values()] == pytest.approx(sam.monthly_kwh, rel=1e-5)


@needs_real
@pytest.mark.parametrize("hub", [50.0, 65.0, 80.0, 100.0, 140.0, 30.0, 160.0, 79.5, 80.6])
@pytest.mark.parametrize("name", CURVES)
def test_real_weather(name: str, hub: float) -> None:
    """FIELD's mark: 0.002 % a year, at every height that the file gives, between and beyond them."""
    compare(REAL, load_curve(f"windpowerlib:{name}"), hub, year=2e-5)


Columns = list[tuple[str, float, Series]]


def only(*heights: float) -> Callable[[Columns], Columns]:
    return lambda columns: [column for column in columns if column[1] in heights]


def change(name: str, how: Callable[[Series], Series]) -> Callable[[Columns], Columns]:
    return lambda columns: [(n, h, how(v) if n == name else v) for n, h, v in columns]


def leap(columns: Columns) -> Columns:
    """29 February is put in as a copy of 28 February with twice the wind, which must not count."""
    day = slice(58 * 24, 59 * 24)
    return [
        (n, h, np.concatenate([v[: 59 * 24], v[day] * (2 if n == "Speed" else 1), v[59 * 24 :]]))
        for n, h, v in columns
    ]


VARIATIONS: dict[str, tuple[Callable[[Columns], Columns], float, float]] = {
    "one height, hub above it": (only(80.0), 100.0, 0.2),
    "one height, hub below it": (only(50.0), 30.0, 0.14),
    "two heights, hub half-way": (only(80.0, 110.0), 95.0, 0.14),
    "heights in falling order": (lambda columns: columns[::-1], 95.0, 0.14),
    "speed and direction at one height, air at another": (
        lambda columns: [c for c in columns if (c[1] == 80.0) == (c[0] in ("Speed", "Direction"))],
        80.0,
        0.14,
    ),
    "shear above one": (only(110.0), 140.0, 1.5),
    "cold": (change("Temperature", lambda v: v - 25), 80.0, 0.14),
    "hot": (change("Temperature", lambda v: v + 20), 65.0, 0.14),
    "high altitude": (change("Pressure", lambda v: v * 0.66), 80.0, 0.14),
    "above cut-out": (change("Speed", lambda v: v * 2.3), 80.0, 0.14),
    "mostly below cut-in": (change("Speed", lambda v: v * 0.4), 80.0, 0.14),
    "a leap year": (leap, 80.0, 0.14),
    "half-hours": (lambda columns: [(n, h, np.repeat(v, 2)) for n, h, v in columns], 80.0, 0.14),
    "pressure in Pa": (change("Pressure", lambda v: v * 101325), 80.0, 0.14),
    "wind from all sides": (change("Direction", lambda v: (v * 7) % 360), 65.0, 0.14),
}


@needs_real
@pytest.mark.parametrize("name", VARIATIONS)
def test_altered_weather(name: str, tmp_path: Path) -> None:
    alter, hub, shear = VARIATIONS[name]
    path = write_srw(tmp_path / "altered.srw", alter(real_columns()))
    compare(path, load_curve("windpowerlib:E-126/4200"), hub, shear)


def random_columns(draw: np.random.Generator, heights: list[float], hours: int = 8760) -> Columns:
    """Rough weather with days, seasons and heights; not a climate, but every corner of the formula."""
    time = np.arange(hours)
    mean = 7 + 3 * np.sin(time / 700) + draw.normal(0, 1, hours).cumsum() % 3
    columns: Columns = []
    for height in heights:
        speed = np.abs(mean * draw.weibull(1.8, hours)) * (height / 80) ** 0.2
        warm = (
            10 + 12 * np.sin(time / 1394) + 5 * np.sin(time / 3.82) + draw.normal(0, 2, hours) - height / 100
        )
        air = 0.9 - height / 9000 + 0.01 * np.sin(time / 31) + draw.normal(0, 0.001, hours)
        columns += [
            ("Temperature", height, warm.round(3)),
            ("Pressure", height, air.round(6)),
            ("Direction", height, draw.uniform(0, 360, hours).round(0)),
            ("Speed", height, speed.round(3)),
        ]
    return columns


def random_curve(draw: np.random.Generator) -> PowerCurve:
    """Points at uneven speeds, also beginning or ending with power, also not rising."""
    speeds = np.concatenate([[0.0], np.sort(draw.choice(np.arange(1, 120), 25, replace=False) / 4)])
    powers = np.concatenate([[0.0], np.sort(draw.uniform(0, 3000, 25)).round(2)])
    if draw.random() < 0.5:
        powers[-1] = 0.0
    if draw.random() < 0.3:
        powers[10:14] = powers[10:14][::-1]
    return PowerCurve("random", tuple(speeds.tolist()), tuple(powers.tolist()))


@pytest.mark.parametrize("case", range(6))
def test_random_weather_and_curves(case: int, tmp_path: Path) -> None:
    draw = np.random.default_rng([SEED, case])
    heights = sorted(
        draw.choice(np.arange(30, 160), draw.integers(1, 5), replace=False).astype(float).tolist()
    )
    hub = float(np.clip(draw.uniform(heights[0] - 30, heights[-1] + 30), 10, 190).round(1))
    print(f"seed {SEED}, case {case}: heights {heights}")
    path = write_srw(tmp_path / "random.srw", random_columns(draw, heights))
    compare(path, random_curve(draw), hub)


def test_real_weather_of_another_site(tmp_path: Path) -> None:
    """Greensboro (TMY3, packaged by pvlib): wind at 10 m under a hub of 40 m, pressure of the station."""
    import pandas as pd
    import pvlib

    source = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    frame = pd.read_csv(source, skiprows=1)
    columns = [
        ("Temperature", 10.0, frame["Dry-bulb (C)"].to_numpy(dtype=float)),
        ("Pressure", 10.0, (frame["Pressure (mbar)"] / 1013.25).round(6).to_numpy(dtype=float)),
        ("Direction", 10.0, frame["Wdir (degrees)"].to_numpy(dtype=float)),
        ("Speed", 10.0, frame["Wspd (m/s)"].to_numpy(dtype=float)),
    ]
    compare(write_srw(tmp_path / "greensboro.srw", columns), load_curve("windpowerlib:E-126/4200"), 40.0)


def test_sam_holds_the_density(tmp_path: Path) -> None:
    """Why the rule is a term: at 15.2 C and one atmosphere SAM never corrects, and each hour's own density
    does.

    The air is 0.07 % lighter than the reference, less than SAM's step. Energy rises with at most the cube of
    the speed, so SAM's is larger by less than that, and by more than a seventh of it. No hour is near the
    cut-out, where one rule stops the turbine and the other does not: a single one outweighs the rest.
    """
    columns = random_columns(np.random.default_rng(SEED), [80.0])
    flat = {"Temperature": 15.2, "Pressure": 1.0}
    columns = [
        (n, h, np.full(len(v), flat[n]) if n in flat else np.minimum(v, 24.0) if n == "Speed" else v)
        for n, h, v in columns
    ]
    path = write_srw(tmp_path / "flat.srw", columns)
    curve = load_curve("windpowerlib:E-126/4200")
    weather = read_wind(path).at_height(80.0)
    sam = run_sam(path, curve, 80.0).annual_kwh
    held = run_wind(weather, WindPlant(curve), DensityRule.SAM).total_mwh * 1000
    own = run_wind(weather, WindPlant(curve)).total_mwh * 1000
    assert held == pytest.approx(sam, rel=SAME)
    assert 1e-4 < sam / own - 1 < 7e-4


def test_sams_newer_csv(tmp_path: Path) -> None:
    """The form of the WIND Toolkit: heights in the names, pressure in Pa, columns that nobody uses, n/a."""
    columns = random_columns(np.random.default_rng([SEED, 9]), [60.0, 100.0])
    wording = {
        "Temperature": "air temperature at {:g}m (C)",
        "Pressure": "air pressure at {:g}m (Pa)",
        "Direction": "wind direction at {:g}m (deg)",
        "Speed": "wind speed at {:g}m (m/s)",
    }
    names = ["Year", "Month", "Day", "Hour", "Minute", "surface air pressure (Pa)"]
    names += [wording[name].format(height) for name, height, _ in columns] + ["wind speed at 200m (m/s)"]
    series = [v * 101325 if name == "Pressure" else v for name, _, v in columns]
    rows = [
        ",".join(["2012,1,1,0,0,97000", *(f"{value:.6f}" for value in row), "N/A"])
        for row in zip(*(v.tolist() for v in series), strict=True)
    ]
    path = tmp_path / "toolkit.csv"
    site = "SiteID,1,Site Timezone,-6,Data Timezone,-6,Longitude,-94,Latitude,35"
    path.write_text("\n".join([site, ",".join(names), *rows]) + "\n", encoding="utf-8")
    compare(path, load_curve("windpowerlib:GE120/2500"), 80.0)


@needs_real
def test_farm_without_wakes() -> None:
    """Twelve turbines are twelve times one, as SAM has it when its wake loss is a constant nought."""
    curve = load_curve("windpowerlib:V100/1800")
    sam = run_sam(REAL, curve, 80.0, turbines=12)
    found = run_wind(read_wind(REAL).at_height(80.0), WindPlant(curve, 12), DensityRule.SAM)
    assert 1000 * found.total_mwh == pytest.approx(sam.annual_kwh, rel=SAME)


def test_heights_that_sam_refuses(tmp_path: Path) -> None:
    from finance.terms import InputError

    path = write_srw(tmp_path / "low.srw", random_columns(np.random.default_rng(SEED), [40.0]))
    curve = load_curve("windpowerlib:V100/1800")
    with pytest.raises(Exception, match="more than 35 m"):
        run_sam(path, curve, 76.0)
    with pytest.raises(InputError, match="more than 35 m"):
        read_wind(path).at_height(76.0)
    compare(path, curve, 75.0)

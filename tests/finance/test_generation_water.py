"""Water proxies: physics of a run-of-river plant, and a utility's rain-indexed revenue."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from finance.generation.tables import TimeTable
from finance.generation.water import (
    MonthNormal,
    RunOfRiver,
    UtilityTerms,
    hydro_energy,
    hydro_power,
    monthly_rain,
    proxy_volume,
    read_inflow,
    read_normals,
    read_rain,
    turbine_flow,
    utility_revenue,
)
from finance.terms import InputError
from tests.seeds import usual

SEED = usual(20170619)
NORMAL = MonthNormal(Decimal(80), Decimal(2_500_000))


def table(
    name: str, values: list[float], step: timedelta = timedelta(hours=1), start: str = "2023-01-01"
) -> TimeTable:
    begin = datetime.fromisoformat(start)
    times = tuple(begin + step * k for k in range(len(values)))
    return TimeTable("made", times, int(step.total_seconds()), {name: np.array(values)})


# Run of river


def test_a_plant_by_hand() -> None:
    """20 m3/s over 50 m at 90 %: 1000 x 9.80665 x 20 x 50 x 0.9 = 8.825985 MW."""
    plant = RunOfRiver(head=50, largest_flow=20, efficiency=0.9)
    assert hydro_power(20.0, plant) == pytest.approx(8.825985, rel=1e-12)
    assert plant.nameplate_mw == pytest.approx(8.825985, rel=1e-12)
    energy = hydro_energy(table("inflow_m3_s", [20.0, 10.0], timedelta(minutes=15)), plant)
    assert energy.tolist() == pytest.approx([8.825985 / 4, 8.825985 / 8])


def test_energy_is_the_water_s_fall(capsys: pytest.CaptureFixture[str]) -> None:
    """Without losses the energy is mass times g times height, whatever the hydrograph: 1 m3 over 1 m is
    9806.65 J."""
    print(f"seed {SEED}")
    flows = np.random.default_rng(SEED).uniform(0, 30, 500)
    plant = RunOfRiver(head=120, largest_flow=30, efficiency=1.0)
    energy = hydro_energy(table("inflow_m3_s", flows.tolist()), plant).sum()
    joules = flows.sum() * 3600 * 1000 * 9.80665 * 120
    assert energy * 3.6e9 == pytest.approx(joules, rel=1e-12)


def test_flow_rules() -> None:
    """The river keeps its flow, the turbines their limits; below the smallest they stand still."""
    plant = RunOfRiver(head=50, largest_flow=20, efficiency=0.9, smallest_flow=4, ecological_flow=3)
    inflow = [0, 3, 6.9, 7, 15, 23, 400]
    assert turbine_flow(inflow, plant).tolist() == pytest.approx([0, 0, 0, 4, 12, 20, 20])
    power = hydro_power(inflow, plant)
    assert (power[:3] == 0).all()
    assert (np.diff(power) >= 0).all()
    assert np.isnan(turbine_flow(np.nan, plant))


def test_head_loss_grows_with_the_square_of_the_flow() -> None:
    lossless = RunOfRiver(head=50, largest_flow=20, efficiency=0.9)
    plant = RunOfRiver(head=50, largest_flow=20, efficiency=0.9, head_loss=5)
    assert hydro_power(20.0, plant) / hydro_power(20.0, lossless) == pytest.approx(0.9)
    assert hydro_power(10.0, plant) / hydro_power(10.0, lossless) == pytest.approx(1 - 1.25 / 50)


def test_efficiency_by_load_cap_and_availability() -> None:
    plant = RunOfRiver(
        head=50,
        largest_flow=20,
        efficiency=[(0.2, 0.6), (0.6, 0.9), (1.0, 0.88)],
        capacity_mw=8.0,
        availability=0.95,
    )
    full = 1000 * 9.80665 * 50 / 1e6
    assert hydro_power(8.0, plant) == pytest.approx(full * 8 * 0.75 * 0.95)
    assert hydro_power(1.0, plant) == pytest.approx(full * 1 * 0.6 * 0.95)
    assert hydro_power(99.0, plant) == pytest.approx(8.0 * 0.95)
    assert plant.nameplate_mw == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"head": 0}, "head = 0 m"),
        ({"head_loss": 60}, "head loss = 60 m"),
        ({"smallest_flow": 30}, "flows 30 to 20"),
        ({"largest_flow": 0}, "flows 0 to 0"),
        ({"ecological_flow": -1}, "ecological flow = -1"),
        ({"efficiency": 1.01}, "efficiency = 1.01"),
        ({"efficiency": [(0.5, 0.9), (0.5, 0.8)]}, "shares must rise"),
        ({"availability": 0}, "availability = 0"),
        ({"capacity_mw": 0}, "capacity = 0 MW"),
    ],
)
def test_bad_plants(terms: dict[str, float], reason: str) -> None:
    good = {"head": 50.0, "largest_flow": 20.0, "efficiency": 0.9}
    with pytest.raises(InputError, match=reason):
        RunOfRiver(**(good | terms))


# Utility


def terms(response: str = "0.0007", tariff: str = "135", fixed: int = 25_000_000) -> UtilityTerms:
    return UtilityTerms(dict.fromkeys(range(1, 13), NORMAL), Decimal(response), Decimal(tariff), fixed)


def test_volume_is_the_formula() -> None:
    for rain in ("0", "12.7", "80", "211.4", "900"):
        expected = 2_500_000 * math.exp(-0.0007 * (float(rain) - 80))
        assert proxy_volume(Decimal(rain), NORMAL, Decimal("0.0007")) == round(expected)


def test_normal_rain_sells_the_normal_volume_and_more_rain_less() -> None:
    assert proxy_volume(Decimal(80), NORMAL, Decimal("0.0007")) == 2_500_000
    volumes = [proxy_volume(Decimal(mm), NORMAL, Decimal("0.0007")) for mm in range(0, 400, 5)]
    assert volumes == sorted(volumes, reverse=True)
    assert len(set(volumes)) == len(volumes)
    assert proxy_volume(Decimal(300), NORMAL, Decimal(0)) == 2_500_000


def test_revenue_in_minor_units() -> None:
    """At 1.35 a m3 and 250,000 a month fixed: normal rain brings 3,625,000.00; 50 mm more cost 3.4 % of
    sales."""
    (month,) = utility_revenue({(2023, 4): Decimal(130)}, terms())
    assert month.normal_revenue == 362_500_000
    assert month.volume_m3 == round(2_500_000 * math.exp(-0.035))
    assert month.revenue == 25_000_000 + 135 * month.volume_m3
    assert month.revenue - month.normal_revenue == pytest.approx(-0.0344 * 337_500_000, rel=1e-3)


def test_revenue_rounds_half_to_even() -> None:
    """2,500,001 m3 at half a minor unit are 1,250,000.5."""
    odd = {month: MonthNormal(Decimal(0), Decimal(2_500_001)) for month in range(1, 13)}
    months = utility_revenue({(2023, 1): Decimal(0)}, UtilityTerms(odd, Decimal(0), Decimal("0.5")))
    assert months[0].revenue == 1_250_000


def test_rain_sums_exactly_by_month() -> None:
    """0.1 mm in each of 744 hours of January is 74.4 mm to the last digit; February follows."""
    hours = (31 + 28) * 24
    found = monthly_rain(table("rain_mm", [0.1] * hours))
    assert found == {(2023, 1): Decimal("74.4"), (2023, 2): Decimal("67.2")}


@pytest.mark.parametrize(
    ("values", "reason"), [([0.1] * 700, "2023-01: 700 hours"), ([0.1, -0.1], "line 3: rain_mm = -0.1")]
)
def test_bad_rain(values: list[float], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        monthly_rain(table("rain_mm", values))


def test_rain_of_a_leap_february() -> None:
    assert set(monthly_rain(table("rain_mm", [1.0] * 29, timedelta(days=1), "2024-02-01"))) == {(2024, 2)}
    with pytest.raises(InputError, match="2024-02: 672 hours"):
        monthly_rain(table("rain_mm", [1.0] * 28, timedelta(days=1), "2024-02-01"))


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"response": Decimal("-0.1")}, "response = -0.1"),
        ({"response": Decimal("NaN")}, "response = NaN"),
        ({"tariff": Decimal(-1)}, "tariff = -1"),
        ({"normals": {1: NORMAL}}, r"months \[1\]"),
        (
            {"normals": {m: MonthNormal(Decimal(1), Decimal(0)) for m in range(1, 13)}},
            "volume must be positive",
        ),
    ],
)
def test_bad_utilities(kwargs: dict[str, object], reason: str) -> None:
    good = {"normals": dict.fromkeys(range(1, 13), NORMAL), "response": Decimal(0), "tariff": Decimal(1)}
    with pytest.raises(InputError, match=reason):
        UtilityTerms(**(good | kwargs))  # type: ignore[arg-type]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,inflow_m3_s\n2023-01-01T00:00,3\n2023-01-01T01:00,-4\n")
    with pytest.raises(InputError, match="line 3: inflow_m3_s = -4"):
        read_inflow(path)
    with pytest.raises(InputError, match="unknown column 'inflow_m3_s'"):
        read_rain(path)
    rows = "".join(f"{month},{month}.5,1000\n" for month in range(1, 13))
    path.write_text("month,rain_mm,volume_m3\n" + rows)
    assert read_normals(path)[7] == MonthNormal(Decimal("7.5"), Decimal(1000))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("month,rain,volume\n", "must be month,rain_mm,volume_m3"),
        ("month,rain_mm,volume_m3\n1,2\n", "line 2: 1,2: must be a month and two numbers"),
        ("month,rain_mm,volume_m3\n1,wet,3\n", "line 2: 1,wet,3"),
        ("month,rain_mm,volume_m3\n1,nan,3\n", "line 2: 1,nan,3"),
        ("month,rain_mm,volume_m3\n1,2,3\n1,2,3\n", "line 3: month 1 stands twice"),
        ("month,rain_mm,volume_m3\n1,2,3\n", r"months \[1\]: must be 1 to 12"),
    ],
)
def test_bad_normals(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "normals.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        read_normals(path)

"""`penstock twin` and `penstock bench generation`, as a user meets them."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pvlib
import pytest
from typer.testing import CliRunner

from finance.generation.curve import load_curve
from scripts.cli import main
from tests.finance.sam_wind import REAL, needs_real, run_sam, write_srw

GREENSBORO = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
CURVE = "wind_speed_m_s,power_kw\n3,0\n6,300\n12,2000\n25,2000\n"


def call(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    path = tmp_path / "curve.csv"
    path.write_text(CURVE, encoding="utf-8")
    return path


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    """A year of 7.5 m/s at the reference density."""
    air = {"Temperature": 15.0, "Pressure": 1.0, "Speed": 7.5}
    return write_srw(
        tmp_path / "steady.srw", [(name, 80.0, np.full(8760, value)) for name, value in air.items()]
    )


def test_steady_wind_by_hand(steady: Path, curve: Path) -> None:
    """300 + 1.5/6 x 1700 = 725 kW, all year: 6351 MWh, of 2 MW 36.25 %."""
    code, out, err = call("twin", "wind", "--weather", steady, "--curve", curve, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["annual_mwh"] == pytest.approx(6351, rel=1e-12)
    assert found["energy_wh"] == "6351000000"
    assert found["capacity_factor"] == pytest.approx(0.3625)
    assert found["mean_speed_m_s"] == pytest.approx(7.5)
    assert found["monthly_mwh"]["2"] == pytest.approx(0.725 * 672)
    assert found["hours_lost_at_cut_out"] == 0
    assert found["hub_height_m"] == 80
    assert found["heights"]["speed_m_s"] == "measured at 80 m"
    options = ("--turbines", "10", "--efficiency", "0.9", "--availability", "0.95", "--capacity-mw", "6")
    found = json.loads(call("twin", "wind", "--weather", steady, "--curve", curve, *options, "--json")[1])
    assert found["annual_mwh"] == pytest.approx(min(7.25 * 0.9 * 0.95, 6) * 8760)


@needs_real
@pytest.mark.parametrize("turbine", ["V100/1800", "E-82/2000", "V164/9500"])
def test_default_is_sams_year(turbine: str) -> None:
    """With a weather file and a curve alone: one turbine, no loss, hub at 80 m."""
    name = f"windpowerlib:{turbine}"
    code, out, _ = call("twin", "wind", "--weather", REAL, "--curve", name, "--json")
    assert code == 0
    found = json.loads(out)
    sam = run_sam(REAL, load_curve(name), 80.0).annual_kwh / 1000
    print(f"{turbine}: {found['annual_mwh']} MWh, SAM {sam} MWh, {found['annual_mwh'] / sam - 1:+.1e}")
    assert found["annual_mwh"] == pytest.approx(sam, rel=1e-7)
    assert found["energy_mwh_hourly_density"] == pytest.approx(sam, rel=2e-5)
    assert int(found["energy_wh"]) / 1e6 == pytest.approx(found["energy_mwh_hourly_density"], rel=1e-5)
    assert sum(found["monthly_mwh"].values()) == pytest.approx(found["annual_mwh"])


def test_wind_tables_and_csv(steady: Path, curve: Path, tmp_path: Path) -> None:
    target = tmp_path / "hours.csv"
    code, out, err = call(
        "twin", "wind", "--weather", steady, "--curve", curve, "--hub-height", "100", "--csv", target
    )
    assert (code, err) == (0, "")
    for text in (
        "Capacity factor",
        "Mean wind speed",
        "for shear",
        "Hours lost at cut-out",
        "Dec",
        "in whole Wh",
    ):
        assert text in out
    with target.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8760
    assert rows[0]["time"] == "01-01 00:00"
    assert float(rows[0]["speed_m_s"]) == pytest.approx(7.5 * 1.25**0.14, rel=1e-9)
    assert float(rows[0]["energy_mwh"]) * 1e6 == pytest.approx(int(rows[0]["energy_wh"]), abs=3000)


def test_hub_height_of_the_curve_file(steady: Path, tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({"wind_speed_m_s": [0, 20], "power_kw": [0, 2000], "hub_height_m": 90}))
    assert (
        json.loads(call("twin", "wind", "--weather", steady, "--curve", path, "--json")[1])["hub_height_m"]
        == 90
    )
    other = call("twin", "wind", "--weather", steady, "--curve", path, "--hub-height", "85", "--json")[1]
    assert json.loads(other)["hub_height_m"] == 85


def test_leap_day_pressure_and_terms_too_fine(tmp_path: Path, curve: Path) -> None:
    columns = [("Temperature", 80.0, np.full(8784, 15.0)), ("Speed", 80.0, np.full(8784, 7.5))]
    path = write_srw(tmp_path / "leap.srw", columns)
    code, _, err = call("twin", "wind", "--weather", path, "--curve", curve)
    assert code == 2
    assert "no column of pressure_pa" in err
    wind = ("twin", "wind", "--weather", path, "--curve", curve, "--elevation", "-80", "--json")
    found = json.loads(call(*wind)[1])
    assert found["annual_mwh"] == pytest.approx(6351)
    assert "29 February" in found["notes"][0]
    kept = json.loads(call(*wind, "--keep-leap-day", "--efficiency", "0.98765432")[1])
    assert kept["annual_mwh"] == pytest.approx(0.725 * 8784 * 0.98765432)
    assert kept["energy_wh"] is None
    assert "finer than one part in 1000000" in kept["notes"][0]


def test_part_of_a_year_has_no_annual_energy(tmp_path: Path, curve: Path) -> None:
    path = tmp_path / "week.csv"
    rows = [f"{date(2023, 5, 1) + timedelta(days=k)},7.5,15,101325" for k in range(7)]
    path.write_text("time,speed_m_s@80,temperature_c@80,pressure_pa@80\n" + "\n".join(rows) + "\n")
    found = json.loads(call("twin", "wind", "--weather", path, "--curve", curve, "--json")[1])
    assert found["annual_mwh"] is None
    assert found["energy_mwh"] == pytest.approx(0.725 * 24 * 7)


def test_bad_input_is_one_line(steady: Path, curve: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.srw"
    bad.write_text(steady.read_text().replace("7.5", "-7.5", 1))
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("wind", "--weather", bad, "--curve", curve), "line 6: speed_m_s at 80 m = -7.5"),
        (("wind", "--weather", tmp_path / "none.srw", "--curve", curve), "No such file"),
        (("wind", "--weather", steady, "--curve", tmp_path / "none.csv"), "No such file"),
        (("wind", "--weather", steady, "--curve", "windpowerlib:V1"), "no such power curve"),
        (("wind", "--weather", steady, "--curve", curve, "--hub-height", "120"), "more than 35 m away"),
        (("wind", "--weather", steady, "--curve", curve, "--turbines", "0"), "turbines = 0"),
        (("wind", "--weather", steady, "--curve", curve, "--csv", "x.txt"), "must end in .csv"),
        (("solar", "--weather", steady, "--dc-kw", "1", "--ac-kw", "1"), "neither a plain table"),
        (("water",), "needs --inflow (run-of-river) or --rain (utility)"),
        (("water", "--rain", "r.csv", "--tariff", "1"), "needs --normals, --response too"),
        (("water", "--inflow", "r.csv", "--head", "9"), "needs --largest-flow, --efficiency too"),
    ]
    for arguments, reason in cases:
        code, out, err = call("twin", *arguments)
        assert (code, out) == (2, ""), arguments
        assert reason in err
        assert err.count("\n") == 1, err


def test_solar(tmp_path: Path) -> None:
    target = tmp_path / "solar.csv"
    solar = ("twin", "solar", "--weather", GREENSBORO, "--dc-kw", "1000", "--ac-kw", "800", "--tilt", "25")
    code, out, err = call(*solar, "--json", "--csv", target)
    assert (code, err) == (0, "")
    found = json.loads(out)
    # Fixed arrays in North Carolina yield 1,400 to 1,700 kWh a year per kW without losses.
    assert 1400 < found["annual_mwh"] < 1700
    with target.open() as file:
        assert sum(float(row["energy_mwh"]) for row in csv.DictReader(file)) == pytest.approx(
            found["annual_mwh"]
        )
    assert "Hours at the inverters' rating" in call(*solar, "--tracking")[1]


def test_run_of_river(tmp_path: Path) -> None:
    path, target = tmp_path / "flow.csv", tmp_path / "energy.csv"
    rows = [f"{date(2023, 1, 1) + timedelta(days=k)},{20 if k < 100 else 1}" for k in range(365)]
    path.write_text("time,inflow_m3_s\n" + "\n".join(rows) + "\n")
    river = ("twin", "water", "--inflow", path, "--head", "50", "--largest-flow", "20", "--efficiency", "0.9")
    code, out, err = call(*river, "--smallest-flow", "2", "--json", "--csv", target)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["annual_mwh"] == pytest.approx(8.825985 * 2400)
    assert found["hours_without_production"] == 265 * 24
    with target.open() as file:
        assert sum(int(row["energy_wh"]) for row in csv.DictReader(file)) == int(found["energy_wh"])
    assert "Ecological flow" in call(*river)[1]


def test_utility(tmp_path: Path) -> None:
    rain, normals, target = tmp_path / "rain.csv", tmp_path / "normals.csv", tmp_path / "revenue.csv"
    rows = [f"{date(2023, 1, 1) + timedelta(days=k)},{4 if k < 31 else 3}" for k in range(59)]
    rain.write_text("time,rain_mm\n" + "\n".join(rows) + "\n")
    normals.write_text("month,rain_mm,volume_m3\n" + "".join(f"{m},84,1000000\n" for m in range(1, 13)))
    utility = (
        "twin", "water", "--rain", rain, "--normals", normals, "--response", "0.001", "--tariff", "1.35",
        "--fixed", "1000.50",
    )  # fmt: skip
    code, out, err = call(*utility, "--json", "--csv", target)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [month["rain_mm"] for month in found["months"]] == ["124.0", "84.0"]
    # exp(-0.04) = 0.960789; February is normal.
    assert [month["volume_m3"] for month in found["months"]] == ["960789", "1000000"]
    assert int(found["revenue"]) == 135 * (960_789 + 1_000_000) + 2 * 100_050
    assert found["response_origin"] == "assumed"
    with target.open() as file:
        assert [row["month"] for row in csv.DictReader(file)] == ["1", "2"]
    table = call(*utility)[1]
    assert "-52,934.85" in table
    assert "assumed" in table


def test_benchmark() -> None:
    code, out, _ = call("bench", "generation", "--repeat", "1", "--json")
    assert code == 0
    found = {row["what"]: row for row in json.loads(out)["results"]}
    assert found["Wind proxy energy: largest difference to NumPy, of the cap"]["met"]
    assert found["Wind proxy energy: NumPy (cbrt, interp)"]["rival"]

"""Wind files: what is read from them, at which height, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pvlib
import pytest

from finance.generation.tables import read_table
from finance.generation.tmy3 import packaged, tmy3_columns
from finance.generation.weather import Quantity, standard_pressure
from finance.generation.wind_files import read_wind
from finance.terms import InputError
from tests.finance.sam_wind import NAMES, write_srw

HOURS = 8760


def series(value: float, hours: int = HOURS) -> np.ndarray:
    return np.full(hours, value)


def good_columns(hours: int = HOURS) -> list[tuple[str, float, np.ndarray]]:
    return [
        (name, height, series(value + height / 1000, hours))
        for height in (50.0, 80.0)
        for name, value in (("Temperature", 10.0), ("Pressure", 0.9), ("Direction", 180.0), ("Speed", 7.0))
    ]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_srw(tmp_path / "good.srw", good_columns())


def edited(path: Path, line: int, how: Callable[[str], str]) -> Path:
    """`path` with `how` applied to its line (from 1)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = how(lines[line - 1])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def cell(line: str, column: int, text: str) -> str:
    cells = line.split(",")
    cells[column - 1] = text
    return ",".join(cells)


def test_good_file(good: Path) -> None:
    record = read_wind(good)
    assert record.steps == HOURS
    assert record.heights(Quantity.SPEED) == [50, 80]
    assert not record.has_leap_day
    assert np.bincount(record.months)[1:].tolist() == [
        24 * d for d in (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    ]
    at = record.at_height(65.0)
    assert at.speed[0] == pytest.approx(7.065)
    assert at.temperature[0] == pytest.approx(10.065)
    assert at.pressure[0] == pytest.approx(0.965 * 101_325)
    assert at.rules["speed_m_s"] == "interpolated between 50 m and 80 m"
    assert record.at_height(80.0).rules["speed_m_s"] == "measured at 80 m"
    high = record.at_height(100.0, shear=0.2)
    assert high.speed[0] == pytest.approx(7.08 * 1.25**0.2, rel=1e-9)
    assert "shear" in high.rules["speed_m_s"]
    assert high.temperature[0] == pytest.approx(10.08)


def test_each_quantity_takes_its_own_height(tmp_path: Path) -> None:
    columns = [("Speed", 80.0, series(7)), ("Temperature", 2.0, series(12)), ("Pressure", 0.5, series(0.95))]
    at = read_wind(write_srw(tmp_path / "own.srw", columns)).at_height(80.0)
    assert (at.speed[0], at.temperature[0], at.pressure[0]) == (7, 12, 0.95 * 101_325)


@pytest.mark.parametrize(
    ("unit", "value"),
    [("atm", 0.95), ("Pa", 96_258.75), ("hPa", 962.5875), ("mbar", 962.5875), ("kPa", 96.25875)],
)
def test_units_of_pressure(unit: str, value: float, tmp_path: Path) -> None:
    columns = [("Speed", 80.0, series(7)), ("Temperature", 80.0, series(12)), ("Pressure", 80.0, series(0))]
    path = write_srw(tmp_path / "unit.srw", columns, NAMES | {"Pressure": unit})
    text = path.read_text().replace(",0\n", f",{value}\n")
    path.write_text(text)
    assert read_wind(path).at_height(80.0).pressure[0] == pytest.approx(96_258.75)


def test_leap_day_is_known_and_can_go(tmp_path: Path) -> None:
    columns = good_columns(8784)
    day = slice(59 * 24, 60 * 24)
    for name, _, values in columns:
        if name == "Speed":
            values[day] = 99.0
    record = read_wind(write_srw(tmp_path / "leap.srw", columns))
    assert record.has_leap_day
    assert record.at_height(80.0).speed.max() == 99
    without = record.without_leap_day()
    assert without.steps == HOURS
    assert without.at_height(80.0).speed.max() == pytest.approx(7.08)


def test_blank_lines_and_commas_at_the_end(good: Path) -> None:
    text = good.read_text()
    lines = text.splitlines()
    good.write_text("\n".join(line + ",," for line in lines) + "\n\n,,\n")
    assert read_wind(good).at_height(80.0).speed[0] == pytest.approx(7.08)


def test_a_mark_for_missing_data_is_allowed_where_it_is_not_used(good: Path) -> None:
    record = read_wind(edited(good, 100, lambda line: cell(line, 4, "N/A")))
    assert record.at_height(80.0).speed[0] == pytest.approx(7.08)
    with pytest.raises(InputError, match=r"speed_m_s at 50 m is missing at 01-04 22:00 and 0 other steps"):
        record.at_height(65.0)


BAD = [
    (1, lambda line: "id,city", "line 1: 2 cells; at least 8"),
    (3, lambda line: line.replace("Speed", "Humidity"), "line 3: column 4 = Humidity"),
    (3, lambda line: line.replace("Speed", "Direction"), "line 3: no column Speed"),
    (4, lambda line: line.replace("m/s", "knots"), "unit of speed_m_s = knots: must be one of m/s"),
    (4, lambda line: line.replace("C", "F"), "unit of temperature_c = F"),
    (5, lambda line: line.removesuffix(",80"), "line 5: 7 heights, but line 3 names 8 columns"),
    (5, lambda line: cell(line, 2, "high"), "line 5: height = high: not a finite number"),
    (5, lambda line: cell(line, 2, "-50"), "line 5: height = -50: must lie between 0 and 1000"),
    (6, lambda line: line.removesuffix(",7.08"), "line 6: 7 cells, but 8 columns"),
    (7, lambda line: line + ",3", "line 7: 9 cells, but 8 columns"),
    (9, lambda line: cell(line, 4, "calm"), r"line 9: column 4 \(speed_m_s\) = calm: not a finite number"),
    (9, lambda line: cell(line, 4, ""), r"line 9: column 4 \(speed_m_s\) = : missing"),
    (9, lambda line: cell(line, 4, "7.0x"), "= 7.0x: not a finite number"),
    (9, lambda line: cell(line, 4, "inf"), "= inf: not a finite number"),
    (9, lambda line: cell(line, 8, "-0.1"), "line 9: speed_m_s at 80 m = -0.1: must lie between 0 and 120"),
    (8764, lambda line: cell(line, 8, "121"), "line 8764: speed_m_s at 80 m = 121"),
    (9, lambda line: cell(line, 1, "-999"), "line 9: temperature_c at 50 m = -999"),
    (9, lambda line: cell(line, 2, "0.2"), "line 9: pressure_pa at 50 m = 20265: must lie between 30000"),
    (9, lambda line: cell(line, 2, "1.2"), "line 9: pressure_pa at 50 m = 1.2: must lie"),
    (9, lambda line: "", "line 9: 0 cells, but 8 columns"),
]


@pytest.mark.parametrize(("line", "how", "reason"), BAD)
def test_bad_files(line: int, how: Callable[[str], str], reason: str, good: Path) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_wind(edited(good, line, how))
    assert "\n" not in str(caught.value)
    assert str(good) in str(caught.value)


@pytest.mark.parametrize("rows", [1, 24, 8759, 8761, 9000])
def test_rows_that_are_no_year(rows: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{rows} rows; 8760 hours"):
        read_wind(write_srw(tmp_path / "short.srw", good_columns(rows)))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.srw", b"", "empty"),
        ("a.srw", b"\n\n\n", "empty"),
        ("a.srw", b"\xff\xfe\x00\x01", "not a text file"),
        ("a.srw", b"one line", "1 lines; five header lines"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"speed\n7\n", "neither a plain table"),
        (
            "a.csv",
            b"x,Site Timezone,-6,Data Timezone,-7\nYear,speed at 80m\n",
            "differs from site timezone -6",
        ),
        ("a.csv", b"x\nYear,Month,wind speed (m/s)\n2001,1,7\n", "no height in the name"),
        ("a.csv", b"x\nYear,Month,air temperature at 80m (C)\n2001,1,7\n", "no column of wind speed"),
        ("a.csv", b"x\nYear,wind speed at 80m (mph)\n2001,7\n", "unit of speed_m_s = mph"),
    ],
)
def test_files_of_no_known_form(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_wind(path)


def test_missing_quantities(tmp_path: Path) -> None:
    columns = [("Speed", 80.0, series(7)), ("Temperature", 80.0, series(12))]
    record = read_wind(write_srw(tmp_path / "no-pressure.srw", columns))
    with pytest.raises(InputError, match="no column of pressure_pa"):
        record.at_height(80.0)
    filled = record.with_standard_pressure(920.0, 80.0).at_height(80.0)
    assert filled.pressure[0] == pytest.approx(standard_pressure(1000.0))
    with pytest.raises(InputError, match="no column of temperature_c"):
        read_wind(write_srw(tmp_path / "no-air.srw", columns[:1])).at_height(80.0)


@pytest.mark.parametrize(
    ("hub", "shear", "reason"), [(0, 0.1, "hub height = 0"), (80, -1, "shear = -1"), (116, 0.1, "35 m")]
)
def test_bad_heights(hub: float, shear: float, reason: str, good: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read_wind(good).at_height(hub, shear)


def test_standard_pressure_is_pvlibs() -> None:
    from pvlib.atmosphere import alt2pres

    for altitude in (-100, 0, 500, 1500, 3000):
        assert standard_pressure(altitude) == pytest.approx(alt2pres(altitude), rel=2e-5)


# The plain form


PLAIN = "time,speed_m_s@80,temperature_c@80,pressure_pa@80"


def plain(path: Path, *rows: str, header: str = PLAIN) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_plain_file(tmp_path: Path) -> None:
    rows = [f"2024-02-29T{hour:02d}:{minute:02d}:00Z,7.5,11,96000" for hour in (22, 23) for minute in (0, 30)]
    record = read_wind(plain(tmp_path / "p.csv", *rows, "2024-03-01T00:00:00Z,8.5,11,96000"))
    assert record.step_seconds == 1800
    assert record.months.tolist() == [2, 2, 2, 2, 3]
    assert record.has_leap_day
    at = record.at_height(80.0)
    assert at.hours == 2.5
    assert at.speed.tolist() == [7.5, 7.5, 7.5, 7.5, 8.5]
    assert at.labels[0] == "2024-02-29T22:00:00+00:00"


def test_plain_file_in_atmospheres(tmp_path: Path) -> None:
    path = plain(
        tmp_path / "p.csv", "2024-01-01,7,11,0.95", header=PLAIN.replace("pressure_pa", "pressure_atm")
    )
    assert read_wind(path).at_height(80.0).pressure.tolist() == [0.95 * 101_325]


@pytest.mark.parametrize(
    ("header", "rows", "reason"),
    [
        (PLAIN, [], "no rows under the header"),
        ("time", ["2024-01-01"], "no column beside time"),
        (PLAIN + ",gusts", ["2024-01-01,1,1,96000,1"], "unknown column 'gusts'"),
        (PLAIN + ",speed_m_s@80.0", ["2024-01-01,1,1,96000,1"], "speed_m_s@80 stands twice"),
        (PLAIN, ["2024-01-01,7,11"], "line 2: 3 cells, but 4 columns"),
        (PLAIN, ["noon,7,11,96000"], "line 2: time = noon: not an ISO 8601 time"),
        (PLAIN, ["2024-01-01,,11,96000"], "line 2: speed_m_s@80 = : missing"),
        (PLAIN, ["2024-01-01,1_0,11,96000"], "line 2: speed_m_s@80 = 1_0: not a finite number"),
        (PLAIN, ["2024-01-01,-1,11,96000"], "line 2: speed_m_s at 80 m = -1"),
        (
            PLAIN,
            ["2024-01-01T00:00,7,11,96000", "2024-01-01T01:00,7,11,96000", "2024-01-01T03:00,7,11,96000"],
            r"line 4: time = 2024-01-01T03:00:00: 2:00:00 after the line before, but the step is 1:00:00",
        ),
        (PLAIN, ["2024-01-01T00:00,7,11,96000"] * 2, "line 3: time: a step of 0:00:00 does not divide a day"),
        (PLAIN, ["2024-01-01T00:00,7,11,96000", "2024-01-01T01:00Z,7,11,96000"], "some rows have an offset"),
    ],
)
def test_bad_plain_files(header: str, rows: list[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        read_wind(plain(tmp_path / "p.csv", *rows, header=header))


def test_tables_refuse_a_first_column_that_is_not_time(tmp_path: Path) -> None:
    path = plain(tmp_path / "t.csv", "1,2", header="date,rain_mm")
    with pytest.raises(InputError, match="first column must be time, found 'date'"):
        read_table(path, lambda name: name)


@pytest.mark.parametrize("name", ["723170TYA.CSV", "703165TY.csv"])
def test_typical_years_are_pvlibs(name: str) -> None:
    columns = ("Wspd (m/s)", "Dry-bulb (C)", "GHI (W/m^2)", "Pressure (mbar)")
    frame, _ = pvlib.iotools.read_tmy3(packaged(name), map_variables=False)
    for ours, column in zip(tmy3_columns(packaged(name), *columns), columns, strict=True):
        assert len(ours) == 8760
        np.testing.assert_array_equal(ours, frame[column].to_numpy(np.float64))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing.csv", "nothing.csv: pvlib ships no such file"),
        ("12839.tm2", "no TMY3 file with Wspd"),
        ("ASTMG173.csv", "no TMY3 file with Wspd"),
        ("Altitude.h5", "no TMY3 file with Wspd"),
    ],
)
def test_what_is_no_typical_year(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        tmy3_columns(packaged(name), "Wspd (m/s)")


def test_a_cell_of_a_typical_year_that_is_no_number(tmp_path: Path) -> None:
    lines = packaged("723170TYA.CSV").read_text().splitlines()[:4]
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([*lines[:3], lines[3].replace(",10.0,", ",warm,", 1)]))
    assert len(tmy3_columns(bad, "Wspd (m/s)")[0]) == 2
    with pytest.raises(InputError, match="warm"):
        tmy3_columns(bad, "Wspd (m/s)", "Dry-bulb (C)")

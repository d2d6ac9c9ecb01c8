"""Rain: the unit trap of the packaged file, the clock, gauges, resampling."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finance.terms import InputError
from oracle.twins.rain import (
    RainError,
    RainSeries,
    from_csv,
    gauge,
    node_rain,
    resample_storms,
    storms,
    tmy3_rain,
    to_csv,
)

START = datetime(2020, 1, 1, tzinfo=UTC)


def series(*depths: float, step: int = 3600) -> RainSeries:
    return RainSeries(START, step, tuple(depths), "test")


def test_year_is_834_mm_in_358_wet_hours(rain: RainSeries) -> None:
    assert rain.total_mm == pytest.approx(834.5)
    assert rain.wet_steps == 358
    assert (rain.start, rain.end) == (START, datetime(2021, 1, 1, tzinfo=UTC))


def test_same_column_as_pvlib_reads_month_by_month(rain: RainSeries) -> None:
    """A peer reads the file; ours is its column in tenths of a millimetre."""
    pvlib = pytest.importorskip("pvlib")
    file = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    frame, meta = pvlib.iotools.read_tmy3(file, coerce_year=None, map_variables=False)
    column = frame["Lprecip depth (mm)"]
    assert meta["USAF"] == 723170
    assert (column.sum(), (column > 0).sum()) == (8345, 358)
    theirs = column.groupby(frame["Date (MM/DD/YYYY)"].str[:2]).sum()
    ours = dict.fromkeys(range(1, 13), 0.0)
    for time, depth in rain.wet():
        ours[time.month] += depth
    for month in range(1, 13):
        assert ours[month] * 10 == pytest.approx(theirs[f"{month:02d}"])


def test_values_are_tips_of_a_hundredth_of_an_inch(rain: RainSeries) -> None:
    """Evidence for the unit: 0.01 inch is 0.254 mm; in tenths of a millimetre, multiples of 2.54, rounded."""
    tenths = [round(10 * depth) for _, depth in rain.wet()]
    tips = [value for value in tenths if round(round(value / 2.54) * 2.54) == value]
    assert len(tips) / len(tenths) > 0.95
    # Not so by chance: of the integers from 3 to 250 only two in five are.
    chance = sum(round(round(value / 2.54) * 2.54) == value for value in range(3, 251)) / 248
    assert chance < 0.45


def test_hours_carry_their_start(rain: RainSeries) -> None:
    """The file's line "07/28, 17:00, 300" is the hour from 16:00, 30.0 mm; its last hour is 23:00."""
    wet = dict(rain.wet())
    assert wet[datetime(2020, 7, 28, 16, tzinfo=UTC)] == 30.0
    assert wet[datetime(2020, 9, 23, 0, tzinfo=UTC)] == 50.0


def test_leap_day_is_dry_and_other_years_have_none(rain: RainSeries) -> None:
    assert len(rain.depths_mm) == 8784
    assert all(time.date().isoformat() != "2020-02-29" for time, _ in rain.wet())
    assert len(tmy3_rain(2021).depths_mm) == 8760
    assert tmy3_rain(2021).total_mm == pytest.approx(rain.total_mm)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",0,1,D,9,", ",-9900,1,D,9,", "line 3: depth -9900"),  # the file's code for missing
        (",0,1,D,9,", ",0,6,D,9,", "line 3: .* not hourly"),
        (",0,1,D,9,", ",x,1,D,9,", "line 3"),
        ("Lprecip depth", "Rain", "line 3: 'Lprecip depth"),
        ("12/31/1980,24:00", "\n", ": 87"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    import pvlib

    text = (Path(pvlib.__file__).parent / "data" / "723170TYA.CSV").read_text()
    assert old in text
    file = tmp_path / "rain.csv"
    file.write_text(text.replace(old, new, 1) if new != "\n" else text[: text.index(old)])
    with pytest.raises(RainError, match=says):
        tmy3_rain(2020, file)


def test_csv_round_trip(rain: RainSeries) -> None:
    assert from_csv(to_csv(rain)) == rain
    assert from_csv(to_csv(series(0.0, 0.0))) == series(0.0, 0.0)
    assert from_csv(to_csv(series(0.1, 0.0, 2.5, step=300))) == series(0.1, 0.0, 2.5, step=300)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:30:00Z,2.5", "line 5: .*T01:30:00Z is off the grid"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T00:00:00Z,2.5", "line 5: .* or given twice"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T03:00:00Z,2.5", "line 5: .* off the grid"),  # beyond the end
        ("2020-01-01T01:00:00Z,2.5", "2019-12-31T23:00:00Z,2.5", "line 5: .* off the grid"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,-2.5", "step 1: depth -2.5 mm"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,nan", "step 1: depth nan mm"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,inf", "step 1: depth inf mm"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,2.5,1", "line 5: expected a time and a depth"),
        ("steps=3", "steps=0", "line 2: steps = 0"),
        ("steps=3", "steps=10000001", "line 2: steps = 10000001"),  # of minutes, nineteen years
        ("steps=3", "steps=99999999999", "line 2: steps = 99999999999"),
        ("step_seconds=3600", "step_seconds=0", "line 2: .*step_seconds = 0"),
        ("step_seconds=3600", "step_seconds=-3600", "line 2: .*step_seconds = -3600"),
        ("steps=3", "steps=x", "line 2: expected"),
        ("steps=3", "", "line 2: expected"),
        ("start_utc,depth_mm", "start,depth", "line 3: expected start_utc,depth_mm"),
    ],
)
def test_damaged_csv_is_refused(old: str, new: str, says: str) -> None:
    text = to_csv(series(1.0, 2.5, 0.0))
    assert old in text
    with pytest.raises(RainError, match=rf"^node\.csv: {says}"):
        from_csv(text.replace(old, new), "node.csv")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start": START.replace(tzinfo=None)}, "no time zone"),
        ({"step_seconds": 0}, "step_seconds = 0: must divide an hour"),
        ({"step_seconds": -60}, "step_seconds = -60: must divide an hour"),
        ({"step_seconds": 7}, "step_seconds = 7: must divide an hour"),
        ({"step_seconds": 7200}, "step_seconds = 7200: must divide an hour"),
        ({"depths_mm": ()}, "no steps"),
        ({"depths_mm": (0.0, -0.01)}, "step 1: depth -0.01 mm"),
        ({"depths_mm": (float("nan"),)}, "step 0: depth nan mm"),
        ({"depths_mm": (float("inf"),)}, "step 0: depth inf mm"),
    ],
)
def test_what_is_no_rain_record(change: dict[str, Any], says: str) -> None:
    fields = {"start": START, "step_seconds": 3600, "depths_mm": (0.0, 0.4), "source": "test"}
    RainSeries(**fields)  # type: ignore[arg-type]
    with pytest.raises(RainError, match=says):
        RainSeries(**{**fields, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [1, 60, 300, 1800, 3600])
def test_steps_that_divide_an_hour(step: int) -> None:
    found = series(0.25, 0.0, 1.5, step=step)
    assert (found.end - START).total_seconds() == 3 * step
    assert from_csv(to_csv(found)) == found


def test_without_pvlib_there_is_no_rain_year(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in (None, SimpleNamespace(submodule_search_locations=None)):
        monkeypatch.setattr("finance.generation.tmy3.find_spec", lambda _name, found=spec: found)
        with pytest.raises(InputError, match="pvlib, which ships it, is not installed"):
            tmy3_rain(2020)


def test_gauge_bias_noise_and_seed(rain: RainSeries) -> None:
    exact = gauge(rain, bias=0, noise=0, seed=1)
    assert exact.depths_mm == rain.depths_mm  # the file's depths are multiples of the resolution
    high = gauge(rain, bias=0.10, noise=0, seed=1)
    assert high.total_mm == pytest.approx(1.10 * rain.total_mm, rel=1e-3)
    noisy = gauge(rain, bias=0, noise=0.05, seed=1)
    assert noisy == gauge(rain, bias=0, noise=0.05, seed=1)
    assert noisy != gauge(rain, bias=0, noise=0.05, seed=2)
    ratios = [seen / true for seen, true in zip(noisy.depths_mm, rain.depths_mm, strict=True) if true > 2]
    assert statistics.stdev(ratios) == pytest.approx(0.05, rel=0.25)
    assert all(seen == 0 for seen, true in zip(noisy.depths_mm, rain.depths_mm, strict=True) if true == 0)
    for wrong, noise in ((1, 0), (-1, 0), (0, -0.01)):
        with pytest.raises(RainError, match=f"gauge bias {wrong}, noise {noise}: out of range"):
            gauge(rain, bias=wrong, noise=noise, seed=1)


def test_a_gauge_shows_whole_hundredths_and_never_less_than_nothing() -> None:
    truth = series(*[1.0, 2.6, 0.0, 7.4] * 500)
    noisy = gauge(truth, bias=0.01, noise=0.05, seed=1)
    assert all(depth == float(f"{depth:.2f}") for depth in noisy.depths_mm)
    assert any(depth != float(f"{depth:.1f}") for depth in noisy.depths_mm)
    wild = gauge(truth, bias=0, noise=2.0, seed=1)
    assert min(wild.depths_mm) == 0
    assert wild.total_mm > truth.total_mm  # what is cut off at nothing has no counterpart above


def test_storms_are_parted_by_six_dry_hours() -> None:
    depths = [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3]
    assert storms(depths) == [(1, 8), (14, 15)]
    assert storms([0, 0]) == []


def test_resampled_years_keep_the_climate(rain: RainSeries) -> None:
    """The mean over many years is the year's own depth; the standard error of 120 is about 15 mm."""
    depths = [resample_storms(rain, seed).total_mm for seed in range(120)]
    error = statistics.stdev(depths) / len(depths) ** 0.5
    assert abs(statistics.mean(depths) - rain.total_mm) < 4 * error
    assert 0.10 < statistics.stdev(depths) / rain.total_mm < 0.30  # years differ
    assert resample_storms(rain, 7) == resample_storms(rain, 7)
    year = resample_storms(rain, 7)
    assert len(year.depths_mm) == len(rain.depths_mm)
    assert not any(time.month == 2 and depth > 60 for time, depth in year.wet())


def test_a_record_of_a_part_of_a_year_is_resampled_within_it() -> None:
    """Months that it does not have get no storms, and a dry one stays dry."""
    january = series(*([0.0, 3.0, 1.0] + [0.0] * 45) * 15)
    depths = [resample_storms(january, seed).total_mm for seed in range(40)]
    assert len(resample_storms(january, 1).depths_mm) == len(january.depths_mm)
    # Storms of 4 mm each, 5 on average: those of January are a third of what its season would have.
    assert 10 < statistics.mean(depths) < 30
    dry = series(*[0.0] * 100)
    assert resample_storms(dry, 1).depths_mm == dry.depths_mm


@pytest.mark.parametrize(
    ("begin", "end", "years"),
    [
        ((2020, 1, 1), (2021, 1, 1), (2020, 2020)),
        ((2020, 7, 1), (2021, 1, 1), (2020, 2020)),
        ((2020, 7, 1), (2021, 1, 2), (2020, 2021)),
        ((2019, 12, 31), (2021, 7, 1), (2019, 2021)),
    ],
)
def test_nodes_have_the_calendar_years_that_their_periods_touch(
    begin: tuple[int, int, int], end: tuple[int, int, int], years: tuple[int, int]
) -> None:
    seconds = [int(datetime(*day, tzinfo=UTC).timestamp()) for day in (begin, end)]
    found, _ = node_rain(*seconds, seed=1)
    first, last = years
    assert found.start == datetime(first, 1, 1, tzinfo=UTC)
    assert found.end == datetime(last + 1, 1, 1, tzinfo=UTC)
    assert found.total_mm == pytest.approx((last - first + 1) * 834.5)  # the typical year, again and again
    assert ("repeated" in found.source) == (last > first)
    assert f"{first}" in found.source
    assert f"{last}" in found.source

"""Rain: the unit trap of the packaged file, the clock, gauges, resampling."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oracle.twins.rain import (
    RainError,
    RainSeries,
    from_csv,
    gauge,
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
    ("old", "new"),
    [
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:30:00Z,2.5"),  # off the grid
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T00:00:00Z,2.5"),  # twice
        ("2020-01-01T01:00:00Z,2.5", "2020-02-01T01:00:00Z,2.5"),  # beyond the end
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,-2.5"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,nan"),
        ("2020-01-01T01:00:00Z,2.5", "2020-01-01T01:00:00Z,2.5,1"),
        ("steps=3", "steps=0"),
        ("steps=3", "steps=99999999999"),
        ("start_utc,depth_mm", "start,depth"),
    ],
)
def test_damaged_csv_is_refused(old: str, new: str) -> None:
    text = to_csv(series(1.0, 2.5, 0.0))
    assert old in text
    with pytest.raises(RainError, match=r"^node\.csv: "):
        from_csv(text.replace(old, new), "node.csv")


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
    with pytest.raises(RainError, match="bias 1"):
        gauge(rain, bias=1.0, noise=0, seed=1)


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

"""Tables of hours and days: what is read, what is refused and in which words, and cutting to a period."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oracle.methods.series import Series, SeriesError, iso, read_file, read_series, whole_number

HOUR, DAY = 3600, 86_400
JUNE = 1_496_275_200  # 2017-06-01T00:00Z
HOURS = "time,depth\n2017-06-01T00:00Z,1.5\n2017-06-01T01:00Z,-0.25\n2017-06-01T02:00Z,0\n"


def two(name: str) -> int:
    """Decimals of the only column there is."""
    if name != "depth":
        raise KeyError("unknown; there is depth")
    return 2


def series(begin: int, values: list[int], step: int = HOUR) -> Series:
    return Series("by hand", begin, step, {"depth": np.array(values)}, {"depth": 2})


def test_a_table_is_read_to_the_digit_and_written_again() -> None:
    found = read_series(HOURS, "t.csv", two)
    assert (found.start, found.end, found.step, len(found)) == (JUNE, JUNE + 3 * HOUR, HOUR, 3)
    assert found.columns["depth"].tolist() == [150, -25, 0]
    assert found.values("depth").tolist() == [1.5, -0.25, 0.0]
    assert found.text() == HOURS.replace(",1.5\n", ",1.50\n").replace(",0\n", ",0.00\n")
    assert read_series(found.text(), "t.csv", two).text() == found.text()


def test_blank_lines_at_the_end_and_a_mark_at_the_beginning_are_what_spreadsheets_write(
    tmp_path: Path,
) -> None:
    assert len(read_series(HOURS + "\n , ,\n,\n", "t.csv", two)) == 3
    file = tmp_path / "t.csv"
    file.write_bytes(b"\xef\xbb\xbf" + HOURS.encode())
    assert len(read_file(file, two)) == 3


def test_a_file_that_is_none_says_why(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    with pytest.raises(SeriesError, match=r"t\.csv: cannot be read: No such file"):
        read_file(file, two)
    file.write_bytes(HOURS.encode() + b"\xe9")
    with pytest.raises(SeriesError, match=r"t\.csv: cannot be read: not UTF-8 text"):
        read_file(file, two)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("time,depth", "depth,time", "line 1: the first column must be time, found 'depth'"),
        ("time,depth", "time", "line 1: no column beside time"),
        ("time,depth", "time,depth,depth", "line 1: column depth stands twice"),
        ("time,depth", "time,width", "line 1: column 'width': unknown; there is depth"),
        (",1.5\n", ",1.5,2\n", "line 2: 3 cells, but 2 columns"),
        (",-0.25\n", "\n", "line 3: 1 cells, but 2 columns"),
        (",-0.25\n", ",\n", "line 3: depth = : missing"),
        (",-0.25\n", ",-0.255\n", "line 3: depth = -0.255: finer than 2 decimals"),
        (",0\n", ",x\n", "line 4: depth = x: not a plain decimal number"),
        ("2017-06-01T01:00Z", "1 June", "line 3: time = 1 June: not an ISO 8601 time"),
        ("2017-06-01T01:00Z", "2017-06-01T01:00", "line 3: time = 2017-06-01T01:00: must be UTC"),
        ("T02:00Z", "T02:00+01:00", r"line 4: time = 2017-06-01T02:00\+01:00: must be UTC and end in Z"),
        ("T02:00Z", "T04:00Z", "line 4: time = 2017-06-01T04:00Z: 2 hours missing before it"),
        ("T02:00Z", "T03:00Z", "line 4: time = 2017-06-01T03:00Z: 1 hour missing before it"),
        ("T02:00Z", "T01:00Z", "line 4: time = 2017-06-01T01:00Z: the hour stands twice"),
        ("T02:00Z", "T00:00Z", "line 4: time = 2017-06-01T00:00Z: before the line above"),
        ("T02:00Z", "T02:00:07Z", "line 4: time = 2017-06-01T02:00:07Z: not one hour after the line above"),
        ("T01:00Z", "T00:30Z", "line 3: time = 2017-06-01T00:30Z: not one hour after the line above"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, says: str) -> None:
    assert old in HOURS
    with pytest.raises(SeriesError, match=f"^t.csv: {says}"):
        read_series(HOURS.replace(old, new, 1), "t.csv", two)


def test_two_steps_are_the_fewest() -> None:
    lines = HOURS.splitlines(keepends=True)
    assert len(read_series("".join(lines[:3]), "t.csv", two)) == 2
    for few in (0, 1, 2):
        with pytest.raises(SeriesError, match=f"{few} lines; a header and at least two steps"):
            read_series("".join(lines[:few]), "t.csv", two)


def test_steps_begin_a_whole_hour_or_day() -> None:
    half = HOURS.replace(":00Z", ":30Z")
    with pytest.raises(SeriesError, match="line 2: time = 2017-06-01T00:30Z: must begin a whole hour in UTC"):
        read_series(half, "t.csv", two)
    days = HOURS.replace("01T00", "01T06").replace("01T01", "02T06").replace("01T02", "03T06")
    with pytest.raises(SeriesError, match="line 2: time = 2017-06-01T06:00Z: must begin a whole day in UTC"):
        read_series(days, "t.csv", two, (HOUR, DAY))
    with pytest.raises(SeriesError, match="line 3: time = 2017-06-02T06:00Z: 23 hours missing before it"):
        read_series(days, "t.csv", two)
    with pytest.raises(SeriesError, match="line 3: time = 2017-06-01T01:00Z: a step must be one day or 60 s"):
        read_series(HOURS, "t.csv", two, (DAY, 60))


def test_a_number_of_fifteen_digits_is_the_largest() -> None:
    """Decimals included; a 64-bit integer has eighteen, and columns are summed."""
    assert whole_number("9" * 15, 0) == whole_number("9" * 12 + "." + "9" * 3, 3) == 10**15 - 1
    assert whole_number("000" + "9" * 15, 0) == 10**15 - 1  # leading zeros are no digits
    for text, decimals in (("1" + "0" * 15, 0), ("9" * 13, 3), ("9" * 13 + ".5", 3)):
        with pytest.raises(ValueError, match="too large"):
            whole_number(text, decimals)
    assert whole_number("1.50000", 1) == 15  # zeros beyond the decimals are no digits either
    assert (whole_number("+2", 1), whole_number("-.5", 1), whole_number("5.", 1)) == (20, -5, 50)
    with pytest.raises(ValueError, match="missing"):
        whole_number("", 2)


# -- cutting


@pytest.mark.parametrize("begin", [JUNE, JUNE + 900])  # on the hour, and wherever a table made by hand begins
def test_a_cut_is_the_hours_of_the_period(begin: int) -> None:
    whole = series(begin, list(range(10)))
    assert whole.cut(begin, whole.end).text() == whole.text()
    part = whole.cut(begin + 2 * HOUR, begin + 5 * HOUR)
    assert (part.start, part.end, part.columns["depth"].tolist()) == (
        begin + 2 * HOUR,
        begin + 5 * HOUR,
        [2, 3, 4],
    )
    for start, end in (
        (begin - HOUR, begin + HOUR),
        (begin + HOUR, whole.end + HOUR),
        (begin + HOUR, begin + HOUR),
        (begin + 2 * HOUR, begin + HOUR),
        (begin + 1800, begin + 2 * HOUR + 1800),
    ):
        with pytest.raises(SeriesError, match=r"by hand: has .* which does not cover the period from"):
            whole.cut(start, end)
    with pytest.raises(SeriesError, match="3600 s do not divide the period to"):
        whole.cut(begin, begin + HOUR + 1800)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00Z"),
        (60, "1970-01-01T00:01Z"),
        (61, "1970-01-01T00:01:01Z"),
        (1, "1970-01-01T00:00:01Z"),
        (JUNE, "2017-06-01T00:00Z"),
    ],
)
def test_times_are_shown_as_they_are_written(seconds: int, text: str) -> None:
    assert iso(seconds) == text

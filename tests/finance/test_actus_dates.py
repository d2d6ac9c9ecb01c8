"""Schedules, business days and day counts, by the specification's own rules and against QuantLib."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
import QuantLib as ql

from finance.actus.dates import BusinessDays, Cycle, add_period, day_number, read_time, schedule
from finance.actus.day_count import year_fraction
from tests.finance.actus_contracts import day


def dates(found: list[datetime]) -> list[str]:
    return [moment.date().isoformat() for moment in found]


@pytest.mark.parametrize(
    ("start", "cycle", "end", "expected"),
    [
        ("2020-01-31", "P1ML1", "2020-04-30", ["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"]),
        ("2020-01-15", "P1QL1", "2020-09-01", ["2020-01-15", "2020-04-15", "2020-07-15", "2020-09-01"]),
        ("2020-01-15", "P1QL0", "2020-09-01", ["2020-01-15", "2020-04-15", "2020-09-01"]),
        ("2020-01-15", "3M-", "2020-09-01", ["2020-01-15", "2020-04-15", "2020-07-15", "2020-09-01"]),
        ("2020-01-15", "3M+", "2020-09-01", ["2020-01-15", "2020-04-15", "2020-09-01"]),
        ("2020-01-01", "P1HL0", "2021-01-01", ["2020-01-01", "2020-07-01", "2021-01-01"]),
        ("2020-01-01", "P2WL1", "2020-02-01", ["2020-01-01", "2020-01-15", "2020-01-29", "2020-02-01"]),
        ("2020-01-01", "P1YL0", "2020-09-01", ["2020-01-01", "2020-09-01"]),
        ("2020-09-01", "P1YL0", "2020-09-01", ["2020-09-01"]),
    ],
)
def test_schedule_with_stubs(start: str, cycle: str, end: str, expected: list[str]) -> None:
    assert dates(schedule(day(start), Cycle.parse(cycle), day(end), include_end=True)) == expected


def test_schedule_without_start_or_cycle() -> None:
    end = day("2021-01-01")
    assert schedule(None, Cycle.parse("P1ML1"), end, include_end=True) == []
    assert dates(schedule(day("2020-01-01"), None, end, include_end=True)) == ["2020-01-01", "2021-01-01"]
    assert dates(schedule(day("2020-01-01"), None, end, include_end=False)) == ["2020-01-01"]


def test_month_ends_move_only_from_a_month_end_and_in_months() -> None:
    def to_may(start: str, cycle: str, month_ends: bool) -> list[str]:
        found = schedule(
            day(start), Cycle.parse(cycle), day("2021-05-31"), include_end=False, month_ends=month_ends
        )
        return dates(found)

    assert to_may("2021-02-28", "P1ML1", True) == ["2021-02-28", "2021-03-31", "2021-04-30"]
    assert to_may("2021-02-28", "P1ML1", False) == ["2021-02-28", "2021-03-28", "2021-04-28", "2021-05-28"]
    assert to_may("2021-03-30", "P1ML1", True) == ["2021-03-30", "2021-04-30", "2021-05-30"]
    assert to_may("2021-02-28", "P30DL1", True) == ["2021-02-28", "2021-03-30", "2021-04-29", "2021-05-29"]


@pytest.mark.parametrize("text", ["", "P0ML1", "P3X", "3", "monthly", "P-1ML0", "P3ML2"])
def test_what_is_no_cycle(text: str) -> None:
    with pytest.raises(ValueError, match="cycle"):
        Cycle.parse(text)


def test_periods_and_times() -> None:
    assert add_period(day("2020-01-31"), "P1M") == day("2020-02-29")
    assert add_period(day("2020-01-31"), "P0D") == day("2020-01-31")
    assert read_time("2020-01-01T24:00:00") == day("2020-01-02")
    assert day_number(read_time("2020-01-01T23:59:59")) == day_number(day("2020-01-02"))
    with pytest.raises(ValueError, match="time zone"):
        read_time("2020-01-01T00:00:00+01:00")


@pytest.mark.parametrize(
    ("convention", "on", "shifted", "calculated"),
    [
        ("SCF", "2020-05-31", "2020-06-01", "2020-06-01"),
        ("SCMF", "2020-05-31", "2020-05-29", "2020-05-29"),
        ("SCP", "2020-05-31", "2020-05-29", "2020-05-29"),
        ("SCMP", "2020-08-01", "2020-08-03", "2020-08-03"),
        ("SCP", "2020-08-01", "2020-07-31", "2020-07-31"),
        ("CSF", "2020-05-31", "2020-06-01", "2020-05-31"),
        ("CSMF", "2020-05-31", "2020-05-29", "2020-05-31"),
        ("CSP", "2020-05-31", "2020-05-29", "2020-05-31"),
        ("CSMP", "2020-08-01", "2020-08-03", "2020-08-01"),
        ("NULL", "2020-05-31", "2020-05-31", "2020-05-31"),
    ],
)
def test_business_day_conventions(convention: str, on: str, shifted: str, calculated: str) -> None:
    days = BusinessDays("MF", convention)
    assert (days.shift(day(on)), days.calculated(day(on))) == (day(shifted), day(calculated))
    assert BusinessDays("NC", convention).shift(day(on)) == day(on)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("AA", ql.ActualActual(ql.ActualActual.ISDA)),
        ("A360", ql.Actual360()),
        ("A365", ql.Actual365Fixed()),
        ("30E360", ql.Thirty360(ql.Thirty360.European)),
        ("30E360ISDA", ql.Thirty360(ql.Thirty360.German)),
        ("30360", ql.Thirty360(ql.Thirty360.BondBasis)),
        ("B252", ql.Business252(ql.WeekendsOnly())),
    ],
)
def test_day_counts_are_those_of_quantlib(name: str, theirs: ql.DayCounter) -> None:
    ours, chance = year_fraction(name, BusinessDays("MF")), random.Random(7)
    for _ in range(300):
        start = day("2015-01-01") + timedelta(days=chance.randrange(4000))
        end = start + timedelta(days=chance.randrange(2000))
        expected = theirs.yearFraction(ql.Date.from_date(start), ql.Date.from_date(end))
        assert ours(start, end) == pytest.approx(expected, abs=1e-13)
        assert ours(end, start) == -ours(start, end)


def test_day_counts_that_quantlib_has_not() -> None:
    days = BusinessDays()
    assert year_fraction("28E336", days)(day("2020-01-31"), day("2020-02-29")) == pytest.approx(28 / 336)
    at_maturity = year_fraction("30E360ISDA", days, day("2021-02-28"))
    assert at_maturity(day("2020-08-31"), day("2021-02-28")) == pytest.approx(178 / 360)
    with pytest.raises(ValueError, match="30E360"):
        year_fraction("ACT/ACT", days)

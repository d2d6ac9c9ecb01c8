"""Periods, revenue and its attribution, against pandas and by identities."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from finance.swaps import Periods, utc_hours
from finance.swaps.periods import day_of_year
from finance.swaps.revenue import PeriodFacts, attribute, period_facts, retained, risk_shares
from finance.terms import InputError

MONTHS = {"month": 1, "quarter": 3, "year": 12}


@pytest.mark.parametrize("frequency", ["month", "quarter", "year"])
@pytest.mark.parametrize("start", [date(2017, 6, 1), date(2019, 12, 15), date(2024, 2, 28)])
def test_edges_are_those_of_pandas(frequency: str, start: date) -> None:
    periods = Periods(start, frequency, 12)  # type: ignore[arg-type]
    wanted = [pd.Timestamp(start) + pd.DateOffset(months=k * MONTHS[frequency]) for k in range(13)]
    assert [pd.Timestamp(edge) for edge in periods.edges] == wanted
    assert periods.hours.tolist() == [(b - a).days * 24 for a, b in pairwise(wanted)]
    assert periods.ends == tuple(day.date() for day in wanted[1:])


def test_period_sums_are_those_of_pandas() -> None:
    """Six years of hours with a leap day, summed by calendar quarter."""
    periods = Periods(date(2019, 1, 1), "quarter", 24)
    hours = utc_hours(date(2019, 1, 1), int(periods.hours.sum()))
    stream = np.random.default_rng(8)
    energy, price = stream.gamma(2, 20, len(hours)), stream.normal(30, 15, len(hours))
    frame = pd.DataFrame({"q": energy, "p": price, "r": energy * price}, index=pd.DatetimeIndex(hours))
    by = frame.groupby([frame.index.year, frame.index.quarter])
    facts = period_facts(periods, hours, energy, price)
    assert facts.volume == pytest.approx(by["q"].sum().to_numpy(), rel=1e-13)
    assert facts.price == pytest.approx(by["p"].mean().to_numpy(), rel=1e-12)
    assert facts.revenue == pytest.approx(by["r"].sum().to_numpy(), rel=1e-12)
    covariance = by.apply(lambda g: len(g) * np.cov(g["q"], g["p"], bias=True)[0, 1]).to_numpy()
    assert facts.shape == pytest.approx(covariance, abs=1e-6)


def test_day_of_year_skips_the_leap_day() -> None:
    days = np.arange("2019-01-01", "2025-01-01", dtype="datetime64[D]")
    found = day_of_year(days)
    stamps = pd.DatetimeIndex(days)
    same = pd.DatetimeIndex([f"2001-{m:02d}-{min(d, 28) if m == 2 else d:02d}" for m, d in
                             zip(stamps.month, stamps.day, strict=True)])  # fmt: skip
    assert found.tolist() == (same.day_of_year - 1).tolist()


def test_a_hand_example() -> None:
    """Three hours of 100, 0 and 200 MWh at 30, 60 and 0: volume 300, mean price 30, revenue 3,000; at the
    mean price it would be 9,000, so shape is -6,000 and the capture rate a third.
    """
    energy, price = np.zeros(24), np.zeros(24)
    energy[:3], price[:3] = (100, 0, 200), (30, 60, 0)
    price[3:] = 30  # hours without energy at the mean price leave the mean where it is
    periods = Periods(date(2020, 1, 1), "month", 1)
    hours = utc_hours(date(2020, 1, 1), 744)
    facts = period_facts(
        periods, hours, np.pad(energy, (0, 720)), np.pad(price, (0, 720), constant_values=30)
    )
    assert (facts.volume[0], facts.price[0], facts.revenue[0]) == (300, 30, 3_000)
    assert facts.shape[0] == -6_000
    assert facts.capture_price[0] == 10
    assert facts.capture_rate[0] == pytest.approx(1 / 3)


finite = st.floats(-1e6, 1e6, allow_nan=False)
triples = st.tuples(*(hnp.arrays(np.float64, 5, elements=finite) for _ in range(3)))


@settings(max_examples=200, deadline=None)
@given(triples, triples)
def test_volume_price_and_shape_add_up(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> None:
    """Exactly, up to the last digits of the products involved; and the way back is the way there reversed."""
    facts, reference = PeriodFacts(*one), PeriodFacts(*other)
    found = attribute(facts, reference)
    scale = max(1.0, *(float(np.abs(x).max()) for x in (*one, *other))) ** 2
    assert np.abs(found.total - (facts.revenue - reference.revenue)).max() <= 1e-14 * scale
    back = attribute(reference, facts)
    for part in ("volume", "price", "shape"):
        assert np.abs(getattr(found, part) + getattr(back, part)).max() <= 1e-14 * scale


def test_each_cause_alone_is_named_alone() -> None:
    periods = Periods(date(2021, 1, 1), "month", 3)
    hours = utc_hours(date(2021, 1, 1), int(periods.hours.sum()))
    stream = np.random.default_rng(9)
    energy, price = stream.gamma(2, 20, len(hours)), stream.gamma(3, 10, len(hours))
    base = period_facts(periods, hours, energy, price)
    dearer = attribute(period_facts(periods, hours, energy, price + 5), base)
    assert dearer.price == pytest.approx(5 * base.volume, rel=1e-9)
    assert dearer.volume == pytest.approx(np.zeros(3), abs=1e-6)
    assert dearer.shape == pytest.approx(np.zeros(3), abs=1e-5)
    # The same MWh in the same months, in the other order: only shape moves.
    shuffled = energy.copy()
    for low, high in zip(np.cumsum([0, *periods.hours])[:-1], np.cumsum(periods.hours), strict=True):
        shuffled[low:high] = shuffled[low:high][::-1]
    turned = attribute(period_facts(periods, hours, shuffled, price), base)
    assert np.abs(turned.volume).max() < 1e-5
    assert turned.shape == pytest.approx(turned.total, abs=1e-5)
    assert np.abs(turned.shape).max() > 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_operations_and_basis_add_up(seed: int) -> None:
    stream = np.random.default_rng(seed)
    periods = Periods(date(2021, 2, 1), "month", 2)
    n = int(periods.hours.sum())
    hours = utc_hours(periods.start, n)
    proxy, hub = stream.gamma(2, 20, n), stream.normal(30, 20, n)
    actual, node = proxy * stream.uniform(0, 1.1, n), hub + stream.normal(-3, 5, n)
    found = retained(periods, hours, proxy, actual, hub, node)
    difference = periods.totals(hours, actual * node - proxy * hub)
    assert found.total == pytest.approx(difference, rel=1e-9, abs=1e-6)
    assert (retained(periods, hours, proxy, proxy, hub, node).operations == 0).all()
    assert (retained(periods, hours, proxy, actual, hub, hub).basis == 0).all()


def test_risk_shares() -> None:
    stream = np.random.default_rng(10)
    parts = {"a": stream.normal(0, 3, 400_000), "b": stream.normal(5, 4, 400_000)}
    found = risk_shares(parts)
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    assert found["a"] == pytest.approx(9 / 25, abs=0.005)
    with pytest.raises(InputError, match="does not vary"):
        risk_shares({"a": np.ones(9)})


def test_bad_hours_are_refused() -> None:
    periods = Periods(date(2021, 3, 1), "month", 1)  # a summer-time change lies in it
    hours = utc_hours(periods.start, 744)
    values = np.ones(744)
    gap = hours.copy()
    gap[100:] += np.timedelta64(1, "h")
    with pytest.raises(InputError, match="hour 100 is 2021-03-05T05"):
        periods.totals(gap, values)
    with pytest.raises(InputError, match="743 hours, but the periods have 744"):
        periods.totals(hours[:-1], values[:-1])
    values[7] = np.nan
    with pytest.raises(InputError, match="energy: hour 7 is nan"):
        period_facts(periods, hours, values, np.ones(744))
    with pytest.raises(InputError, match="28th"):
        Periods(date(2021, 1, 31), "month", 3)
    with pytest.raises(InputError, match="whole years"):
        _ = Periods(date(2021, 1, 1), "quarter", 5).years
    with pytest.raises(InputError, match="month, quarter or year"):
        Periods(date(2021, 1, 1), "week", 5)  # type: ignore[arg-type]

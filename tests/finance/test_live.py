"""A bond in mid-life: against QuantLib, the law of total expectation, and the process's own transition."""

from __future__ import annotations

from datetime import date, timedelta
from math import cos, exp, pi, sin, sqrt

import numpy as np
import pytest
import QuantLib as ql

from finance.pricing.live import continued, fixing_chances, fixing_rules, later_law, live_value
from finance.pricing.prepared import PreparedBond
from finance.pricing.processes import LognormalProcess, MeanRevertingProcess, Season
from finance.pricing.simulate import kpi_time
from finance.terms import Deal, InputError, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.reader import read_deal_yaml
from tests.finance.deal_variants import BOOK, book_deal, term

DC = "dc-water-eib-2016"
KEY = ("runoff-reduction", 0)


def quantlib_dirty(day: date, rate: float, extra: float) -> float:
    """The DC Water bond's dirty price by QuantLib, with `extra` per 100 at maturity."""
    ql.Settings.instance().evaluationDate = ql.Date.from_date(day)
    schedule = ql.Schedule(
        ql.Date(1, 10, 2016), ql.Date(1, 4, 2021), ql.Period(6, ql.Months), ql.NullCalendar(),
        ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
    )  # fmt: skip
    count = ql.Thirty360(ql.Thirty360.BondBasis)
    bond = ql.FixedRateBond(0, 100.0, schedule, [0.0343], count)
    at = ql.Date.from_date(day)
    found = bond.dirtyPrice(rate, count, ql.Compounded, ql.Semiannual, at)
    return float(found + extra * (1 + rate / 2) ** (-2 * count.yearFraction(at, ql.Date(1, 4, 2021))))


@pytest.mark.parametrize("name", BOOK)
def test_on_the_first_day_it_is_the_price_at_issue(name: str) -> None:
    bond = PreparedBond.of(book_deal(name))
    start = bond.flows.periods[0].start
    for day in (start, start - timedelta(days=90)):
        live = live_value(bond, {}, day, 0.031)
        assert live.dirty == pytest.approx(bond.value(0.031).price, rel=1e-10)


@pytest.mark.parametrize(
    ("value", "extra"), [(496_800, 13.2), (413_000, 0.0), (186_000, 0.0), (185_999, -13.2), (None, 13.2)]
)
def test_a_report_decides_the_price(value: int | None, extra: float) -> None:
    """3.3 of 25 million is 13.2 per 100; silence costs the issuer, who controls the data."""
    bond, day = PreparedBond.of(book_deal(DC)), date(2021, 1, 20)
    live = live_value(bond, {KEY: value}, day, 0.03)
    assert live.dirty == pytest.approx(quantlib_dirty(day, 0.03, extra), abs=1e-9)
    assert live.accrued == pytest.approx(3.43 * 109 / 360, abs=1e-12)


def test_before_the_report_the_price_is_the_mean_over_tiers() -> None:
    bond, day = PreparedBond.of(book_deal(DC)), date(2021, 1, 10)  # measured, not reported
    chances = fixing_chances(bond, 0, {})
    prices = [live_value(bond, {KEY: value}, day).dirty for value in (0, 300_000, 500_000)]
    mean = sum(chance * price for chance, price in zip(chances, prices, strict=True) if price)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    assert live_value(bond, {}, day).dirty == pytest.approx(mean, abs=1e-10)


def test_after_the_last_payment_nothing_is_left() -> None:
    bond = PreparedBond.of(book_deal(DC))
    live = live_value(bond, {KEY: 300_000}, date(2021, 4, 1))
    assert (live.outstanding, live.dirty, live.clean) == (0.0, None, None)


def remembering() -> Deal:
    """The e-bus loan with a KPI that remembers: a yearly AR(1)."""
    tree = read_deal_yaml(book_deal("singapore-ebus-loan").file)  # type: ignore[arg-type]
    tree["kpis"]["electric-share"]["process"] = {
        "kind": "ar1", "start": term(0.1), "mean": term(0.5), "memory": term(0.8), "noise": term(0.05),
    }  # fmt: skip
    return parse_deal(tree)


def test_a_process_with_a_memory_goes_on_from_the_last_report() -> None:
    bond = PreparedBond.of(remembering())
    periods = bond.deal.kpis["electric-share"].periods
    known = {("electric-share", 0): 1_200, ("electric-share", 1): 2_600}
    for ahead in (1, 2, 5):
        law = later_law(bond, "electric-share", 1 + ahead, known, bond.outlook)
        keep = 0.8**ahead
        assert (periods[1 + ahead].end - periods[1].end).days == pytest.approx(365.25 * ahead, abs=1)
        assert law.mean == pytest.approx(0.5 + keep * (0.26 - 0.5), abs=1e-12)
        assert law.sd == pytest.approx(0.05 * sqrt((1 - keep**2) / (1 - 0.8**2)), rel=1e-9)


def test_a_season_goes_on_from_where_the_report_was() -> None:
    """By hand: X_t = mean + season(t) + (level - mean - season(s)) e^(-speed (t - s)), time in years from the
    start of interest; a report a quarter into the year meets another part of the wave than one at its end.
    """
    bond = PreparedBond.of(book_deal("singapore-ebus-loan"))
    season = Season(sine=0.05, cosine=0.03, phase=0.1)
    process = MeanRevertingProcess(0.2, 0.4, speed=0.7, volatility=0.05, season=season)
    periods, start = bond.deal.kpis["electric-share"].periods, bond.flows.start

    def wave(t: float) -> float:
        return 0.05 * sin(2 * pi * (t + 0.1)) + 0.03 * cos(2 * pi * (t + 0.1))

    for last, level in ((0, 0.31), (2, 0.55)):
        known = {("electric-share", index): 4_000 for index in range(last)}
        known["electric-share", last] = round(level * 10_000)
        for ahead in range(last + 1, len(periods)):
            law = later_law(bond, "electric-share", ahead, known, {"electric-share": process})
            s, t = (kpi_time(start, periods[index].end) for index in (last, ahead))
            keep = exp(-0.7 * (t - s))
            assert law.mean == pytest.approx(0.4 + wave(t) + keep * (level - 0.4 - wave(s)), abs=1e-12)
            assert law.sd == pytest.approx(0.05 * sqrt((1 - keep**2) / 1.4), rel=1e-12)


@pytest.mark.parametrize("when", [date(2026, 12, 31), date(2027, 5, 17)])
def test_reports_on_average_tell_what_was_expected(when: date) -> None:
    """The law of total expectation: the mean of a later report, over what an earlier one may say, is what was
    expected of it before; so is the chance of each tier.
    """
    deal = book_deal("singapore-ebus-loan")
    start = deal.only(KpiBond).interest_from.value
    season = Season(sine=0.05, cosine=-0.04)
    processes = (
        MeanRevertingProcess(0.2, 0.4, speed=0.7, volatility=0.05, season=season),
        LognormalProcess(0.3, 0.05, 0.2),
    )
    levels = (np.arange(4_000) + 0.5) / 4_000
    for process in processes:
        s, t = kpi_time(start, when), kpi_time(start, date(2029, 12, 31))
        first = process.marginal(s).quantile(levels)
        later = [continued(process, float(level), s).marginal(t - s) for level in first]
        before = process.marginal(t)
        assert np.mean([law.mean for law in later]) == pytest.approx(before.mean, rel=2e-3)
        for x in (3_000, 4_000, 5_000):
            chance = np.mean([law.at_least(x, 4) for law in later])
            assert chance == pytest.approx(before.at_least(x, 4), abs=2e-3)


def test_a_missing_report_says_nothing_about_later_ones() -> None:
    bond = PreparedBond.of(remembering())
    first = later_law(bond, "electric-share", 3, {("electric-share", 0): 1_200}, bond.outlook)
    both = later_law(
        bond, "electric-share", 3, {("electric-share", 0): 1_200, ("electric-share", 1): None}, bond.outlook
    )
    assert first == both


def test_independent_periods_learn_nothing_from_reports() -> None:
    bond = PreparedBond.of(book_deal("singapore-ebus-loan"))
    assert later_law(bond, "electric-share", 2, {("electric-share", 0): 9_900}, bond.outlook) == later_law(
        bond, "electric-share", 2, {}, bond.outlook
    )


def test_chances_of_a_known_report_are_one_or_nothing() -> None:
    bond = PreparedBond.of(book_deal("singapore-ebus-loan"))
    rules = fixing_rules(bond)
    for value in (-5, 0, 1_440, 2_439, 2_440, 10**6):
        key = (rules[0][0].kpi, rules[0][1].kpi_period)
        chances = fixing_chances(bond, 0, {key: value})
        assert sorted(chances)[:-1] == [0.0] * (len(chances) - 1)
        assert chances[-1 if value >= rules[0][1].curve.knots[-1].x else chances.index(1.0)] == 1.0
    assert fixing_chances(bond, 0, {key: None}) == ()


def test_unknown_reports_are_refused() -> None:
    bond = PreparedBond.of(book_deal(DC))
    for key in (("rain", 0), ("runoff-reduction", 1), ("runoff-reduction", -1)):
        with pytest.raises(InputError, match="has none"):
            live_value(bond, {key: 1}, date(2021, 1, 1))

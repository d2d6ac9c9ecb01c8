"""A KPI payment in mid-life against the deal's whole valuation and against payments added up by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from math import exp, log, sqrt

import numpy as np
import pytest

from finance.swaps.holders import Needs, Owed, run_waterfall
from finance.swaps.index import index_swap
from finance.swaps.live import PreparedSwap, SwapOutlook, changed_outlook, index_outlook, project_outlook
from finance.swaps.project import project_swap
from finance.terms import Deal, InputError, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.finance.deal_variants import book_deal, file_of, process

PATHS = 2_000


@pytest.fixture(scope="module")
def rain() -> Deal:
    return book_deal("water-utility-rainfall-swap")


@pytest.fixture(scope="module")
def bloom() -> Deal:
    return book_deal("bloom-wind-prs")


@pytest.fixture(scope="module")
def scenarios(bloom: Deal) -> SwapOutlook:
    return project_outlook(bloom, PATHS)


def test_at_the_start_it_is_the_deals_closed_form(rain: Deal) -> None:
    swap = PreparedSwap.of(rain)
    now = swap.now(index_outlook(rain), {}, swap.start)
    assert now.value == pytest.approx(index_swap(rain, paths=1000).exact_value.value, rel=1e-12)
    assert now.standard_error == 0.0


def test_a_report_moves_the_value_by_its_own_payment_only(rain: Deal) -> None:
    """A millimetre is 20,000, up to 600 mm; the payment of the second quarter is 40 days after its end."""
    swap, day = PreparedSwap.of(rain), date(2024, 7, 10)
    outlook = index_outlook(rain)
    unknown = swap.now(outlook, {}, day)
    for millimetres, paid in ((100.0, 2_000_000), (600.0, 12_000_000), (700.0, 12_000_000)):
        known = swap.now(outlook, {1: round(millimetres * 100)}, day)
        days = (swap.days[1] - day).days
        worth = (paid - float(outlook.payoff[1])) * 1.04 ** (-days / 365)
        assert known.value - unknown.value == pytest.approx(worth, rel=1e-9)


def test_what_is_paid_is_left_out(rain: Deal) -> None:
    swap = PreparedSwap.of(rain)
    for day in (swap.days[0], swap.days[5]):
        by_hand = sum(
            float(swap.fixed[k] + index_outlook(rain).payoff[k]) * 1.04 ** (-(paid - day).days / 365)
            for k, paid in enumerate(swap.days)
            if paid > day
        )
        assert swap.now(index_outlook(rain), {}, day).value == pytest.approx(by_hand, rel=1e-9)
    assert swap.now(index_outlook(rain), {}, swap.days[-1]).value == 0.0


def test_a_missing_report_pays_what_the_deal_says(rain: Deal) -> None:
    """The utility controls the gauges and receives the payoff, so silence pays it the least: nothing."""
    assert PreparedSwap.of(rain).settled(0, None) == 0.0


def test_a_wind_swap_starts_at_its_exact_value(bloom: Deal, scenarios: SwapOutlook) -> None:
    swap, whole = PreparedSwap.of(bloom), project_swap(bloom, paths=PATHS)
    now = swap.now(scenarios, {}, swap.start)
    assert now.value == pytest.approx(whole.exact_value.value, rel=1e-9)
    assert (now.low, now.high) == pytest.approx((whole.study.value.low, whole.study.value.high), rel=1e-9)
    assert now.unit == pytest.approx(whole.with_swap.value.value, rel=1e-9)
    assert now.standard_error < 1_000  # of millions: the spread of the paths is not in the mean


def test_once_everything_is_reported_nothing_is_uncertain(bloom: Deal, scenarios: SwapOutlook) -> None:
    swap, day = PreparedSwap.of(bloom), date(2021, 1, 10)
    reports = dict.fromkeys(range(len(swap.fixed)), 300_000_000)  # 3 million each
    now = swap.now(scenarios, reports, day)
    by_hand = sum(
        (float(fixed) - 3e6) * 1.05 ** (-(paid - day).days / 365)
        for fixed, paid in zip(swap.fixed, swap.days, strict=True)
        if paid > day
    )
    assert now.value == pytest.approx(by_hand, rel=1e-9)
    assert now.low == pytest.approx(now.high)
    assert now.standard_error == pytest.approx(0, abs=1e-3)


def test_no_change_changes_nothing(bloom: Deal, scenarios: SwapOutlook, rain: Deal) -> None:
    swap = PreparedSwap.of(bloom)
    same = changed_outlook(bloom, scenarios)
    assert swap.now(same, {}, swap.start).value == pytest.approx(swap.now(scenarios, {}, swap.start).value)
    outlook = index_outlook(rain)
    assert changed_outlook(rain, outlook).payoff == pytest.approx(outlook.payoff)


def test_more_revenue_costs_the_project_more_of_its_swap_and_brings_units_more(
    bloom: Deal, scenarios: SwapOutlook
) -> None:
    swap = PreparedSwap.of(bloom)
    base = swap.now(scenarios, {}, swap.start)
    rich = changed_outlook(bloom, scenarios, mean_factor=1.1)
    more = swap.now(rich, {}, swap.start)
    assert rich.mean == pytest.approx(1.1 * scenarios.mean)
    lost = 0.1 * float(scenarios.mean @ base.factors)
    assert base.value - more.value == pytest.approx(lost, rel=1e-3)
    raised = swap.now(scenarios, {}, swap.start, fixed=swap.fixed * 1.2)
    assert raised.value - base.value == pytest.approx(0.2 * float(swap.fixed @ base.factors), rel=1e-9)
    assert raised.unit is not None
    assert base.unit is not None
    assert raised.unit > base.unit


def test_spread_of_a_line_is_that_of_its_kpi(rain: Deal) -> None:
    swap, outlook = PreparedSwap.of(rain), index_outlook(rain)
    low, high = swap.spread(outlook, 0)
    q05, q95 = outlook.quantiles[0, 0], outlook.quantiles[-1, 0]
    assert (low, high) == pytest.approx((20_000 * q05, 20_000 * q95), rel=0.01)
    assert np.all(np.diff(outlook.quantiles, axis=0) > 0)


def test_unknown_periods_are_refused(rain: Deal) -> None:
    swap = PreparedSwap.of(rain)
    with pytest.raises(InputError, match="period 99"):
        swap.now(index_outlook(rain), {99: 1}, swap.start)


AS_OF = date(2022, 3, 1)


def test_what_a_project_owes_comes_before_its_units(bloom: Deal, scenarios: SwapOutlook) -> None:
    """Bloom in 2022: what is owed is taken from what comes, so a unit is worth less by no more than its share
    of it, by nothing of a debt of nothing, and nothing once the debt is beyond all revenue.
    """
    swap = PreparedSwap.of(bloom)

    def unit(owed: Owed | None) -> float:
        found = swap.now(scenarios, {}, AS_OF, owed=owed).unit
        assert found is not None
        return found

    free = unit(Owed())
    owing = unit(Owed(lender=2.3e6))
    assert 0 < owing < free
    assert free - owing <= 2.3e6 / 60_000  # paid in full at once at the most
    assert unit(Owed(operator=2.3e6)) == pytest.approx(owing)
    assert unit(Owed(provider=2.3e6)) < owing  # bears interest
    # More than all that the units were to get, so they get next to nothing.
    assert free * 60_000 < 23e6
    assert unit(Owed(lender=23e6)) < 0.01 * free
    assert unit(Owed(provider=1e12)) == 0.0
    assert unit(Owed(paid=len(swap.days))) == 0.0
    # A day before a payment a small debt is met by it, where the units' money of that payment covers it.
    small = 60_000 * 0.01
    before = swap.days[18] - timedelta(days=1)
    base, less = (swap.now(scenarios, {}, before, owed=owed).unit for owed in (Owed(), Owed(lender=small)))
    assert base is not None
    assert less is not None
    assert 0 < base - less <= 0.01


def test_arrears_in_mid_life_are_those_of_the_whole_life(bloom: Deal, seed: int) -> None:
    """A treasury stopped after any payment and begun again with what it owes pays the units the same."""
    stream = np.random.default_rng(seed)
    paths, count = 40, 12
    revenue, settlements = stream.normal(2e6, 2e6, (paths, count)), stream.normal(0, 1.5e6, (paths, count))
    needs = Needs(np.full(count, 1e6), np.full(count, 8e5), np.full(count - 1, 91.0), 0.08)
    whole = run_waterfall(revenue, settlements, needs)
    at = int(stream.integers(1, count - 1))
    later = Needs(needs.costs[at:], needs.service[at:], needs.days[at:], 0.08)
    for path in range(paths):
        owed = Owed(
            float(whole.operator_owed[path, at - 1]),
            float(whole.lender_owed[path, at - 1]),
            0.0,
            91.0,
        )
        if whole.swap_owed[path, at - 1] > 0:  # its interest alone bears none, which a sum cannot say
            continue
        rest = run_waterfall(revenue[path : path + 1, at:], settlements[path : path + 1, at:], later, owed)
        assert rest.units[0] == pytest.approx(whole.units[path, at:], abs=1e-6)


def test_reports_move_the_units(bloom: Deal, scenarios: SwapOutlook) -> None:
    """The swap makes up for a poor quarter, so a report alone leaves the units as they were; a missing one
    costs the project, which controls the data, and what it then owes comes before the units.
    """
    swap = PreparedSwap.of(bloom)
    before = [index for index, day in enumerate(swap.days) if day <= AS_OF]

    def unit(report: int | None, last: int = 0, owed: Owed | None = None) -> float:
        found = swap.now(scenarios, dict.fromkeys(before[-last:] if last else (), report), AS_OF, owed=owed)
        assert found.unit is not None
        return found.unit

    clean, unknown = unit(None, owed=Owed()), unit(None)
    assert unknown <= clean + 1e-9
    for million in (1, 3, 6):
        assert unit(million * 10**8, 4) == pytest.approx(clean, rel=0.02)
    silent = [unit(None, last) for last in (1, 4, 8)]
    assert sorted(silent, reverse=True) == silent
    assert silent[-1] < 0.9 * clean
    assert unit(None, 8, Owed()) == pytest.approx(clean, rel=1e-9)  # what is known of arrears counts


def test_before_the_start_it_is_worth_what_it_is_worth_then(
    bloom: Deal, rain: Deal, scenarios: SwapOutlook
) -> None:
    """A day before the first period: every payment is to come, and none is discounted beyond the start."""
    for deal, outlook in ((bloom, scenarios), (rain, index_outlook(rain))):
        swap = PreparedSwap.of(deal)
        early = swap.start - timedelta(days=200)
        by_hand = (1 + swap.rate) ** (-np.array([(day - swap.start).days for day in swap.days]) / 365)
        assert swap.factors(early) == pytest.approx(by_hand, rel=1e-12)
        assert swap.now(outlook, {}, early).value == pytest.approx(
            float((swap.fixed + outlook.payoff) @ by_hand), rel=1e-9
        )


def rain_with_memory(kind: str) -> Deal:
    """The rainfall swap with rain that remembers, of the same mean-reverting law in two words."""
    tree = read_deal_yaml(file_of("water-utility-rainfall-swap"))
    tree["kpis"]["rainfall"]["process"] = {
        "mean_reverting": process("mean_reverting", start=300, mean=200, speed=Decimal("0.9"), volatility=80),
        "ar1": process("ar1", start=300, mean=200, memory=Decimal("0.4"), noise=60),
    }[kind]
    return parse_deal(tree)


@pytest.mark.parametrize("kind", ["mean_reverting", "ar1"])
def test_rain_that_remembers_goes_on_from_the_last_report(kind: str) -> None:
    """By hand: e^(-speed t) of what the last report lay off the mean, t years of 365 days from the end of its
    quarter to the end of each later one; earlier quarters, and that one, are as they were."""
    deal = rain_with_memory(kind)
    periods, before = deal.kpis["rainfall"].periods, index_outlook(deal)
    speed = 0.9 if kind == "mean_reverting" else -log(0.4)
    noise = 80**2 / (2 * speed) if kind == "mean_reverting" else 60**2 / (1 - 0.4**2)
    start = periods[0].start
    for reported, last in (({0: 45_000}, 0), ({0: 45_000, 2: 5_000, 1: 9_000}, 2), ({1: 9_000, 3: None}, 1)):
        found = index_outlook(deal, reported)
        level = reported[last] / 100
        for index, period in enumerate(periods):
            if index <= last:
                assert found.laws[index] == before.laws[index]
                since, off = start, 300 - 200
            else:
                since, off = periods[last].end, level - 200
            keep = exp(-speed * (period.end - since).days / 365)
            assert found.mean[index] == pytest.approx(200 + keep * off, rel=1e-9)
            assert found.laws[index].sd == pytest.approx(sqrt(noise * (1 - keep**2)), rel=1e-9)
    assert index_outlook(deal, {1: None}).laws == before.laws

"""A KPI payment in mid-life against the deal's whole valuation and against payments added up by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from finance.swaps.index import index_swap
from finance.swaps.live import PreparedSwap, SwapOutlook, changed_outlook, index_outlook, project_outlook
from finance.swaps.project import project_swap
from finance.terms import Deal, InputError
from tests.finance.deal_variants import book_deal

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
    assert changed_outlook(rain, index_outlook(rain)) is not None


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
    paid = changed_outlook(bloom, scenarios, fixed=swap.fixed * 1.2)
    raised = swap.now(paid, {}, swap.start, fixed=swap.fixed * 1.2)
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

"""A whole study on a real weather year: what must hold between its numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from finance.pricing.market import DiscountCurve
from finance.swaps import DebtTerms, Operations, Periods, Pricing, SwapInputs, SwapStudy, swap_study
from finance.swaps.debt import summarise
from finance.swaps.estimates import of_a_given_year
from finance.swaps.prices import Basis, Market
from finance.swaps.study import CASES, debt_schedules
from finance.swaps.variants import compare
from finance.terms import InputError
from tests.finance.swaps_world import START, outlook

PERIODS = Periods(START, "quarter", 40)


def inputs(pricing: Pricing | None = None, paths: int = 10_000) -> SwapInputs:
    return SwapInputs(
        outlook(), PERIODS, DiscountCurve.flat(START, 0.04), (4.0e6,), DebtTerms(0.055, 10),
        pricing or Pricing(), paths=paths, seed=20170601,
    )  # fmt: skip


@pytest.fixture(scope="module")
def fair() -> SwapStudy:
    return swap_study(inputs())


def test_fair_payment_is_the_exact_one(fair: SwapStudy) -> None:
    assert abs(fair.payment.amount - fair.exact_fair) < 4.5 * fair.payment.standard_error
    assert fair.payment.standard_error < 0.003 * fair.exact_fair
    assert fair.value.value.value == pytest.approx(0, abs=1)
    assert fair.implied["wang_risk_price"] == pytest.approx(0, abs=1e-6)
    assert fair.payment.loading == pytest.approx(0, abs=1e-12)


def test_the_swap_helps_where_it_is_bad(fair: SwapStudy) -> None:
    """P99 and debt capacity rise, the mean hardly moves, the chance of a shortfall on the same debt falls."""
    assert fair.uplift["P99"] > 0.2
    assert abs(fair.uplift["mean"]) < 0.01
    assert fair.uplift["P90"] > 0
    assert fair.capacity_uplift is not None
    assert fair.capacity_uplift > 0.2
    errors = np.hypot(fair.before.capacity.standard_error, fair.after.capacity.standard_error)
    assert fair.after.capacity.value - fair.before.capacity.value > 10 * errors
    assert fair.after.same_debt.minimum["P99"] > fair.before.same_debt.minimum["P99"]
    before, after = fair.before.same_debt, fair.after.same_debt
    assert after.any_year_below_one.value < before.any_year_below_one.value
    assert after.given_year_below_one.value < before.given_year_below_one.value
    assert 0.9 < fair.hedge.variance_reduction.value < 1
    assert fair.hedge.variance_reduction.value <= fair.hedge.r_squared.value


def test_own_debt_meets_its_covenants(fair: SwapStudy) -> None:
    for side in (fair.before, fair.after):
        assert side.own_debt.minimum["P50"] >= 1.35 - 1e-9
        assert side.own_debt.minimum["P99"] >= 1.00 - 1e-9
        assert min(side.own_debt.minimum["P50"] / 1.35, side.own_debt.minimum["P99"]) == pytest.approx(1)
    assert fair.before.rating == "BBB"  # sized on the P99 case at 1.00, with far more than 1.35 on P50
    assert set(fair.before.binding) == {"P99 at 1.00x"}  # merchant debt is sized on the bad case


def test_tables_say_what_the_arrays_say(fair: SwapStudy) -> None:
    table = fair.settlement_table()
    paid = fair.scenarios.settlements(fair.fixed)
    assert table.index[0] == "2017-06-01"
    assert len(table) == 40
    assert table["mean"].to_numpy() == pytest.approx(fair.fixed - fair.scenarios.proxy.mean(axis=0))
    assert table["q50"].to_numpy() == pytest.approx(np.median(paid, axis=0))
    assert (table.loc[:, "q01":"q99"].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert ((table["project_pays"] > 0) & (table["project_pays"] < 1)).all()
    revenue = fair.revenue_table()
    yearly = PERIODS.yearly(fair.scenarios.actual + paid)
    assert revenue.loc["P99", "after"] == pytest.approx(np.quantile(yearly, 0.01))
    assert list(fair.coverage_table().columns[:2]) == ["average before", "average after"]
    assert len(fair.coverage_table()) == 2 * len(CASES)
    before, after = debt_schedules(fair)
    assert before["principal"].sum() == pytest.approx(fair.before.capacity.value)
    assert after["principal"].sum() == pytest.approx(fair.debt_table().loc["after", "capacity"])


def test_results_are_plain_data(fair: SwapStudy) -> None:
    text = json.dumps(fair.to_dict(), allow_nan=False)
    again = json.loads(text)
    assert again["seed"] == 20170601
    assert again["fixed_payment"]["standard_error"] > 0
    assert "assumed" in again["rating_note"]
    assert len(again["settlement"]) == 40
    assert sum(again["risk_shares"].values()) == pytest.approx(1)
    assert swap_study(inputs(paths=300)).to_dict() == swap_study(inputs(paths=300)).to_dict()


@pytest.mark.parametrize(
    ("pricing", "implied"),
    [(Pricing("wang", 0.25), "wang_risk_price"), (Pricing("standard deviation", 0.25), "standard_deviations"),
     (Pricing("sharpe", 0.25), "yearly_sharpe")],
)  # fmt: skip
def test_a_provider_s_target_is_implied(pricing: Pricing, implied: str) -> None:
    found = swap_study(inputs(pricing, 2_000))
    assert found.implied[implied] == pytest.approx(0.25, abs=1e-8)
    assert 0 < found.payment.loading < 0.1
    assert found.value.value.value < 0  # the project pays for the hedge, on average
    assert found.payment.standard_error > 0


def test_target_coverage_of_the_project() -> None:
    found = swap_study(inputs(Pricing("dscr", 1.25), 4_000))
    assert found.after.same_debt.minimum["P99"] == pytest.approx(1.25, abs=1e-9)
    planned = replace(inputs(Pricing("dscr", 1.25), 4_000), debt=DebtTerms(0.055, 8, planned=(4.5e6,) * 8))
    found = swap_study(planned)
    assert found.after.same_debt.minimum["P99"] == pytest.approx(1.25, abs=1e-9)
    assert found.after.same_debt.years == 8


def test_a_project_that_carries_no_debt_by_itself() -> None:
    """Costs above the bad case: no debt and no DSCR before the swap, some after it."""
    found = swap_study(replace(inputs(paths=1_000), costs=(7.0e6,)))
    assert found.before.capacity.value == 0
    assert found.after.capacity.value > 0
    assert (found.capacity_uplift, found.before.rating) == (None, "none")
    assert found.coverage_table().loc[[("own debt", "P50")], "average before"].isna().all()
    json.dumps(found.to_dict(), allow_nan=False)


def test_quoted_payment_and_level_profile() -> None:
    found = swap_study(inputs(Pricing("quoted", 3.0e6, "level"), 1_000))
    assert (found.fixed == 3.0e6).all()
    assert found.payment.loading == pytest.approx(1 - 3.0e6 / found.payment.fair)


def test_a_perfect_hedge_leaves_nothing() -> None:
    """No basis, no operations: actual is proxy, so revenue after the swap is the fixed payment itself."""
    world = outlook()
    market = Market(world.market.pattern, world.market.level, Basis())
    perfect = replace(inputs(paths=1_000), outlook=replace(world, market=market, operations=Operations()))
    found = swap_study(perfect)
    assert found.hedge.variance_reduction.value == pytest.approx(1, abs=1e-12)
    # Years differ by their days; in ten of them, the worst 1 % of given years are all of the poorest one.
    years = found.fixed.reshape(10, -1).sum(axis=1)
    assert found.after.revenue["P99"].value == pytest.approx(years.min(), rel=1e-12)
    assert found.risk["basis"] == pytest.approx(0, abs=1e-12)
    assert found.risk["operations"] == pytest.approx(0, abs=1e-12)
    # A known share of the output lost: actual = 0.9 proxy, whose hedged variance is 0.01/0.81 of the whole.
    worn = replace(perfect, outlook=replace(perfect.outlook, operations=Operations(0.9)))
    reduction = swap_study(worn).hedge.variance_reduction.value
    assert reduction == pytest.approx(1 - 0.1**2 / 0.9**2, rel=1e-9)


def test_more_basis_less_hedge() -> None:
    world, found = outlook(), []
    for sd in (0.0, 2.0, 6.0):
        basis = replace(world.market.basis, sd=sd)
        changed = replace(world, market=replace(world.market, basis=basis))
        found.append(swap_study(replace(inputs(paths=2_000), outlook=changed)).hedge.basis_risk.value)
    assert found[0] < found[1] < found[2]


def test_variants_side_by_side(fair: SwapStudy) -> None:
    """At one fixed payment, sharing upside raises the mean; a floor alone hedges less than the swap."""
    proxy, fixed = fair.scenarios.proxy, fair.fixed
    shared = fixed - proxy + 0.5 * np.maximum(proxy - fixed, 0)
    floor = np.maximum(0.8 * fixed - proxy, 0)
    table = compare(fair, {"shared": shared, "floor": floor})
    assert list(table.index) == ["none", "swap", "shared", "floor"]
    assert (
        table.loc["shared", "mean"] > table.loc["swap", "mean"]
    )  # for nothing: its fixed payment is unpriced
    assert table.loc["none", "variance_reduction"] == pytest.approx(0, abs=1e-12)
    assert table.loc["swap", "variance_reduction"] > table.loc["floor", "variance_reduction"] > 0
    assert table.loc["swap", "debt_capacity"] == pytest.approx(fair.after.capacity.value)
    with pytest.raises(InputError, match="bad: settlements have the shape"):
        compare(fair, {"bad": np.zeros(3)})


def test_bad_inputs_are_refused() -> None:
    with pytest.raises(InputError, match="costs: 3 numbers for 10 years"):
        replace(inputs(), costs=(1.0, 2.0, 3.0))
    with pytest.raises(InputError, match="basis = odd"):
        Pricing("odd")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="level or expected"):
        Pricing("fair", 0, "odd")  # type: ignore[arg-type]


def test_a_given_year_is_any_of_them_and_any_year_is_the_worst() -> None:
    """Normal years of two sizes: quantiles of the mixture and chances by scipy."""
    stream = np.random.default_rng(8)
    yearly = stream.normal([10.0, 14.0], 2.0, (200_000, 2))
    found = of_a_given_year(yearly, (0.5, 0.9, 0.99))
    for name, case in (("P50", 0.5), ("P90", 0.9), ("P99", 0.99)):
        below = brentq(lambda x, case=case: (norm.cdf(x, 10, 2) + norm.cdf(x, 14, 2)) / 2 - (1 - case), 0, 20)
        assert found[name].value == pytest.approx(below, abs=5 * found[name].standard_error + 0.01)
    assert found["mean"].value == pytest.approx(12, abs=0.02)
    service = np.array([8.0, 8.0])
    summary = summarise(yearly, service)
    short = norm.cdf(8, [10, 14], 2)
    assert summary.given_year_below_one.value == pytest.approx(short.mean(), abs=0.003)
    assert summary.any_year_below_one.value == pytest.approx(1 - np.prod(1 - short), abs=0.003)

"""What moves a price, and what a linked coupon is worth: against lines, differences and the terms' words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

from finance.pricing import flows as flows_module
from finance.pricing.claim import BondClaim
from finance.pricing.closed import expected_amount
from finance.pricing.flows import Flows, KpiFlow, bond_flows, deal_flows, observed_on
from finance.pricing.kernels import mean_payoffs
from finance.pricing.market import DiscountCurve, Market
from finance.pricing.measures import (
    clean_price,
    dirty_price,
    fair_coupon,
    flow_table,
    tier_probabilities,
    weights,
)
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.pricing.processes import MeanRevertingProcess, NormalProcess
from finance.pricing.sensitivity import (
    break_even_mean,
    cost_of_capital,
    kpi_risk,
    law_of,
)
from finance.pricing.simulate import kpi_time
from finance.pricing.sustainability import Effort, fair_linked_coupon, linked_bond, tries
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms import InputError
from finance.terms.schedule import coupon_schedule
from tests.finance.deal_variants import book_deal

START, END = date(2020, 1, 15), date(2024, 1, 15)
OBSERVED = date(2022, 1, 15)
SCHEDULE = coupon_schedule(START, END, "semiannual", "30/360")
LINE = Curve.of(Shape.LINEAR, [(-(10**9), -(10**9)), (10**9, 10**9)])  # as much money as KPI


def bond(*kpi_flows: KpiFlow, coupon: float = 0.03) -> Flows:
    return bond_flows(1_000.0, coupon, SCHEDULE, kpi_flows=kpi_flows)


def on(curve: Curve, paid: date = END, scale: float = 0.01, decimals: int = 2, kpi: str = "kpi") -> KpiFlow:
    return KpiFlow(paid, OBSERVED, curve, decimals, scale, kpi)


FLAT = Market.flat(START, 0.04)


@pytest.mark.parametrize("settle", [START, date(2021, 3, 1)])
def test_a_unit_of_kpi_that_is_paid_out_is_worth_its_factor(settle: date) -> None:
    """A payment of the KPI itself: delta is the discount factor per 100, vega nothing, for every law."""
    claim = bond(on(LINE), on(LINE, date(2023, 1, 15)))
    years = [4, 3] if settle == START else [4 - 406 / 360, 3 - 406 / 360]
    wanted = sum(1.02 ** (-2 * t) for t in years) * 100 / 1_000
    for law in (NormalKpi(3.0, 2.0), LognormalKpi.from_moments(3.0, 2.0), EmpiricalKpi((1.0, 2.0, 7.5))):
        found = kpi_risk(claim, FLAT, settle, law)
        assert found.delta == pytest.approx(wanted, rel=1e-5)
        assert found.vega == pytest.approx(0, abs=2e-4)


def test_a_sample_is_moved_by_a_tenth_of_its_sd() -> None:
    """It jumps from value to value, so the step is wide: a tenth of the sd either way."""
    flow = on(Curve.of(Shape.STEP, [(0, 0), (200, 500), (400, 900)]))
    sample = EmpiricalKpi(tuple(np.linspace(0.5, 6, 57)))
    found = kpi_risk(bond(flow), FLAT, START, sample)
    worth, h = 1.02**-8 * 100 / 1_000, 0.1 * sample.sd

    def paid(values: np.ndarray) -> float:
        return float(np.mean(5.0 * (np.rint(values * 100) >= 200) + 4.0 * (np.rint(values * 100) >= 400)))

    values = np.array(sample.values)
    assert found.delta == pytest.approx(worth * (paid(values + h) - paid(values - h)) / (2 * h), rel=1e-9)
    wide, slim = (sample.mean + (values - sample.mean) * f for f in (1.1, 0.9))
    assert found.vega == pytest.approx(worth * (paid(wide) - paid(slim)) / (2 * h), rel=1e-9)


def test_each_report_is_seen_from_the_start_of_interest() -> None:
    process, law = NormalProcess(0.3, 0.1, trend=0.05), NormalKpi(9.0, 1.0)
    assert law_of(on(LINE), {"kpi": process}, START) == NormalKpi(0.3 + 0.05 * 2, 0.1)
    assert law_of(on(LINE), {"kpi": law}, START) is law_of(on(LINE), law, START) is law
    claim = bond(on(LINE))
    assert kpi_risk(claim, FLAT, START, {"kpi": process}) == kpi_risk(claim, FLAT, START, NormalKpi(0.4, 0.1))
    with pytest.raises(InputError, match="no mean and sd that can be moved apart"):
        kpi_risk(bond(on(Curve.of(Shape.STEP, [(0, 0), (50, 9)]))), FLAT, START, BernoulliKpi(0.4))


def test_break_even_of_a_line() -> None:
    """The price is linear in the mean, so the answer is known: found as far as 12 sd away, and no further."""
    claim, law = bond(on(LINE)), NormalKpi(3.0, 2.0)
    plain, slope = dirty_price(claim, FLAT, START, np.zeros(1)), 1.02**-8 / 10
    for sds in (-11.9, -1.0, 0.5, 11.9):
        wanted = 3.0 + sds * 2.0
        assert break_even_mean(claim, FLAT, START, law, plain + slope * wanted) == pytest.approx(
            wanted, abs=1e-9
        )
    for sds in (-12.1, 12.1):
        with pytest.raises(InputError, match=r"between -21 and 27 gives it"):
            break_even_mean(claim, FLAT, START, law, plain + slope * (3.0 + sds * 2.0))
    small = LognormalKpi.from_moments(3.0, 2.0)
    for wanted in (0.01, 26.9):
        target = plain + slope * wanted
        assert break_even_mean(claim, FLAT, START, small, target) == pytest.approx(wanted, rel=1e-6)
    assert break_even_mean(bond(on(LINE), coupon=0.04), FLAT, START, law) == pytest.approx(0, abs=1e-9)
    # Of a step that is surely missed at one end the price only nears the worst, however far out.
    step = bond(on(Curve.of(Shape.STEP, [(0, 0), (300, 500)])))
    with pytest.raises(InputError, match="no mean of the KPI"):
        break_even_mean(step, FLAT, START, law, dirty_price(step, FLAT, START, np.zeros(1)))


def test_what_capital_costs_by_hand() -> None:
    """5 if a normal KPI is 2 or more: Wang takes risk_price sd off the mean; reports leave less of it, and on
    average of what they may say the chance is that of the whole sd. The variance that they leave is that of a
    yes or no whose chance is not yet known: p less the chance of two KPIs of correlation r."""
    step, prior, error = on(Curve.of(Shape.STEP, [(0, 0), (200, 500)])), NormalKpi(3.0, 2.0), 1.5
    claim = bond(step)
    per, plain = 1.02**-8 / 10, dirty_price(claim, FLAT, START, np.zeros(1))
    found = cost_of_capital(claim, FLAT, START, prior, 0.4, error, 3)
    left = 1 / np.sqrt(1 / 4 + 3 / error**2)
    z, r = (3.0 - 1.995) / 2, 1 - left**2 / 4
    chance = stats.norm.cdf(z)
    both = stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([z, z])
    for side, sd, variance in (
        (found.without, 2.0, chance - chance**2),
        (found.with_data, left, chance - both),
    ):
        assert side.price == pytest.approx(plain + per * 5 * stats.norm.cdf(z - 0.4 * sd / 2), rel=1e-9)
        assert side.outcome_sd == pytest.approx(per * 5 * np.sqrt(variance), rel=1e-6)
        assert side.headroom == pytest.approx((3.0 - 2.0) / sd, rel=1e-9)
        money = [15.0] * 7 + [1_015.0 + 5 * chance]
        assert sum(m * (1 + side.cost / 2) ** -k for k, m in enumerate(money, 1)) / 10 == pytest.approx(
            side.price
        )
        assert side.spread == pytest.approx(2 * np.log((1 + side.cost / 2) / 1.02), abs=1e-10)
    assert found.saving == found.without.cost - found.with_data.cost > 0
    for price_of_risk in (-0.01, 10.01):
        with pytest.raises(InputError, match="must be from 0 to 10 per sd"):
            cost_of_capital(claim, FLAT, START, prior, price_of_risk, error, 1)
    with pytest.raises(InputError, match="that one KPI report decides"):
        cost_of_capital(bond(on(LINE), on(LINE, kpi="other")), FLAT, START, prior, 0.1, error, 1)
    steps = on(Curve.of(Shape.STEP, [(0, 0), (200, 500), (400, 900)]))
    once, twice = (cost_of_capital(bond(*[steps] * n), FLAT, START, prior, 10.0, error, 1) for n in (1, 2))
    assert once.without.headroom == 0.5
    assert twice.without.outcome_sd == pytest.approx(2 * once.without.outcome_sd)
    assert twice.without.price - plain == pytest.approx(2 * (once.without.price - plain))
    alone = on(Curve.of(Shape.STEP, [(200, 500)]))
    assert cost_of_capital(bond(alone), FLAT, START, prior, 0.0, error, 1).without.headroom == 0.5


# --- sustainability-linked coupons


def linked(target: float = 0.5, step: float = 0.0025, **more: Any) -> Flows:
    return linked_bond(1_000.0, 0.03, SCHEDULE, OBSERVED, target, step, **more)


def test_a_linked_coupon_by_its_words() -> None:
    """From the first period that begins on or after the observation, when the KPI is below the target."""
    found = linked()
    assert [flow.paid for flow in found.kpi_flows] == [
        date(2022, 7, 15),
        date(2023, 1, 15),
        date(2023, 7, 15),
        END,
    ]
    assert {flow.kpi for flow in found.kpi_flows} == {"kpi"}
    assert {flow.decimals for flow in found.kpi_flows} == {6}
    for flow in found.kpi_flows:
        assert flow.amounts(np.array([0.2, 0.4999994, 0.4999996, 0.5, 0.9])) == pytest.approx(
            [1.25, 1.25, 0, 0, 0]
        )
    assert (found.frequency, found.day_count, found.face) == (2, "30/360", 1_000)
    assert [period.coupon for period in found.periods] == [15.0] * 8
    lower = linked(step=-0.001, decimals=2, kpi="share")
    assert lower.kpi_flows[0].amounts(np.array([0.494, 0.496])) == pytest.approx([-0.5, 0])
    assert lower.kpi_flows[0].kpi == "share"
    later = linked_bond(1_000.0, 0.03, SCHEDULE, OBSERVED + timedelta(days=1), 0.5, 0.0025)
    assert len(later.kpi_flows) == 3
    with pytest.raises(InputError, match="no coupon period begins on or after"):
        linked_bond(1_000.0, 0.03, SCHEDULE, date(2023, 7, 16), 0.5, 0.0025)
    assert len(linked_bond(1_000.0, 0.03, SCHEDULE, date(2023, 7, 15), 0.5, 0.0025).kpi_flows) == 1


def test_an_issuer_tries_where_it_saves_more_than_it_costs() -> None:
    claim, idle = linked(), NormalKpi(0.45, 0.05)
    worth = 1.25 * sum(1.02**-k for k in range(5, 9))
    missed = [stats.norm.cdf((0.5 - 0.5e-6 - mean) / 0.05) for mean in (0.45, 0.53)]
    saved = 100 * worth * (missed[0] - missed[1]) / 1_000
    assert not tries(claim, FLAT, START, idle, Effort(0.08, saved + 1e-6))
    assert tries(claim, FLAT, START, idle, Effort(0.08, saved - 1e-6))
    annuity = 50 * sum(1.02**-k for k in range(1, 9))
    for effort, chance in (
        (None, missed[0]),
        (Effort(0.08, saved + 1e-6), missed[0]),
        (Effort(0.08, saved - 1e-6), missed[1]),
    ):
        par = 0.04 - worth * chance / 10 / annuity
        assert fair_linked_coupon(claim, FLAT, START, idle, effort) == pytest.approx(par, abs=1e-9)


# --- measures


def test_a_fair_coupon_of_a_short_and_a_long_bond() -> None:
    """At which the clean price is what is asked: of a day or of years, of a bullet or an amortising bond."""
    for claim in (bond(), bond_flows(1_000.0, 0.03, SCHEDULE, [125.0] * 8)):
        for settle in (START, date(2022, 5, 3), END - timedelta(days=1)):
            for wanted in (100.0, 99.0):
                rate = fair_coupon(claim, FLAT, settle, np.zeros(0), wanted)
                assert clean_price(claim.with_coupon(rate), FLAT, settle, np.zeros(0)) == pytest.approx(
                    wanted, abs=1e-9
                )
    assert fair_coupon(bond(), FLAT, START, np.zeros(0)) == pytest.approx(0.04, abs=1e-12)
    none = replace(bond(), periods=tuple(replace(p, accrual=0.0) for p in bond().periods))
    with pytest.raises(InputError, match="no coupon is left"):
        fair_coupon(none, FLAT, START, np.zeros(0))


def test_the_table_of_payments_to_come() -> None:
    """In order of date, each kind that pays something, after the day: what is paid on it is the seller's."""
    curve = Curve.of(Shape.STEP, [(0, -300), (50, 700)])
    claim = bond_flows(
        1_000.0, [0.0, *[0.03] * 7], SCHEDULE, [0.0] * 6 + [400.0, 600.0],
        (on(curve, date(2023, 7, 15), kpi="share"), on(curve, date(2022, 1, 15), kpi="past")),
    )  # fmt: skip
    settle = date(2022, 1, 15)
    table = flow_table(claim, FLAT, settle, np.array([2.5, 9.9]))
    assert [(row.date, row.kind, row.expected) for row in table.itertuples()] == [
        (date(2022, 7, 15), "coupon", 15.0), (date(2023, 1, 15), "coupon", 15.0),
        (date(2023, 7, 15), "coupon", 15.0), (date(2023, 7, 15), "principal", 400.0),
        (date(2023, 7, 15), "KPI share", 2.5), (END, "coupon", 9.0), (END, "principal", 600.0),
    ]  # fmt: skip
    shared = table[table["kind"] == "KPI share"].iloc[0]
    assert (shared["worst"], shared["best"]) == (-3.0, 7.0)
    assert table["discount_factor"].to_numpy() == pytest.approx([1.02**-k for k in (1, 2, 3, 3, 3, 4, 4)])
    assert table["present_value"].sum() == pytest.approx(
        10 * dirty_price(claim, FLAT, settle, np.array([2.5, 9.9]))
    )
    by_period, by_kpi = weights(claim, FLAT, settle)
    assert by_period.tolist()[:4] == [0, 0, 0, 0]
    assert by_kpi == pytest.approx([1.02**-3, 0])
    assert len(flow_table(claim, FLAT, START, np.array([2.5, 9.9]))) == 11  # a coupon of nothing is no row


def test_tiers_of_a_report_that_is_still_to_come() -> None:
    process = MeanRevertingProcess(0.2, 0.4, 0.7, 0.1)
    curve = Curve.of(Shape.STEP, [(0, -300), (30, 0), (50, 700)])
    law = process.marginal(2.0)
    wanted = np.diff([0, *stats.norm.cdf([0.295, 0.495], law.mean, law.sd), 1])
    assert tier_probabilities(on(curve), {"kpi": process}, START) == pytest.approx(wanted, abs=1e-12)
    with pytest.raises(ValueError, match="only a step curve has tiers"):
        tier_probabilities(on(LINE), {"kpi": process}, START)
    assert kpi_time(START, OBSERVED) == 2
    assert kpi_time(date(2020, 1, 30), date(2020, 1, 31)) == 1e-9  # the same day by 30/360
    for day in (START, START - timedelta(days=1)):
        with pytest.raises(InputError, match="fix the payment"):
            kpi_time(START, day)


# --- claims and flows of deals


def test_a_kpi_measured_before_interest_begins_is_as_uncertain_as_on_its_first_day() -> None:
    kpi = book_deal("dc-water-eib-2016").kpis["runoff-reduction"]
    end = kpi.periods[0].end
    assert observed_on(kpi, 0, end - timedelta(days=400)) == end
    assert observed_on(kpi, 0, end - timedelta(days=1)) == end
    for later in (0, 5):
        start = end + timedelta(days=later)
        assert observed_on(kpi, 0, start) == start + timedelta(days=1)


@pytest.mark.parametrize("field", ["interest", "principal"])
def test_settlement_and_the_cash_flow_contract_agree_to_half_a_cent(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, true = book_deal("dc-water-eib-2016"), flows_module.contract_flows

    def off_by(amount: float) -> Any:
        def changed(deal: Any) -> Any:
            found = list(true(deal))
            found[3] = replace(found[3], **{field: getattr(found[3], field) + amount})
            return found

        return changed

    for amount, good in ((0.0049, True), (-0.0049, True), (0.0051, False), (-0.0051, False)):
        monkeypatch.setattr(flows_module, "contract_flows", off_by(amount))
        if good:
            assert len(deal_flows(deal).periods) == 9
        else:
            with pytest.raises(ValueError, match="2018-10-01: settlement and cash-flow contract disagree"):
                deal_flows(deal)


def test_claims_in_words() -> None:
    """Years accrued, tiers or cases, bullet or not, as the files have them."""
    water, loan, fixed = (
        BondClaim.of(book_deal(name))
        for name in ("dc-water-eib-2016", "singapore-ebus-loan", "hksar-tokenised-green-bond-2023")
    )
    assert [float(t) for t in water.years()] == [k / 2 for k in range(1, 10)]
    assert (water.bullet, loan.bullet, fixed.bullet) == (True, False, True)
    assert [case.amount for case in water.tiers] == [-3_300_000, 0, 3_300_000]
    assert [case.start for case in water.tiers] == [None, 186_000, 413_001]
    assert (loan.tiers, [case.label for case in loan.cases]) == (
        (),
        ["worst for holders", "best for holders"],
    )
    assert (fixed.tiers, fixed.cases, fixed.kpi, fixed.kpi_decimals) == ((), (), "", 0)
    assert (water.kpi, water.kpi_decimals, water.frequency, loan.frequency) == ("runoff-reduction", 6, 2, 4)
    assert sum(water.repayments) == water.principal == 25_000_000


def test_the_kernels_pay_large_knots_and_refuse_larger_ones() -> None:
    """Every whole number below 2^50 in size is told from its neighbours; beyond it nothing is promised."""
    recursion = replace(NormalProcess(0.0, 1.0).recursion(np.array([1.0])), noise=np.zeros(1))
    for edge in (2**50 - 1, -(2**50) + 1):
        flow = KpiFlow(START, START, Curve.of(Shape.STEP, [(edge - 1, 0), (edge, 1)]), 0, 1.0)
        if abs(edge - 1) < 2**50:
            for value, paid in ((edge - 1, 0), (edge - 0.5, edge % 2 == 0), (edge, 1), (edge + 1, 1)):
                level = replace(recursion, level=np.array([float(value)]))
                assert mean_payoffs(level, flow, np.zeros((1, 3)))[0] == paid
    for far in (2**50, -(2**50)):
        flow = KpiFlow(START, START, Curve.of(Shape.STEP, [(min(far, 0), 0), (max(far, 0), 1)]), 0, 1.0)
        with pytest.raises(ValueError, match="too large for the fast kernels"):
            mean_payoffs(recursion, flow, np.zeros((1, 1)))


def test_money_is_the_same_whatever_the_curve_of_the_market() -> None:
    """An expected payment is of the KPI alone; what it is worth, of the market alone."""
    flow, law = on(LINE), NormalKpi(3.0, 2.0)
    assert expected_amount(flow, law) == pytest.approx(3.0, abs=1e-9)
    claim = bond(flow)
    for curve in (DiscountCurve.flat(START, 0.02, 1), DiscountCurve.flat(START, 0.02, 0)):
        factor = 1.02**-4 if curve.logs[0] != -0.02 else np.exp(-0.08)
        worth = dirty_price(claim, Market(curve), START, np.array([3.0])) - dirty_price(
            claim, Market(curve), START, np.zeros(1)
        )
        assert worth == pytest.approx(0.3 * factor, rel=1e-9)

"""A wind swap valued whole from its deal: quoted payments, curves, units of the share, bumps, variants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from finance.settlement import kpi_payment as life
from finance.settlement.kpi_payment import (
    Activation,
    Funding,
    Ledger,
    Settlement,
    Side,
    Withdrawal,
    amount_of,
)
from finance.settlement.pro_rata import per_unit
from finance.settlement.swap_terms import swap_terms
from finance.settlement.waterfall import allocate
from finance.swaps import Collar, IndexForward, PlainSwap, Pricing, TieredIndex, UpsideSharing, swap_study
from finance.swaps.bumps import PROJECT_BUMPS, Bump, project_sensitivity, with_parameters
from finance.swaps.deal import deal_payoff, fixed_amounts, swap_inputs
from finance.swaps.distribution import collateral_columns, period_rows
from finance.swaps.holders import Needs, run_waterfall
from finance.swaps.project import ProjectSwap, project_inputs, project_swap, seasonal_profile
from finance.swaps.variants import with_payoff
from finance.terms import Deal, InputError, load_deal
from finance.terms.swap import KpiPayment
from tests.seeds import usual

ROOT = Path(__file__).resolve().parents[2]
FIXED = (3_060_000, 3_780_000, 3_520_000, 2_560_000)  # the deal file's
PATHS, SEED = 2_000, usual(20170601)


@lru_cache
def bloom() -> Deal:
    return load_deal(ROOT / "deals" / "bloom-wind-prs.yaml")


@lru_cache
def at_own_payments() -> ProjectSwap:
    return project_swap(bloom(), paths=PATHS, seed=SEED)


def test_quoted_payments_are_taken_as_they_stand() -> None:
    """Value by hand: sum of (fixed - proxy revenue) times 1.05^-days/365, over the paths."""
    view = at_own_payments()
    assert view.study.fixed.tolist() == list(FIXED) * 10
    assert view.own.tolist() == list(FIXED) * 10
    proxy = view.study.scenarios.proxy
    days = [(day - bloom().kpis["proxy-revenue"].periods[0].start).days for day in view.with_swap.pay_dates]
    factors = 1.05 ** (-np.array(days) / 365)
    assert view.with_swap.pay_dates[0].isoformat() == "2017-10-16"  # 2017-09-01 and 45 days
    worth = (np.array(FIXED * 10) - proxy) @ factors
    assert view.study.value.value.value == pytest.approx(worth.mean(), abs=1)
    assert view.study.value.value.standard_error == pytest.approx(worth.std() / np.sqrt(PATHS), rel=0.5)


def test_one_amount_and_its_list_are_the_same_swap() -> None:
    inputs = swap_inputs(bloom(), Pricing("quoted", 3.2e6, (0.9, 1.2, 1.1, 0.8)), 400, SEED)
    once = swap_study(inputs)
    listed = swap_study(replace(inputs, pricing=Pricing.quoted(once.fixed, (0.9, 1.2, 1.1, 0.8))))
    assert listed.payment.amount == pytest.approx(once.payment.amount, rel=1e-12)
    assert listed.value.value.value == pytest.approx(once.value.value.value, abs=1e-2)
    assert listed.implied == pytest.approx(once.implied, abs=1e-9)
    with pytest.raises(InputError, match="41 for 40 periods"):
        swap_study(replace(inputs, pricing=Pricing.quoted(np.ones(41))))
    with pytest.raises(InputError, match="belong to the basis quoted"):
        Pricing("fair", amounts=(1.0,))
    with pytest.raises(InputError, match="at least one"):
        Pricing("quoted", amounts=())


@lru_cache
def limited() -> Deal:
    """One for one between 2.5 and 4 million, flat beyond: as when the KPI's feed ends there."""
    return with_payoff(bloom(), Collar(None, 2_500_000), FIXED)


def test_settlements_are_those_of_the_contract_beyond_the_curves_bends() -> None:
    """Every simulated settlement against the integers that settle it, to less than a minor unit's float."""
    deal, terms = limited(), swap_terms(limited())
    study = swap_study(swap_inputs(deal, paths=200, seed=SEED))
    proxy, found = study.scenarios.proxy, study.settlements
    assert (proxy < 2.5e6).any()
    for path in range(0, 200, 20):
        for k in range(40):
            kpi = int(np.rint(proxy[path, k] * 100))
            exact = Decimal(amount_of(terms.payment, k, kpi)) / 10**6
            assert found[path, k] == pytest.approx(float(exact), abs=1e-5)
    # fixed - proxy would be another number there
    assert np.abs(found - (study.fixed - proxy)).max() > 1e5


def test_what_lies_outside_the_bounds_is_no_report() -> None:
    """The line ends at the bounds. Beyond them the project, which has the data, gets the least there is."""
    pays = deal_payoff(bloom())
    assert pays(np.array([-9e6, -2e6, 1e6, 15e6, 99e6])).tolist() == [-15e6, 2e6, -1e6, -15e6, -15e6]


@pytest.mark.parametrize(
    ("solve", "parameter", "implied"),
    [
        ("fair", None, "standard_deviations"),
        ("wang", 0.2, "wang_risk_price"),
        ("sd", 0.3, "standard_deviations"),
        ("sharpe", 0.15, "yearly_sharpe"),
    ],
)
def test_solving_and_pricing_are_inverse(solve: str, parameter: float | None, implied: str) -> None:
    """The solved payments, rounded and written into the deal, imply what was asked for."""
    solved = project_swap(bloom(), solve, parameter, PATHS, SEED)
    amounts = tuple(solved.solved)
    assert all(amount == round(amount, 2) for amount in amounts)
    again = project_swap(with_payoff(bloom(), PlainSwap(0), amounts), paths=PATHS, seed=SEED)
    assert again.study.implied[implied] == pytest.approx(parameter or 0.0, abs=1e-6)
    if solve == "fair":
        value = again.study.value.value
        assert abs(value.value) < 1  # rounding of 40 payments of half a cent each
        exact = again.exact_value
        assert abs(exact.value) < 4.5 * value.standard_error
    else:
        assert again.study.value.value.value < 0


def test_solving_for_coverage_meets_it() -> None:
    found = project_swap(bloom(), "dscr", 1.45, PATHS, SEED)
    assert found.study.after.same_debt.minimum["P99"] == pytest.approx(1.45, abs=1e-9)


@pytest.mark.parametrize(
    ("solve", "parameter", "message"),
    [
        ("odd", None, "must be one of fair, wang, sd, sharpe, dscr"),
        ("wang", None, "needs --parameter, the price of risk"),
        ("fair", 0.2, "the fair payment has none"),
        (None, 0.2, "needs --solve"),
        ("sd", float("nan"), "must be a finite number"),
    ],
)
def test_solve_options_that_do_not_fit(solve: str | None, parameter: float | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        project_inputs(bloom(), solve, parameter)


def test_profile_follows_the_seasons() -> None:
    expected = np.array([1.0, 3.0, 2.0, 6.0])  # two rounds of two seasons: means 1.5 and 4.5
    assert seasonal_profile(expected, 2) == pytest.approx((0.5, 1.5))
    assert seasonal_profile(-expected, 2) == pytest.approx((0.5, 1.5))
    assert seasonal_profile(np.array([1.0, -1.0]), 2) == (1.0, 1.0)


def treasury(revenue: list[int], kpis: list[int], deal: Deal) -> list[int]:
    """Amount per unit of each period, by the integers of the contracts: the swap's own life (its provider
    tops up before each settlement), the ordered steps, and a share in whole minor units.
    """
    terms = swap_terms(deal)
    payment, project = terms.payment, terms.project
    assert project is not None
    ledger = Ledger(at=0)
    for begin in (Funding(0, Side.PAYER, payment.required[Side.PAYER]), Activation(0)):
        ledger = life.apply(payment, ledger, begin)
    balance, arrears, shares = 0, [0, 0], []
    for k, period in enumerate(project.periods):
        at = period.pay_date
        for act in (Funding(at, Side.PAYER, 20 * 10**12), Settlement(at, kpis[k])):
            ledger = life.apply(payment, ledger, act)
        ledger = life.apply(payment, ledger, Withdrawal(at, Side.PAYEE, by_party=False))
        balance += revenue[k] + ledger.last
        owed = life.owed(payment, ledger, Side.PAYEE, at)
        arrears = [arrears[0] + period.operating_cost, arrears[1] + period.debt_service]
        paid, left = allocate(balance, [*arrears, owed])
        arrears = [arrears[0] - paid[0], arrears[1] - paid[1]]
        if paid[2]:
            ledger = life.apply(payment, ledger, Funding(at, Side.PAYEE, paid[2]))
        each, distributed = per_unit(left, project.hard_cap)
        balance = left - distributed
        shares.append(each)
    return shares


def test_units_get_what_the_integers_give(seed: int) -> None:
    """Wild years, so that arrears, interest on the swap's debt and netting all occur."""
    deal, stream = bloom(), np.random.default_rng(seed)
    proxy = np.round(stream.normal(3.3e6, 2.5e6, (12, 40)).clip(-2e6, 15e6), 2)
    revenue = np.round((proxy * stream.uniform(0.2, 1.0, proxy.shape)).clip(0), 2)
    paid = fixed_amounts(deal) + deal_payoff(deal)(proxy)
    days = np.diff([day.toordinal() for day in at_own_payments().with_swap.pay_dates]).astype(float)
    needs = Needs(np.full(40, 1.1e6), np.full(40, 1.0e6), days, 0.08)
    found = run_waterfall(revenue, paid, needs)
    for party in ("operator", "lender", "provider"):
        assert found.late[party] > 0.005, f"PENSTOCK_SEED={seed}: {party} is never owed"
    for path in range(12):
        exact = treasury(
            [round(x * 10**6) for x in revenue[path].tolist()],
            [round(x * 100) for x in proxy[path].tolist()],
            deal,
        )
        units = found.units[path] / 60_000
        # Whole minor units a unit of 1e-6, carried dust, and interest rounded down.
        assert units == pytest.approx(np.array(exact) / 1e6, abs=5e-6), f"PENSTOCK_SEED={seed}, path {path}"


def test_no_money_is_made_or_lost() -> None:
    stream = np.random.default_rng(SEED)
    revenue = stream.uniform(0, 4e6, (50, 16))
    paid = stream.normal(0, 2e6, (50, 16))
    found = run_waterfall(revenue, paid, Needs(np.full(16, 1e6), np.full(16, 0.8e6), np.full(15, 91.0)))
    still_owed = found.operator_owed[:, -1] + found.lender_owed[:, -1] + found.swap_owed[:, -1]
    assert found.units.sum(axis=1) - still_owed == pytest.approx((revenue + paid).sum(axis=1) - 16 * 1.8e6)
    # Nobody junior is paid while a senior is owed.
    assert not ((found.lender_owed > 0) & (found.units > 0)).any()
    assert not ((found.operator_owed > 0) & (found.units > 0)).any()


def test_collateral_by_hand() -> None:
    found = collateral_columns(np.array([[5.0], [1.0], [-3.0], [0.0]]), 2.0, 1.0, recourse=True)
    (row,) = period_rows(["a"], found)
    assert row == {
        "period": "a",
        "payer_pays": 0.5,
        "payer_exceeds": 0.25,
        "payer_excess": 0.75,
        "payee_pays": 0.25,
        "payee_exceeds": 0.25,
        "payee_excess": 0.5,
        "payee_called": 0.25,
    }
    assert collateral_columns(np.array([[-3.0]]), 2.0, 1.0, recourse=False)["payee_called"] == [0.0]


def test_sides_are_the_studys() -> None:
    view = at_own_payments()
    found, study = view.comparison(), view.study
    assert found["without_swap"]["debt_capacity"]["value"] == study.before.capacity.value
    assert found["with_swap"]["dscr_on_same_debt"]["average"]["P50"] == study.after.same_debt.average["P50"]
    assert list(view.comparison(("with_swap",))) == ["with_swap"]
    unit = found["with_swap"]["unit"]
    assert unit["value"]["value"] == pytest.approx(float(view.with_swap.mean @ study.leg.discount))
    for case, of in ((0.5, "P50"), (0.99, "P99")):
        for name, side in (("without_swap", study.before), ("with_swap", study.after)):
            assert view.yearly_dscr(name, case).mean() == pytest.approx(side.same_debt.average[of], rel=1e-9)


def test_yield_of_a_unit_is_the_rate_that_prices_it() -> None:
    unit = at_own_payments().with_swap
    rate = unit.expected_yield
    assert rate is not None
    days = np.array([(day - unit.issued).days for day in unit.pay_dates])
    assert float(unit.mean @ (1 + rate) ** (-days / 365)) == pytest.approx(unit.price, rel=1e-6)


def test_bumps_move_only_what_they_name_and_leave_the_deal_alone() -> None:
    deal = bloom()
    dearer = Bump("dearer", ("price_monthly",), 1.1).apply(deal)
    assert [float(x) for x in dearer.parameter("price_monthly")] == pytest.approx(
        [1.1 * float(x) for x in deal.parameter("price_monthly")]
    )
    assert deal.number("efficiency") == dearer.number("efficiency")
    assert float(deal.parameter("price_monthly")[0]) == 25
    assert {bump.name.rsplit(" ", 2)[0] for bump in PROJECT_BUMPS} >= {"price level", "mean wind speed"}
    with pytest.raises(InputError, match=r"asset\.parameters\.nothing"):
        with_parameters(deal, nothing=1.0)


def test_sensitivities_have_the_signs_and_sizes_they_must() -> None:
    """What the provider receives is worth more: the swap is worth less to the project by annuity times the
    rise of the fair payment. Twice the discount bump, by hand on the exact means.
    """
    calls: list[tuple[int, int]] = []
    found = project_sensitivity(bloom(), 400, SEED, lambda done, count: calls.append((done, count)))
    moves = {move.name: move for move in found.moves}
    assert calls[-1] == (13, 13)
    for up in ("price level +10 %", "mean wind speed +5 %", "efficiency +2 %"):
        assert moves[up].value.value < 0 < moves[up].fair
    annuity = at_own_payments().study.leg.annuity
    for name, move in moves.items():
        if not name.startswith("discount"):
            assert move.value.value == pytest.approx(-move.fair * annuity, rel=1e-6)
    study = swap_study(project_inputs(bloom(), paths=400, seed=SEED))
    mean = study.controlled.mean() / float(study.leg.discount @ study.leg.profile)
    days = -np.log(study.leg.discount) / np.log(1.05)
    at_six = 1.06**-days
    six = float((study.fixed - mean * study.leg.profile) @ at_six)
    # The profile is by season, expected revenue by quarter (leap days), hence not to the cent.
    assert found.base["value"] + moves["discount rate +1 point"].value.value == pytest.approx(six, rel=2e-3)


# --- variants: the deal's line carries them


def test_upside_sharing_costs_fixed_payment() -> None:
    """A quarter of what exceeds 4 million stays with the project, so its fair fixed payment is lower by what
    that is worth, on the same paths.
    """
    shared = with_payoff(bloom(), UpsideSharing(0, Decimal("0.25"), 4_000_000), FIXED)
    plain, kept = (project_swap(deal, "fair", None, PATHS, SEED) for deal in (bloom(), shared))
    proxy, leg = plain.study.scenarios.proxy, plain.study.leg
    worth = float((0.25 * np.maximum(proxy - 4e6, 0)).mean(axis=0) @ leg.discount) / leg.annuity
    assert plain.study.payment.fair - kept.study.payment.fair == pytest.approx(worth, rel=1e-6)
    assert [(str(p.kpi.value), str(p.amount.value)) for p in shared.only(KpiPayment).line or []] == [
        ("-2000000", "2000000"), ("4000000", "-4000000"), ("15000000", "-12250000"),
    ]  # fmt: skip


def test_a_collar_hedges_less_and_needs_less_premium() -> None:
    collar = project_swap(with_payoff(bloom(), Collar(2_500_000, 4_000_000), (0,)), paths=PATHS, seed=SEED)
    proxy = collar.study.scenarios.proxy
    by_hand = np.maximum(2.5e6 - proxy, 0) - np.maximum(proxy - 4e6, 0)
    assert collar.study.settlements == pytest.approx(by_hand, abs=0.011)
    swap = at_own_payments()
    assert collar.study.hedge.variance_reduction.value + 0.2 < swap.study.hedge.variance_reduction.value < 1
    assert collar.study.hedge.r_squared.value == pytest.approx(swap.study.hedge.r_squared.value)
    # The control variate gives the same value with less error.
    raw, controlled = collar.study.value.value, collar.exact_value
    assert controlled.standard_error < 0.6 * raw.standard_error
    assert abs(raw.value - controlled.value) < 4.5 * raw.standard_error


def test_variants_that_no_line_can_carry() -> None:
    with pytest.raises(InputError, match="steps are written as `tiers`"):
        with_payoff(bloom(), TieredIndex(((0, 1),)), (0,))
    with pytest.raises(InputError, match="amount"):
        with_payoff(bloom(), IndexForward(0, Decimal("0.0000000000001"), "above"), (0,))


def test_a_wind_swap_without_a_share_says_what_is_missing() -> None:
    tree = bloom().model_copy(update={"parts": {"swap": bloom().only(KpiPayment)}})
    with pytest.raises(InputError, match="has no treasury"):
        project_swap(tree)

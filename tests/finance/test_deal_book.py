"""Every published figure of the deals in deals/, and what holds for all of them.

Sources of the figures are those in the deal files.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
import QuantLib as ql

from finance import price
from finance.actus.deal import contract_flows
from finance.settlement.bond import Payment, replay
from finance.settlement.payoff_curve import maximum, minimum
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import Deal, KpiBond
from tests.book import groups, of_kind

DEALS = Path(__file__).resolve().parents[2] / "deals"
BOOK = of_kind("kpi_bond")
MILLION = 10**6


def book(name: str) -> tuple[Deal, SettlementTerms]:
    deal = groups()[name]
    return deal, settlement_terms(deal)


def cents(payments: list[Payment], kind: str) -> list[Decimal]:
    """What falls due, in units of the currency, rounded down to a cent (6 decimals settle)."""
    return [Decimal(p.due // 10**4) / 100 for p in payments if p.kind == kind]


# --- Enel: 25 basis points on the notional when the target is missed


@pytest.fixture(scope="module")
def enel() -> tuple[Deal, SettlementTerms]:
    return book("enel-slb-2019")


@pytest.mark.parametrize(("share", "step"), [(0.549999, 25), (0.55, 0), (0.58, 0), (None, 25)])
def test_enel_pays_25_basis_points_on_the_notional_when_it_misses(
    enel: tuple[Deal, SettlementTerms], share: float | None, step: int
) -> None:
    """1.5bn at 2.650 % is 19.875M a half-year; 25 bp more are 3.75M a year. No report counts as a miss."""
    report = None if share is None else round(share * MILLION)
    coupons = cents(replay(enel[1], 1_500_000, [report]), "coupon")
    assert coupons[:6] == [Decimal(19_875_000)] * 6
    assert coupons[6:] == [Decimal(19_875_000) + Decimal(3_750_000) / 2 * step / 25] * 4


def test_enel_was_sold_at_the_published_yield(enel: tuple[Deal, SettlementTerms]) -> None:
    """99.879 for 2.650 % to September 2024 was published as a yield of 2.676 %, with the target met."""
    valuation = price(enel[0])
    met = valuation.readings[0].yields[1]
    assert round(100 * met, 3) == 2.676
    assert valuation.claim.issue_price == Decimal(1_498_185_000)


def test_enel_price_change_of_missing_is_quantlibs(enel: tuple[Deal, SettlementTerms]) -> None:
    """Missing adds four half-years of 0.125: the price change at the published yield, by QuantLib."""
    valuation = price(enel[0], discount_yield=0.02676)
    start, end = ql.Date(10, 9, 2019), ql.Date(10, 9, 2024)
    count = ql.Thirty360(ql.Thirty360.BondBasis)
    schedule = ql.Schedule(
        start, end, ql.Period(6, ql.Months), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
        ql.DateGeneration.Forward, False,
    )  # fmt: skip
    rates = {"met": [0.0265] * 10, "missed": [0.0265] * 6 + [0.0290] * 4}
    ql.Settings.instance().evaluationDate = start
    theirs = {
        name: ql.BondFunctions.cleanPrice(
            ql.FixedRateBond(0, 100.0, schedule, each, count),
            ql.InterestRate(0.02676, count, ql.Compounded, ql.Semiannual),
            start,
        )
        for name, each in rates.items()
    }
    missed, met = valuation.case_prices
    assert missed == pytest.approx(theirs["missed"], abs=1e-10)
    assert met == pytest.approx(theirs["met"], abs=1e-10)
    assert round(missed - met, 2) == 0.45


def test_enel_chance_of_missing_lies_in_the_published_band(enel: tuple[Deal, SettlementTerms]) -> None:
    """Feldhuetter and others: such targets are missed with a chance of 14 to 39 %."""
    assert 0.14 < price(enel[0]).closed_form.probabilities[0] < 0.39


# --- Hong Kong: one coupon of 365 days


def test_hong_kong_pays_one_coupon_of_365_days() -> None:
    deal, terms = book("hksar-tokenised-green-bond-2023")
    (period,) = terms.periods
    assert (period.pay_date - period.start, period.numerator, period.denominator) == (365 * 86_400, 365, 365)
    payments = replay(terms, terms.hard_cap, [])
    # 800M at 4.05 % for a year; a unit of 10,000 gets 405.
    assert cents(payments, "coupon") == [Decimal(32_400_000)]
    assert cents(payments, "principal") == [Decimal(800_000_000)]
    assert [p.per_unit for p in payments] == [405 * MILLION, 10_000 * MILLION]
    valuation = price(deal)
    assert valuation.price == pytest.approx(100, abs=1e-12)
    assert (valuation.claim.cases, valuation.process) == ((), None)


# --- Atlanta: an extra million, pro rata, after six years


@pytest.mark.parametrize(
    ("gallons", "extra"), [(6.52, 1_000_000), (6.5199, 0), (7.4, 1_000_000), (None, 1_000_000)]
)
def test_atlanta_shares_a_million_after_six_years(gallons: float | None, extra: int) -> None:
    _, terms = book("atlanta-eib-2019")
    payments = replay(terms, 14_020, [None if gallons is None else round(gallons * 10**4)])
    (bonus,) = (p for p in payments if p.kind == "outcome")
    assert (bonus.due, bonus.index) == (extra * MILLION, 11)  # the twelfth half-year ends after six years
    # Pro rata: 1,000,000 / 14,020 = 71.326676 for each 1,000; what cannot be shared is carried, not lost.
    assert bonus.per_unit == (71_326_676 if extra else 0)
    assert sum(p.total for p in payments) <= sum(p.due for p in payments)


def test_atlanta_yields_what_was_reported() -> None:
    """ImpactAlpha: investors can earn a 3.55 % return if the capacity is reached."""
    missed, reached = price(book("atlanta-eib-2019")[0]).readings[0].yields
    assert round(100 * reached, 2) == 3.55
    assert missed == pytest.approx(0.0286, abs=1e-12)


# --- Singapore: quarterly instalments and a margin that follows the share of electric buses


def test_singapore_loan_without_steps_is_the_textbook_loan() -> None:
    """60M in 32 equal parts at 3 %: 450,000 in the first quarter, 60M x 3 %/4 x 33/2 in all."""
    _, terms = book("singapore-ebus-loan")
    middle = [fixing.curve.knots[1].x for fixing in terms.fixings]
    payments = replay(terms, terms.hard_cap, middle)
    assert cents(payments, "principal") == [Decimal(1_875_000)] * 32
    interest = cents(payments, "coupon")
    assert (interest[0], sum(interest)) == (Decimal(450_000), Decimal(7_425_000))


def test_singapore_margin_moves_by_the_ratchet() -> None:
    """Each report moves the next four quarters by -5, -2.5, 0 or +2.5 basis points; silence by +2.5."""
    _, terms = book("singapore-ebus-loan")
    middle = [fixing.curve.knots[1].x for fixing in terms.fixings]
    even = replay(terms, terms.hard_cap, middle)
    for year in range(len(terms.fixings)):
        for report, points in ((0, 2.5), (middle[year], 0), (9_999, -5), (None, 2.5)):
            reports = [*middle[:year], report, *middle[year + 1 :]]
            moved = replay(terms, terms.hard_cap, reports)
            first = 5 + 4 * year
            for index in range(32):
                left = 60_000_000 - 1_875_000 * index
                applies = first <= index < first + 4 or (year == 6 and index >= first)
                change = Fraction(left) * Fraction(points) / 10_000 / 4 if applies else 0
                coupon = [p.due for p in moved if p.kind == "coupon" and p.index == index]
                before = [p.due for p in even if p.kind == "coupon" and p.index == index]
                assert Fraction(coupon[0] - before[0], MILLION) == change


# --- all deals


def reports(terms: SettlementTerms, rng: Random) -> list[int | None]:
    """One report for each fixing: a bound of a tier, beside one, anywhere, or missing."""
    chosen: list[int | None] = []
    for fixing in terms.fixings:
        feed = terms.feeds[fixing.feed]
        knots = [knot.x for knot in fixing.curve.knots if feed.min_value <= knot.x <= feed.max_value]
        anywhere = rng.randint(feed.min_value, feed.max_value)
        chosen.append(rng.choice([None, anywhere, *knots, *(x - 1 for x in knots)]))
    return chosen


@pytest.mark.parametrize("name", BOOK)
def test_cash_flow_contracts_pay_what_is_settled(name: str, seed: int) -> None:
    """ACTUS contracts under random reports, against the integer replay: difference 0 to the cent."""
    deal, terms = book(name)
    rng = Random(f"{seed}/{name}")
    for _ in range(20):
        given = reports(terms, rng)
        due: dict[tuple[int, str], int] = {}
        for payment in replay(terms, terms.hard_cap, given):
            at = (min(payment.index, len(terms.periods) - 1), payment.kind)
            due[at] = due.get(at, 0) + payment.due
        for index, flow in enumerate(contract_flows(deal, given)):
            for kind, amount in (
                ("coupon", flow.interest),
                ("principal", flow.principal),
                ("outcome", flow.outcome),
            ):
                settled = due.get((index, kind), 0) / MILLION
                assert round(amount - settled, 2) == 0, f"PENSTOCK_SEED={seed} {given} {index} {kind}"


@pytest.mark.parametrize("name", BOOK)
def test_silence_never_pays_whoever_controls_the_data(name: str) -> None:
    """Law 4: holders get for a missing report at least what any report gives when the issuer controls it."""
    deal, terms = book(name)
    for fixing in terms.fixings:
        if deal.controller_of(deal.key_of(KpiBond)) == "issuer":
            assert fixing.missing >= maximum(fixing.curve)
        else:
            assert fixing.missing <= minimum(fixing.curve)


@pytest.mark.parametrize("name", BOOK)
def test_expected_price_lies_between_the_cases_and_monte_carlo_agrees(name: str) -> None:
    valuation = price(groups()[name])
    exact, estimate = valuation.closed_form, valuation.monte_carlo
    assert abs(estimate.expected - exact.expected) <= 4 * estimate.standard_error
    if valuation.case_prices:
        assert min(valuation.case_prices) <= valuation.price <= max(valuation.case_prices)
    paid = valuation.cashflows["present_value"].sum() + float(valuation.claim.issue_price)
    assert paid == pytest.approx(valuation.price / 100 * float(valuation.claim.principal), rel=1e-9)

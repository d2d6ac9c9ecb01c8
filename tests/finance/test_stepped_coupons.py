"""Coupons that step at given dates by the terms alone, against what others have published, and QuantLib."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import QuantLib as ql

from finance import price
from finance.actus.deal import contract_flows
from finance.pricing.flows import deal_flows
from finance.pricing.measures import accrued_price, price_from_yield, yield_from_price
from finance.pricing.prepared import PreparedBond
from finance.report.words import terms_in_words
from finance.settlement.bond import replay
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, DealFileError, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.shift import shift_deal
from tests.finance.deal_variants import BOOK, book_deal, enel_stepping_up, term
from tests.finance.test_one_price import every_price, fixed_bond

NO_KPI = np.zeros(0)
MATLAB = (date(2003, 3, 15), date(2008, 3, 15), "semiannual", "30/360")
"""Financial Instruments Toolbox, "Stepped-Coupon Bonds": 2 %, from 15 March 2005 4 %.
https://www.mathworks.com/help/fininst/stepped-coupon-bonds.html"""


def stepped(
    start: date, maturity: date, frequency: str, day_count: str, rate: str, *later: tuple[date, str]
) -> Deal:
    """A bond without KPIs whose coupon is `rate` at first, and changes on the days given."""
    tree = _tree(fixed_bond(start, maturity, frequency, day_count, rate))
    bond = tree["parts"]["bond"]
    bond["coupon"]["later_rates"] = [{"from": term(day), "rate": term(Decimal(each))} for day, each in later]
    bond["late_rate"] = term(Decimal("0.2"))
    return parse_deal(tree)


def _tree(deal: Deal) -> dict[str, Any]:
    return deal.model_dump(mode="python", by_alias=True, exclude_none=True)


def matlab() -> Deal:
    return stepped(*MATLAB, "0.02", (date(2005, 3, 15), "0.04"))


def test_the_coupons_that_matlab_prints() -> None:
    """Per 100: 1 1 1 1 2 2 2 2 2 102. The coupon paid on the day of the step is still the old one."""
    deal = matlab()
    wanted = [1.0] * 4 + [2.0] * 5 + [102.0]
    flows = deal_flows(deal)
    assert 100 * flows.certain / flows.face == pytest.approx(wanted)
    contract = [each.interest + each.principal for each in contract_flows(deal)]
    assert 100 * np.array(contract) / flows.face == pytest.approx(wanted)
    terms = settlement_terms(deal)
    paid = [p.due for p in replay(terms, terms.hard_cap, []) if p.kind == "coupon"]
    whole = terms.unit_principal * terms.hard_cap
    assert paid == [whole // 100] * 4 + [whole // 50] * 6


def test_the_price_and_yield_of_the_same() -> None:
    """At 3.33 %, by hand: 1/1.01665 + ... + 1/1.01665^4 + 2/1.01665^5 + ... + 102/1.01665^10 = 99.2237; and
    back."""
    deal = matlab()
    found = every_price(deal, date(2003, 3, 15), 0.0333)
    assert {name: round(worth, 4) for name, worth in found.items()} == dict.fromkeys(found, 99.2237)
    flows = deal_flows(deal)
    assert yield_from_price(flows, 99.22371, flows.start, NO_KPI) == pytest.approx(0.0333, abs=1e-8)


def test_a_bond_of_three_steps_within_a_period() -> None:
    """`stepcpnprice`: bond B of the example, on 2 August 1992 at 7.221 %, clean: 113.4339.
    https://www.mathworks.com/help/fininst/stepcpnprice.html"""
    steps = [(date(1997, 6, 15), "0.08875"), (date(2001, 6, 15), "0.0925"), (date(2005, 6, 15), "0.1")]
    deal = stepped(date(1992, 6, 15), date(2010, 6, 15), "semiannual", "30/360", "0.075", *steps)
    flows, day = deal_flows(deal), date(1992, 8, 2)
    dirty = price_from_yield(flows, 0.07221, day, NO_KPI)
    assert dirty - accrued_price(flows, day) == pytest.approx(113.4339, abs=5e-5)


def test_a_single_step_up_note_on_a_curve() -> None:
    """4.25 % for two years, then 7.5 % for two, at spot rates of 3.5, 4.2147, 4.7345 and 5.2707 %, by hand:
    4.25/1.035 + 4.25/1.042147^2 + 7.5/1.047345^3 + 107.5/1.052707^4 = 102.082."""
    deal = stepped(
        date(2010, 1, 1), date(2014, 1, 1), "annual", "30/360", "0.0425", (date(2012, 1, 1), "0.075")
    )
    flows, spots = deal_flows(deal), (0.035, 0.042147, 0.047345, 0.052707)
    factors = [(1 + spot) ** -years for years, spot in enumerate(spots, start=1)]
    assert flows.certain @ factors / flows.face == pytest.approx(1.02082, abs=5e-6)


def quantlib_dirty(deal: Deal, day: date, rate: float) -> float:
    bond, at = deal.only(KpiBond), ql.Date.from_date(day)
    ql.Settings.instance().evaluationDate = at
    days = [ql.Date.from_date(each) for each in (bond.schedule[0].start, *(p.end for p in bond.schedule))]
    count = ql.Thirty360(ql.Thirty360.BondBasis)
    rates = [float(each) for each in (bond.coupon.rate.value, bond.coupon.rate.value, *["0.06"] * 4)]
    theirs = ql.FixedRateBond(0, 100.0, ql.Schedule(days), rates, count)
    known = ql.InterestRate(rate, count, ql.Compounded, ql.Semiannual)
    return float(ql.BondFunctions.cleanPrice(theirs, known, at) + theirs.accruedAmount(at))


@pytest.mark.parametrize("day", [date(2026, 4, 1), date(2026, 12, 24), date(2027, 4, 1), date(2028, 7, 7)])
def test_every_command_has_quantlibs_price_of_it(day: date) -> None:
    """Before the step, on its day and after it; the accrued interest is that of the rate of the day."""
    deal = stepped(
        date(2026, 4, 1), date(2029, 4, 1), "semiannual", "30/360", "0.03", (date(2027, 4, 1), "0.06")
    )
    found = every_price(deal, day, 0.0444)
    wanted = quantlib_dirty(deal, day, 0.0444)
    assert found == pytest.approx(dict.fromkeys(found, wanted), abs=2e-8)


def test_a_kpi_adds_to_the_rate_of_its_period() -> None:
    """Enel's 2.65 % steps to 3 % on 10 September 2022, where the KPI may add 25 basis points: 3 or 3.25 %."""
    deal = enel_stepping_up()
    terms, day = settlement_terms(deal), date(2022, 9, 10)
    first = next(i for i, p in enumerate(deal.only(KpiBond).schedule) if p.start == day)
    scale = 10 ** terms.feeds[0].decimals
    for report, rate in ((scale // 2, 325), (6 * scale // 10, 300)):
        coupons = [p for p in replay(terms, terms.hard_cap, [report]) if p.kind == "coupon"]
        whole = terms.unit_principal * terms.hard_cap
        for before, now in ((first - 1, 265), (first, rate)):
            period = terms.periods[before]
            assert coupons[before].due == whole * now * period.numerator // (10_000 * period.denominator)
    found, bond = price(deal), PreparedBond.of(deal)
    assert found.price == bond.value().price
    assert found.monte_carlo.expected == pytest.approx(found.closed_form.expected, rel=0.02)


def test_it_is_said_in_words() -> None:
    said = terms_in_words(price(matlab()))
    assert "It pays 2 % interest a year, twice a year, from 2003-03-15 to 2005-03-15." in said
    assert "From 2005-03-15 to 2008-03-15 it pays 4 %." in said


def test_the_return_a_year_is_that_of_the_average_rate() -> None:
    """2 % for two years and 4 % for three: 3.2 %."""
    (reading,) = price(matlab()).readings
    assert reading.expected_simple_return == pytest.approx(0.032)


def test_a_moved_deal_steps_on_a_pay_date() -> None:
    """Half years differ in days, and the step stays with its coupon."""
    for days in (1, 100, 1_000):
        bond = shift_deal(matlab(), days).only(KpiBond)
        assert bond.coupon.later_rates is not None
        assert bond.coupon.later_rates[0].from_.value == bond.schedule[4].start


@pytest.mark.parametrize("name", BOOK)
def test_a_deal_without_later_rates_has_none_in_its_hash(name: str) -> None:
    assert "later_rates" not in book_deal(name).canonical_json


STEP, ANOTHER, LAST = date(2005, 3, 15), date(2006, 3, 15), date(2008, 3, 15)


@pytest.mark.parametrize(
    ("later", "field", "reason"),
    [
        ([(STEP, "4")], "later_rates.0.rate", "looks like a percentage: rates are fractions, 4 % is 0.04"),
        ([(STEP, "-0.01")], "later_rates.0.rate", "must not be negative"),
        ([(STEP, "0.0400000000000000001")], "later_rates.0.rate", "has more than 18 decimals"),
        ([(date(2005, 3, 16), "0.04")], "later_rates.0.from", "no coupon period begins on that day"),
        ([(LAST, "0.04")], "later_rates.0.from", "no coupon period begins on that day"),
        (
            [(MATLAB[0], "0.04")],
            "later_rates.0.from",
            "dates out of order: not after 2003-03-15, when the rate before begins",
        ),
        (
            [(ANOTHER, "0.04"), (STEP, "0.05")],
            "later_rates.1.from",
            "dates out of order: not after 2006-03-15, when the rate before begins",
        ),
        ([], "later_rates", "must have at least 1 item, not 0"),
    ],
)
def test_later_rates_that_are_none(later: list[tuple[date, str]], field: str, reason: str) -> None:
    with pytest.raises(DealFileError) as refused:
        stepped(*MATLAB, "0.02", *later)
    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == (f"parts.bond.coupon.{field}", reason)


def test_what_is_late_bears_no_less_than_the_highest_rate() -> None:
    tree = _tree(matlab())
    tree["parts"]["bond"]["late_rate"] = term(Decimal("0.039"))
    with pytest.raises(DealFileError, match=r"is below the coupon, which can be 0\.04"):
        parse_deal(tree)


def test_readings_are_of_a_bond_with_one_rate() -> None:
    tree = _tree(matlab())
    tree["parts"]["bond"]["term_readings"] = [{"years": term(5), "note": "as it is"}]
    with pytest.raises(DealFileError, match="belong to a bond with regular coupons, no steps"):
        parse_deal(tree)

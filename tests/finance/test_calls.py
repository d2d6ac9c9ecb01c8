"""Calls by the issuer: what the reader takes, what they cost at least, and how they move with a deal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from finance.settlement.bond import replay
from finance.settlement.terms import NEVER, settlement_terms
from finance.terms import Deal, DealFileError, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.reader import read_deal_yaml
from finance.terms.shift import shift_deal
from tests.finance.deal_variants import BOOK, book_deal, file_of, term
from tests.finance.test_one_price import fixed_bond
from tests.settlement.bonds import premiums_needed

FIXED = (date(2026, 4, 1), date(2031, 4, 1), "semiannual", "30/360", "0.05")
FIRST, SECOND = date(2028, 4, 1), date(2029, 10, 1)
Price = tuple[date, str]


def with_call(tree: dict[str, Any], *prices: Price, notice: int = 30) -> Deal:
    tree["parts"]["bond"]["call"] = {
        "notice_days": term(notice),
        "prices": [{"from": term(day), "price": term(Decimal(each))} for day, each in prices],
    }
    return parse_deal(tree)


def callable_bond(*prices: Price, notice: int = 30) -> Deal:
    """5 % a year for five years, without KPIs."""
    tree = fixed_bond(*FIXED).model_dump(mode="python", by_alias=True, exclude_none=True)
    return with_call(tree, *(prices or ((FIRST, "1.02"), (SECOND, "1"))), notice=notice)


@pytest.mark.parametrize("name", BOOK)
def test_a_deal_without_a_call_has_none_in_its_hash(name: str) -> None:
    assert '"call"' not in book_deal(name).canonical_json


def test_what_a_called_bond_pays() -> None:
    """Of 100 on the fourth pay date: 2.50 four times, then 102."""
    terms = settlement_terms(callable_bond())
    assert terms.callable() == list(range(3, 9))
    whole = terms.unit_principal * terms.hard_cap
    paid = [(p.kind, 1_000 * p.total // whole) for p in replay(terms.called(3), terms.hard_cap, [])]
    assert paid == [("coupon", 25)] * 4 + [("principal", 1_000), ("premium", 20)]
    assert [p.kind for p in replay(terms.called(7), terms.hard_cap, [])] == ["coupon"] * 8 + ["principal"]
    assert terms.called(3).callable() == []


@pytest.mark.parametrize("index", [0, 2, 9, 10, -1])
def test_there_is_no_call_on_other_dates(index: int) -> None:
    with pytest.raises(ValueError, match="no call on its pay date"):
        settlement_terms(callable_bond()).called(index)


@pytest.mark.parametrize(
    ("prices", "notice", "field", "reason"),
    [
        (
            [(FIRST, "0.99")],
            30,
            "prices.0.price",
            "must be at least 1 and below 2: a fraction, 102 % is 1.02",
        ),
        ([(FIRST, "102")], 30, "prices.0.price", "must be at least 1 and below 2: a fraction, 102 % is 1.02"),
        ([(FIRST, "1.0000000000000000001")], 30, "prices.0.price", "has more than 18 decimals"),
        (
            [(FIRST, "1"), (SECOND, "1.01")],
            30,
            "prices.1.price",
            "is above the price before, 1: waiting may not cost more",
        ),
        (
            [(date(2028, 4, 2), "1")],
            30,
            "prices.0.from",
            "is not a pay date of the coupon before the maturity",
        ),
        ([(FIXED[1], "1")], 30, "prices.0.from", "is not a pay date of the coupon before the maturity"),
        (
            [(SECOND, "1"), (FIRST, "1")],
            30,
            "prices.1.from",
            "dates out of order: not after 2029-10-01, when the price before begins",
        ),
        ([(FIRST, "1")], 0, "notice_days", "must be a whole number from 1 to 36500"),
    ],
)
def test_calls_that_are_none(prices: list[Price], notice: int, field: str, reason: str) -> None:
    with pytest.raises(DealFileError) as refused:
        callable_bond(*prices, notice=notice)
    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == (f"parts.bond.call.{field}", reason)


def test_a_moved_deal_is_called_on_pay_dates() -> None:
    """Half years differ in days."""
    for days in (1, 100, 1_000):
        bond = shift_deal(callable_bond(), days).only(KpiBond)
        assert [index for index, _ in bond.call_prices] == [3, 6]


# -- laws 4 and 5


def enel(price: str, day: date = date(2023, 9, 10)) -> Deal:
    """Enel's bond pays 25 basis points more if its KPI is missed, from September 2022 to September 2024."""
    return with_call(read_deal_yaml(file_of("enel-slb-2019")), (day, price))


def needed(day: date = date(2023, 9, 10)) -> str:
    with pytest.raises(DealFileError) as refused:
        enel("1", day)
    (problem,) = refused.value.problems
    assert problem.field == "parts.bond.call.prices.0.price"
    return problem.reason.removesuffix(" is needed").rpartition("at least ")[2]


def test_no_call_is_a_way_round_what_a_kpi_may_still_add() -> None:
    """In September 2023 one year at 25 basis points is left, whatever was reported in 2022: a price of
    1.0025, and a trice, since a minor unit of each payment may be rounded."""
    assert needed().startswith("1.00250")
    enel(needed())
    with pytest.raises(DealFileError, match="to escape what KPIs may still add"):
        enel("1.0024999")


def test_an_earlier_call_costs_more() -> None:
    """A year before it is two years."""
    assert float(needed(date(2022, 9, 10))) == pytest.approx(1.005, abs=1e-5)


def test_a_call_leaves_of_a_step_what_came_before() -> None:
    terms = settlement_terms(enel("1.01"))
    (step,) = terms.fixings
    index = terms.callable()[0]
    assert terms.called(index).fixings[0].last == index < step.last
    before = terms.calls[0].first
    assert terms.called(before).periods[-1].repayment == terms.unit_principal
    assert len(terms.periods) < NEVER


@pytest.mark.parametrize("name", [name for name in BOOK if book_deal(name).only(KpiBond).kpi_rules])
def test_the_reader_takes_what_the_contract_takes(name: str) -> None:
    """At every pay date what it asks for is the least, of rates and amounts alike, to the last decimal; that
    the contract takes this and no less is tests/settlement/test_settlement_bond_life.py's."""
    deal = book_deal(name)
    bond, least = deal.only(KpiBond), premiums_needed(settlement_terms(deal))
    for index, period in enumerate(bond.schedule[:-1]):
        more = max(least[index:])
        enough = 1 + Decimal(more).scaleb(-18)
        tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
        with_call(tree, (period.end, str(enough)))
        if more:
            with pytest.raises(DealFileError, match="to escape what KPIs may still add"):
                with_call(tree, (period.end, str(enough - Decimal(1).scaleb(-18))))

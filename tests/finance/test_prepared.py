"""The closed form that is asked for often against the full valuation: the same to the last digit."""

from __future__ import annotations

import random

import pytest

from finance import price
from finance.pricing.prepared import PreparedBond, changed
from finance.pricing.value import deal_expectation
from finance.terms import Deal, InputError
from tests.finance.deal_variants import BOOK, book_deal


@pytest.mark.parametrize("name", BOOK)
def test_agrees_with_the_full_valuation_exactly(name: str, seed: int) -> None:
    rng = random.Random(seed)
    deal = book_deal(name)
    bond = PreparedBond.of(deal)
    assert_same(deal, bond, None, None)
    for _ in range(3):
        rate = rng.uniform(-0.02, 0.12)
        outlook = {
            kpi: changed(process, process.mean * rng.uniform(0.7, 1.3), process.sd * rng.uniform(0.5, 2))
            for kpi, process in deal_expectation(deal).items()
        }
        assert_same(deal, bond, rate, outlook)


def assert_same(deal: Deal, bond: PreparedBond, rate: float | None, outlook: object) -> None:
    full = price(deal, outlook or "interval", rate)  # type: ignore[arg-type]
    quick = bond.value(rate, outlook)  # type: ignore[arg-type]
    assert quick.price == full.price
    assert quick.case_prices == full.case_prices
    assert quick.closed_form == full.closed_form
    assert quick.expected_yield == full.expected_yield
    assert quick.spread == full.spread
    assert quick.durations == full.durations
    assert quick.process == full.process


def test_a_deal_without_a_bond_is_refused() -> None:
    with pytest.raises(InputError, match="has no bond"):
        PreparedBond.of(book_deal("bloom-wind-prs"))

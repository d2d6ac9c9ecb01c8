"""A book of orders in a currency that calls back in a transfer: nobody gets more than its due."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.contracts import wiring
from tests.contracts.checks import error_text
from tests.contracts.clock import warp
from tests.contracts.lives import K
from tests.contracts.material import MILLION, Sale
from tests.contracts.test_reentrancy import MOMENTS, answer, arm, currency

__all__ = ["arm", "currency"]
TICK, LEVELS = MILLION, 3


@pytest.fixture(scope="module")
def book(base, parties, plan_of, currency, OrderBook):
    """Of a hundred units; a hundred are ordered at the top by one, and fifty below by another."""
    code = OrderBook.deploy({"from": parties.deployer})
    rooms = SimpleNamespace(**vars(base) | {"implementations": (*base.implementations[:2], code)})
    plan = plan_of(currency=currency)
    wired = wiring.bond(rooms, plan.terms(), parties.deployer, (TICK, LEVELS, 1))
    base.factory.deploy(*wired.arguments, {"from": parties.deployer})
    made = OrderBook.at(wired.at["offering"])
    warp(plan.opens)
    for who, units, level in ((parties.investor, 100, 2), (parties.other, 50, 1)):
        currency.approve(made, 2**256 - 1, {"from": who})
        made.order(units, K + level * TICK, {"from": who})
    warp(plan.closes)
    return made


@MOMENTS
def test_take_cannot_be_entered_twice(book, currency, arm, parties, moment):
    book.clear({"from": parties.stranger})
    before = currency.balanceOf(parties.other)
    arm(moment, book, "take", parties.other, 2)
    book.take(parties.other, 2, {"from": parties.other})
    assert answer(currency) == error_text(book, "OrderBook_NoSuchOrder", parties.other, 2)
    assert currency.balanceOf(parties.other) - before == 50 * (K + TICK)


@MOMENTS
def test_what_another_is_due_can_be_taken_inside_and_once(book, currency, arm, parties, moment):
    """The units of the first come with the money of the second; then the issue is settled from inside."""
    book.clear({"from": parties.stranger})
    arm(moment, book, "take", parties.investor, 1)
    book.take(parties.other, 2, {"from": parties.stranger})
    assert answer(currency) is None
    assert (book.sold(), book.toDeliver()) == (100, 0)
    before = currency.balanceOf(parties.issuer)
    arm(moment, book, "settle")
    book.settle({"from": parties.stranger})
    assert answer(currency) == error_text(book, "Offering_WrongState", Sale.SETTLED)
    assert currency.balanceOf(parties.issuer) - before == 100 * (K + 2 * TICK)
    assert currency.balanceOf(book) == 0

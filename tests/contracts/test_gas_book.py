"""What a sale by a book of a thousand orders costs: gas of whole transactions through the clone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.contracts import wiring
from tests.contracts.clock import is_ganache, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.material import MILLION

MAX_RUNTIME = 20_000
ORDER, CLEAR, TAKE = 140_000, 150_000, 160_000
YEAR_2100 = 4_102_444_800
K, TICK, LEVELS, ORDERS = 1_000 * MILLION, MILLION, 64, 1_000


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in terms, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


def test_a_thousand_orders(
    same_time_every_run, base, parties, plan_of, SecurityToken, KpiBond, OrderBook, web3
):
    """At all 64 prices by three investors, for twice the issue: the last costs what the first did."""
    by = {"from": parties.deployer}
    code = OrderBook.deploy(by)
    record("runtime bytes of OrderBook", len(web3.eth.get_code(code.address)), MAX_RUNTIME - 1)
    rooms = SimpleNamespace(**vars(base) | {"implementations": (*base.implementations[:2], code)})
    plan = plan_of(currency=base.currency, units=ORDERS, unit=K)
    wired = wiring.bond(rooms, plan.terms(), parties.deployer, (TICK, LEVELS, 1))
    measure("deploy a deal (token, bond, book of orders, feed)", base.factory.deploy(*wired.arguments, by))
    book, least = OrderBook.at(wired.at["offering"]), plan.terms()["unitPrice"]
    people = [parties.investor, parties.other, parties.third]
    for who in people:
        base.currency.mint(who, 3 * ORDERS * K, by)
        base.currency.approve(book, 2**256 - 1, {"from": who})
    warp(plan.opens)
    orders, spent = [], []

    def order(number, level):
        who = people[number % 3]
        orders.append(who)
        tx = book.order(2, least + level * TICK, {"from": who})
        spent.append(tx.gas_used)
        return tx

    measure("book order, the first", order(0, 63), ORDER + 60_000)
    measure("book order, at a price of its own", order(1, 0), ORDER)
    for number in range(2, ORDERS - 1):
        order(number, number % 32 + 16)
    measure("book order, the thousandth", order(ORDERS - 1, 31), ORDER)
    record("book orders, all thousand", sum(spent), ORDERS * ORDER)
    warp(plan.closes)
    measure("book clear, a thousand orders at 64 prices", book.clear({"from": parties.stranger}), CLEAR)
    left = []
    for number, who in enumerate(orders, 1):
        if book.allotted(who, number):
            left.append((who, number))
    (who, number), *left = left
    measure("book take, units to a new holder and money", book.take(who, number, {"from": who}), TAKE)
    for who, number in left[:-1]:
        tx = book.deliver(who, number, {"from": parties.stranger})
    measure("book deliver", tx, TAKE)
    who, number = left[-1]
    measure("book take, units and money", book.take(who, number, {"from": who}), TAKE)
    who, number = left[-2]
    measure("book take, money only", book.take(who, number, {"from": who}), TAKE)
    measure("settle the book", book.settle({"from": parties.stranger}))

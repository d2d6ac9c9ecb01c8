"""What a put costs: gas of whole transactions through the clone."""

from __future__ import annotations

import pytest

from tests.contracts.clock import is_ganache, warp
from tests.contracts.gas_table import measure, record

MAX_RUNTIME = 20_000
YEAR_2100, DAY = 4_102_444_800, 86_400


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in terms, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


def test_a_put(same_time_every_run, launch, parties, base, clone_of, PutRight, web3, chain):
    deal = launch()
    launch.sell(deal)
    code = PutRight.deploy({"from": parties.deployer})
    record("runtime bytes of PutRight", len(web3.eth.get_code(code.address)), MAX_RUNTIME - 1)
    put, now, money = clone_of(PutRight, code), chain[-1].timestamp, base.currency
    price, writer, holder, other = 10**9, parties.third, parties.investor, parties.other
    date = (now - DAY, now + 10 * DAY, now + 20 * DAY, now + 30 * DAY, 0, price, 0)
    terms = (deal.token.address, money.address, writer, False, [date])
    put.initialize(terms, {"from": parties.deployer})
    money.mint(writer, 10 * price, {"from": parties.deployer})
    money.approve(put.address, 10 * price, {"from": writer})
    measure("put notice, the first", put.giveNotice(0, 4, {"from": holder}), 150_000)
    measure("put notice, of another", put.giveNotice(0, 2, {"from": other}), 120_000)
    measure("put notice, anew", put.giveNotice(0, 3, {"from": other}), 90_000)
    measure("put fund", put.fund(0, 7 * price, {"from": writer}), 140_000)
    warp(now + 20 * DAY + 1)
    for who, units in ((holder, 4), (other, 3)):
        deal.token.approve(put.address, units, {"from": who})
        name = "the first" if who == holder else "of another"
        measure(f"put exercise, {name}", put.exercise(0, units, {"from": who}), 250_000)
    warp(now + 30 * DAY)
    measure("put money returned", put.returnMoney(0, {"from": holder}), 90_000)

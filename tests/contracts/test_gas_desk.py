"""What a trade at the desk costs: whole-transaction gas through the clone; see test_gas.py."""

from __future__ import annotations

import pytest

from tests.contracts.clock import is_ganache, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.material import DAY, MILLION, USA, named_keys, signature

MAX_RUNTIME = 20_000
YEAR_2100 = 4_102_444_800
NOBODY = "0x" + "00" * 20
PRICE = 1_000 * MILLION
FILL = 140_000
SELLS, BUYS = range(2)
(KEY,) = named_keys("maker", 1)


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in quotes, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


@pytest.fixture(scope="module")
def desk(same_time_every_run, token, base, parties, accounts, clone_of, TradeDesk):
    """A desk of the token, which the investor and a maker with a key let take all they have; the maker has
    40 units and money."""
    implementation = TradeDesk.deploy({"from": parties.deployer})
    made = clone_of(TradeDesk, implementation)
    made.initialize((token.address, base.currency.address, 1, 30 * DAY), {"from": parties.deployer})
    maker = accounts.add(KEY.key)
    parties.deployer.transfer(maker, "1 ether")
    base.registry.setIdentity(maker, (base.expiry, USA, 1), {"from": parties.deployer})
    token.transfer(maker, 40, {"from": parties.other})
    base.currency.mint(maker, 100 * PRICE, {"from": parties.deployer})
    for who in (maker, parties.investor, parties.third):
        for each in (token, base.currency):
            each.approve(made, 2**256 - 1, {"from": who})
    return made


@pytest.fixture(scope="module")
def fill(desk, chain):
    """fill(taker, side, units, **terms): some of a quote of the maker's, of 20 units."""

    def do(taker, side, units=5, **terms):
        start = chain[-1].timestamp if is_ganache() else YEAR_2100
        quote = {
            "maker": KEY.address,
            "taker": NOBODY,
            "side": side,
            "units": 20,
            "least": 1,
            "price": PRICE,
            "earned": 0,
            "holds": True,
            "opens": start - DAY,
            "expires": start + DAY,
            "nonce": 1,
        } | terms
        signed = signature("Quote", quote, KEY, chain.id, desk.address, "TradeDesk")
        return desk.fill(tuple(quote.values()), signed.signature, units, {"from": taker})

    return do


def test_fill(fill, parties):
    measure("desk fill, first of a quote that sells", fill(parties.investor, SELLS), FILL)
    measure("desk fill, another of the same quote", fill(parties.investor, SELLS), FILL)
    measure("desk fill of a quote that buys", fill(parties.investor, BUYS), FILL)
    measure("desk fill, to a new holder", fill(parties.third, SELLS, nonce=2), FILL + 20_000)


def test_fill_after_a_payment(fill, parties, token, pay):
    fill(parties.investor, SELLS)
    pay(token, 1_000 * 100)
    measure("desk fill, both holders with an unsettled coupon", fill(parties.investor, SELLS), FILL)


def test_cancel(desk, parties):
    by = {"from": parties.investor}
    measure("desk cancel", desk.cancel(b"\1" * 32, by))
    measure("desk cancelBelow", desk.cancelBelow(5, by))


def test_runtime_size(desk, web3, TradeDesk, parties):
    implementation = TradeDesk.deploy({"from": parties.deployer})
    record("runtime bytes of TradeDesk", len(web3.eth.get_code(implementation.address)), MAX_RUNTIME - 1)

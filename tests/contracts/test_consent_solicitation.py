"""A standstill that holders consent to: what it does to a bond in default, and what it costs."""

from __future__ import annotations

import pytest

from tests.contracts.checks import refuses
from tests.contracts.clock import is_ganache, next_at, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.lives import COUPON, claim_all, default_on_first_coupon, late
from tests.contracts.material import DAY, Bond

MAX_RUNTIME = 20_000
YEAR_2100 = 4_102_444_800
NOTICE, HELD, WINDOW, LONGEST = 5 * DAY, 2 * DAY, 20 * DAY, 180 * DAY


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in terms, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


@pytest.fixture(scope="module")
def issuer(parties):
    return {"from": parties.issuer}


@pytest.fixture(scope="module")
def anyone(parties):
    return {"from": parties.stranger}


@pytest.fixture
def asked(launch, parties, clone_of, ConsentSolicitation, web3):
    """A bond whose holders may consent to a standstill by a majority of three of five."""
    code = ConsentSolicitation.deploy({"from": parties.deployer})
    record("runtime bytes of ConsentSolicitation", len(web3.eth.get_code(code.address)), MAX_RUNTIME - 1)
    solicitation = clone_of(ConsentSolicitation, code)
    deal = launch.sell(launch(consents=solicitation.address))
    issuer = parties.issuer.address
    terms = (deal.token.address, issuer, [issuer], 3, 5, LONGEST, NOTICE, HELD, WINDOW)
    solicitation.initialize(terms, {"from": parties.deployer})
    return deal, solicitation


def test_a_standstill_is_time_to_cure_and_nothing_else(asked, parties, issuer, anyone):
    deal, solicitation = asked
    first = default_on_first_coupon(deal, parties).timestamp
    until = first + 30 * DAY
    measure("waiver propose", solicitation.propose(0, 60 * DAY, b"\1" * 32, issuer), 150_000)
    holders = sorted((parties.investor, parties.other), key=lambda each: int(each.address, 16))
    units = [deal.token.balanceOf(each) for each in holders]
    for holder, each in zip(holders, units, strict=True):
        tx = solicitation.consent(0, each, {"from": holder})
        measure("waiver consent, on chain", tx, 130_000)
    warp(tx.timestamp + NOTICE)
    counted = solicitation.count(0, [each.address for each in holders], units, anyone)
    measure("waiver count, of two", counted, 200_000)
    solicitation.propose(1, 60 * DAY, b"\1" * 32, issuer)  # of another payment: the same storage anew
    for holder, each in zip(holders, units, strict=True):
        tx = solicitation.consent(1, each, {"from": holder})
    warp(tx.timestamp + NOTICE)
    most = max(range(2), key=units.__getitem__)
    one = solicitation.count(1, [holders[most].address], [units[most]], anyone)
    measure("waiver count, of one", one, 200_000)
    next_at(until + 1)
    with refuses(deal.bond, "KpiBond_CurePeriodOpen", until + 60 * DAY):
        deal.bond.accelerate(anyone)
    next_at(until + 50 * DAY)
    overdue = (until + 50 * DAY - deal.plan.pay_dates[0]) // DAY
    due = COUPON + late(COUPON, overdue)  # what is owed is owed, and late interest has gone on
    deal.bond.fund(due - 1, issuer)
    with refuses(deal.bond, "KpiBond_Underfunded", due, due - 1):
        deal.bond.cure(anyone)
    deal.bond.fund(1, issuer)
    deal.bond.cure(anyone)
    deal.bond.payCoupon(anyone)
    assert sum(claim_all(deal, parties.investor, parties.other)) == due


def test_without_consent_the_cure_period_is_as_it_was(asked, parties, anyone):
    deal, solicitation = asked
    first = default_on_first_coupon(deal, parties).timestamp
    solicitation.propose(0, 60 * DAY, b"\1" * 32, {"from": parties.issuer})
    next_at(first + 30 * DAY + 1)
    deal.bond.accelerate(anyone)
    assert deal.bond.state() == Bond.ACCELERATED

"""What an office costs: gas of whole transactions through the clone, and what it adds to an act."""

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


def test_an_office(same_time_every_run, parties, base, clone_of, Office, web3, chain):
    code = Office.deploy({"from": parties.deployer})
    record("runtime bytes of Office", len(web3.eth.get_code(code.address)), MAX_RUNTIME - 1)
    office, money = clone_of(Office, code), base.currency
    keeper, heir, target = parties.investor, parties.other, parties.third
    first, second, third = parties.issuer, parties.agent, parties.deployer
    terms = (keeper, money.address, 30 * DAY, 2, [first, second, third])
    office.initialize(terms, {"from": parties.deployer})
    plain = money.approve(target, 5, {"from": first}).gas_used
    call = money.approve.encode_input(target, 5)
    through = office.execute(money.address, call, {"from": keeper})
    measure("office: an approval in its name", through, plain + 15_000)
    measure("office handed on", office.handOn(heir, {"from": keeper}), 80_000)
    measure("office support, the first", office.support(heir, {"from": first}), 80_000)
    measure("office support, the last", office.support(heir, {"from": second}), 70_000)
    measure("office objection", office.object(heir, {"from": keeper}), 60_000)
    warp(chain[-1].timestamp + 30 * DAY)
    measure("office taken", office.take({"from": heir}), 60_000)
    money.mint(office.address, 10**6, {"from": parties.deployer})
    measure("office money collected", office.collect({"from": third}), 90_000)

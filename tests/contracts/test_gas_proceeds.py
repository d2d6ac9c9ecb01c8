"""What an entry in a register of proceeds costs: gas of whole transactions through the clone."""

from __future__ import annotations

import pytest

from tests.contracts.clock import is_ganache, warp
from tests.contracts.gas_table import measure, record

MAX_RUNTIME = 20_000
RECORD, STRIKE, REVIEW = 200_000, 100_000, 60_000
YEAR_2100 = 4_102_444_800
NAMES = [name.ljust(32, b"\0") for name in (b"costs", b"sewers")]


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in terms, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


def test_a_register(same_time_every_run, launch, parties, clone_of, ProceedsRegister, web3):
    deal = launch()
    launch.sell(deal)
    code = ProceedsRegister.deploy({"from": parties.deployer})
    record("runtime bytes of ProceedsRegister", len(web3.eth.get_code(code.address)), MAX_RUNTIME - 1)
    register = clone_of(ProceedsRegister, code)
    raised = deal.offering.proceeds()
    uses = [(name, raised // 2) for name in NAMES]
    register.initialize((deal.token.address, parties.third, uses), {"from": parties.deployer})
    issuer = {"from": parties.issuer}

    def entry(use, number):
        return register.record(NAMES[use], 10**9, number.to_bytes(32, "big"), issuer)

    measure("proceeds record, the first", entry(0, 1), RECORD + 40_000)
    measure("proceeds record, another of the same use", entry(0, 2), RECORD)
    measure("proceeds record, of another use", entry(1, 3), RECORD + 20_000)
    measure("proceeds review", register.review(1, True, b"\1" * 32, {"from": parties.third}), REVIEW)
    measure("proceeds strike", register.strike(1, b"\1" * 32, issuer), STRIKE)
    assert register.unallocated() == raised - 2 * 10**9

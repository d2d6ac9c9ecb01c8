"""What a treasury's operations cost: whole-transaction gas through the clones; see test_gas.py."""

from __future__ import annotations

import pytest

from tests.contracts import wiring
from tests.contracts.clock import is_ganache, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.projects import LENDER, OPERATOR, earn, quarter, without_swap
from tests.contracts.swaps import K

MAX_RUNTIME = 20_000
YEAR_2100 = 4_102_444_800


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in feed ids, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


def test_deploy(launch_project, base, swap_rooms, parties):
    project = launch_project()
    measure("deploy a project, 4 quarters (token, treasury, offering, swap, two feeds)", project.tx)
    measure("deploy a project, 40 quarters", launch_project(quarters=40).tx)
    values = launch_project(deploy=False, quarters=40, swap={"lateRate": 1}).values
    wired = wiring.swap(base, swap_rooms, values[0], parties.deployer)
    tx = base.factory.deploy(*wired.arguments, {"from": parties.deployer})
    measure("deploy a swap, 40 quarters (swap, two feeds)", tx)


def test_pay(launch_project, report, parties):
    project = launch_project.sell(launch_project(swap={"lateRate": 10**17}), posted=60 * K)
    measure("treasury receiveRevenue, first", earn(project, parties, 1 * K))
    measure("treasury receiveRevenue", earn(project, parties, 1 * K))
    tx = quarter(project, report, parties, 9 * K, 9 * K)
    measure("treasury pay, first: from the swap, and to holders", tx)
    measure("treasury pay, to the swap and to holders", quarter(project, report, parties, 13 * K, 14 * K))
    tx = quarter(project, report, parties, 9 * K, 9 * K)
    measure("treasury pay, from the swap and to holders", tx, 200_000)
    measure("treasury pay, last: closes the token", quarter(project, report, parties, 9 * K, 9 * K))
    measure("treasury withdraw", project.treasury.withdraw(OPERATOR, {"from": parties.stranger}))
    # Late interest runs by the second, so the last quarter leaves a remainder or none, and a balance that is
    # emptied gives 4,800 gas back.
    project.currency.mint(project.treasury, 1, {"from": parties.stranger})
    measure("treasury withdraw, last credit", project.treasury.withdraw(LENDER, {"from": parties.stranger}))
    earn(project, parties, 1 * K)
    measure("treasury payRest", project.treasury.payRest({"from": parties.stranger}))


def test_pay_without_a_swap(plain_treasury, parties):
    project = plain_treasury()
    for name in ("treasury pay without swap, first", "treasury pay without swap"):
        without_swap(project)
        earn(project, parties, 9 * K)
        measure(name, project.treasury.pay({"from": parties.stranger}), 160_000)


def test_runtime_size(swap_rooms, web3):
    size = len(web3.eth.get_code(swap_rooms.treasury.address))
    record(f"runtime bytes of {swap_rooms.treasury._name}", size, MAX_RUNTIME - 1)

"""What a KPI payment's operations cost: whole-transaction gas through the clone; see test_gas.py."""

from __future__ import annotations

import pytest

from tests.contracts.clock import is_ganache, now, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.material import DAY
from tests.contracts.swaps import (
    CURE,
    FIXED,
    LAST_FIXING,
    PAYEE,
    PAYER,
    REPLACEMENT_COST,
    TOP,
    K,
    post,
    report_period,
    settle,
)

MAX_RUNTIME = 20_000
YEAR_2100 = 4_102_444_800
SETTLE = 120_000


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in feed ids, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


def due(swap, report, parties, value):
    report_period(swap, report, value)
    return swap.payment.settle({"from": parties.stranger})


def test_settle(swap, report, parties):
    measure("payment settle, first to the project", due(swap, report, parties, 4 * K), SETTLE)
    measure("payment settle, to the project", due(swap, report, parties, 4 * K), SETTLE)
    swap.payment.withdraw(PAYEE, {"from": parties.stranger})
    measure("payment settle, to a project without credit", due(swap, report, parties, 4 * K), SETTLE)


def test_settle_short_and_netted(swap, report, parties):
    measure("payment settle, first and short: the rest is owed", due(swap, report, parties, TOP), SETTLE)
    measure("payment settle, nothing to pay with", due(swap, report, parties, TOP), SETTLE)
    measure("payment settle, netted", due(swap, report, parties, 9 * K), SETTLE)
    measure("payment settle, missing report, last period", due(swap, report, parties, None), SETTLE)


def test_settle_the_largest_terms(launch_swap, report, parties, plan_of):
    """240 periods and a curve of 32 knots, and all that can be written is written: still below the mark."""
    from tests.contracts.material import components_of, tuple_of
    from tests.contracts.swaps import dates, feeds, terms

    made = launch_swap(initialise=False)
    dates(made, now() + DAY, periods=240)
    feeds(made, plan_of().oracle_policy(), parties.deployer)
    curve = {
        "shape": 1,
        "knots": [{"x": 900 * i, "y": -900 * i} for i in range(31)] + [{"x": TOP, "y": -TOP}],
    }
    plain = terms(made, parties, LAST_FIXING, curve=curve)
    plain["requiredCollateral"] = [3 * K, 0]
    made.payment.initialize(
        tuple_of(components_of(made.payment, "initialize"), plain), {"from": parties.deployer}
    )
    post(made, PAYER, 3 * K, parties.investor)
    made.payment.activate({"from": parties.deployer})
    tx = due(made, report, parties, 4 * K)  # less than is due, to a project that never had anything here
    assert 0 < tx.return_value < FIXED
    measure("payment settle, worst: 240 periods, 32 knots, first and short", tx, SETTLE)
    tx = due(made, report, parties, TOP)
    assert tx.return_value == FIXED - TOP
    measure("payment settle, 240 periods, 32 knots, netted and short", tx, SETTLE)


def test_money(swap, report, parties):
    measure("payment fund", post(swap, PAYER, K, parties.investor))
    settle(swap, report, parties, TOP)
    measure("payment fund, what is owed", post(swap, PAYEE, K, parties.issuer))
    measure("payment withdraw", swap.payment.withdraw(PAYER, {"from": parties.investor}))


def test_default(launch_swap, report, parties):
    made = launch_swap(rule=REPLACEMENT_COST, begin=False)
    measure("payment initialize, 4 periods", made.tx)
    post(made, PAYER, 60 * K, parties.investor)
    post(made, PAYEE, 2 * K, parties.issuer)
    measure("payment activate", made.payment.activate({"from": parties.stranger}))
    settle(made, report, parties, 11 * K)
    tx = made.payment.callMargin(PAYEE, {"from": parties.stranger})
    measure("payment callMargin", tx)
    warp(tx.timestamp + CURE + 1)
    measure("payment settle, in default", due(made, report, parties, 4 * K), SETTLE)
    measure("payment closeOut", made.payment.closeOut({"from": parties.stranger}))


def test_termination(swap, parties):
    tx = swap.payment.proposeTermination(K, 2**40, {"from": parties.investor})
    measure("payment proposeTermination", tx)
    measure("payment acceptTermination", swap.payment.acceptTermination(1, {"from": parties.issuer}))


def test_runtime_size(swap, web3):
    size = len(web3.eth.get_code(swap.implementation.address))
    record("runtime bytes of KpiPayment", size, MAX_RUNTIME - 1)

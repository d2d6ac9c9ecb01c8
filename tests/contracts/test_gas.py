"""What operations cost: whole-transaction gas through the clones, with the currency's own cost
(OpenZeppelin ERC-20).

Steady state is a payer with a standing allowance and a token that already holds currency; first-time costs
are listed beside it. The clock is set, so that calldata, and with it the figures, are the same in every run.
"""

from __future__ import annotations

import pytest

from tests.contracts import disputes
from tests.contracts.clock import is_ganache, now, warp
from tests.contracts.gas_table import measure, record
from tests.contracts.lives import COUPON, PRINCIPAL, TENTH, K, mature_report, pay_coupons
from tests.contracts.material import (
    DAY,
    RATE,
    RETAIL,
    USA,
    Status,
    bullet,
    evidence,
    fixing,
    named_keys,
    ruling,
    step,
)

MAX_RUNTIME = 20_000
YEAR_2100 = 4_102_444_800
COSTS: set[int] = set()  # of a distribution, by number of holders: must stay one


@pytest.fixture(scope="module", autouse=True)
def same_time_every_run(module_isolation):
    """Time is in feed ids and so in signatures, whose zero bytes have their price."""
    if not is_ganache():
        warp(YEAR_2100)


@pytest.fixture
def paying(live, parties, base):
    """A token that has paid a coupon before, by a payer with a standing allowance; nobody has claimed."""
    base.currency.approve(live.token, 2**256 - 1, {"from": parties.issuer})
    live.token.distribute(1_000 * 100, {"from": parties.issuer})
    return live


def distribute(deal, parties, amount=1_000 * 100):
    return deal.token.distribute(amount, {"from": parties.issuer})


# ---------------------------------------------------------------- transfers


def test_transfer(live, parties):
    by = {"from": parties.investor}
    measure("transfer, both holders, no coupon yet", live.token.transfer(parties.other, 1, by), 48_000)


def test_transfer_after_coupons(paying, parties):
    by = {"from": parties.investor}
    measure(
        "transfer, both holders with an unsettled coupon", paying.token.transfer(parties.other, 1, by), 78_000
    )
    measure("transfer, both holders settled", paying.token.transfer(parties.other, 1, by), 48_000)
    measure("transfer to a new holder", paying.token.transfer(parties.third, 1, by), 65_000)


def test_transfer_from(paying, parties):
    paying.token.approve(parties.stranger, 2**256 - 1, {"from": parties.investor})
    paying.token.transferFrom(parties.investor, parties.other, 1, {"from": parties.stranger})
    tx = paying.token.transferFrom(parties.investor, parties.other, 1, {"from": parties.stranger})
    measure("transferFrom, both holders, standing allowance", tx)


def test_transfer_with_frozen_units(paying, parties):
    paying.token.setFrozenTokens(parties.investor, 5, {"from": parties.agent})
    paying.token.transfer(parties.other, 1, {"from": parties.investor})
    tx = paying.token.transfer(parties.other, 1, {"from": parties.investor})
    measure("transfer, sender has frozen units", tx)
    tx = paying.token.forcedTransfer(parties.investor, parties.other, 57, {"from": parties.agent})
    measure("forcedTransfer that unfreezes", tx)


# ---------------------------------------------------------------- distributions and claims


def test_distribute_first_time(live, parties, base):
    base.currency.approve(live.token, 2**256 - 1, {"from": parties.issuer})
    measure("distribute, first (token never held currency)", distribute(live, parties))


def test_claim(paying, parties, base):
    by = {"from": parties.investor}
    held = base.currency.balanceOf(parties.investor)
    measure("claim", paying.token.claim(parties.investor, by), 52_000)
    base.currency.transfer(parties.issuer, base.currency.balanceOf(parties.investor), by)
    distribute(paying, parties)
    measure("claim, holder had no currency", paying.token.claim(parties.investor, by), 70_000)
    assert held > 0


@pytest.mark.parametrize("holders", [3, 100, 10_000])
def test_distribution_costs_the_same_for_any_number_of_holders(launch, parties, base, Spreader, holders):
    """Real holders: registered wallets that received a unit by an ordinary transfer."""
    if holders > 1_000 and is_ganache():
        pytest.skip("10,000 holders take Ganache two minutes; 3 and 100 are compared there")
    units = 10_000
    base.currency.mint(parties.investor, units * K, {"from": parties.deployer})
    deal = launch.sell(launch(units=units, softCap=1), investor=units)
    wallets = [parties.investor.address] + [
        "0x" + evidence(f"wallet {i}").hex()[-40:] for i in range(holders - 1)
    ]
    spreader = Spreader.deploy({"from": parties.deployer})
    deal.token.approve(spreader, 2**256 - 1, {"from": parties.investor})
    for start in range(1, holders, 200):  # 12,000,000 gas a block
        batch = wallets[start : start + 200]
        identities = [(base.expiry, USA, RETAIL)] * len(batch)
        base.registry.setIdentities(batch, identities, {"from": parties.deployer})
        spreader.spread(deal.token, batch, 1, {"from": parties.investor})
    assert deal.token.balanceOf(parties.investor) == units - (holders - 1)
    assert all(deal.token.balanceOf(wallet) == 1 for wallet in wallets[1 :: max(1, holders // 20)])

    base.currency.approve(deal.token, 2**256 - 1, {"from": parties.issuer})
    distribute(deal, parties, units * 50)
    gas = measure(f"distribute to {holders:,} holders", distribute(deal, parties, units * 50), 50_000)
    COSTS.add(gas)
    assert len(COSTS) == 1, f"not the same for every number of holders: {COSTS}"
    last = wallets[-1]
    assert deal.token.claimable(last) == 2 * 50
    deal.token.claim(last, {"from": parties.stranger})
    assert base.currency.balanceOf(last) == 100


# ---------------------------------------------------------------- oracle


def test_oracle(live, report, parties, chain, base):
    warp(live.plan.period_end + 3_600)
    values = [300_000, 310_000, 320_000, 330_000]
    measure("oracle submit, 3 of 4 nodes", report(live, values[:3]), 105_000)
    measure("oracle restatement, 4 of 4 nodes", report(live, values, version=1))
    base.currency.approve(base.oracle, 2**256 - 1, {"from": parties.other})
    measure("oracle commitChallenge", disputes.commit(live, parties.other))
    measure("oracle challenge", disputes.reveal(live, parties.other))
    held = disputes.report_evidence(live)
    root, signatures = ruling(
        live.feed,
        1,
        100_000,
        (0, 1),
        chain_id=chain.id,
        oracle=base.oracle.address,
        report=held,
        version=1,
    )
    tx = base.oracle.rule(live.feed, 0, 1, 100_000, root, signatures, {"from": parties.stranger})
    measure("oracle ruling, 2 of 3 panellists", tx)
    measure("oracle withdraw", base.oracle.withdraw(base.currency, parties.other, {"from": parties.other}))
    measure("bond fix, an outcome", live.bond.fix(0, {"from": parties.stranger}))


@pytest.mark.parametrize(("quorum", "nodes"), [(5, 7), (21, 31)])
def test_oracle_with_more_nodes(launch, report, parties, quorum, nodes):
    keys = named_keys("node", nodes)
    deal = launch(oracle_overrides={"signers": [key.address for key in keys], "quorum": quorum})
    warp(deal.plan.period_end)
    observations = [report.sign(deal, [1_000 + i], (i,), key=keys[i])[0] for i in range(quorum)]
    tx = deal.oracle.submit(deal.feed, 0, 0, observations, {"from": parties.relay})
    measure(f"oracle submit, {quorum} of {nodes} nodes", tx)
    assert deal.oracle.statusOf(deal.feed, 0) == Status.PENDING


# ---------------------------------------------------------------- a deal's life


def test_deal_life(launch, parties, report, base):
    deal = launch(units=100, unit=K)
    measure("deploy a deal (token, bond, offering, feed)", deal.tx)
    warp(deal.plan.opens)
    tx = deal.offering.subscribe(60, {"from": parties.investor})
    measure("subscribe, first investor", tx)
    tx = deal.offering.subscribe(39, {"from": parties.other})
    measure("subscribe, new investor", tx)
    measure("subscribe again", deal.offering.subscribe(1, {"from": parties.other}))
    warp(deal.plan.closes)
    measure("settle the offering", deal.offering.settle({"from": parties.stranger}))
    funded = deal.bond.fund(COUPON, {"from": parties.issuer})
    measure("bond fund", funded)
    warp(deal.plan.pay_dates[0])
    measure("bond payCoupon, first", deal.bond.payCoupon({"from": parties.stranger}))
    deal.bond.fund(COUPON + 7, {"from": parties.issuer})
    warp(deal.plan.pay_dates[1])
    measure("bond payCoupon", deal.bond.payCoupon({"from": parties.stranger}))
    mature_report(deal, report, 500_000)
    deal.bond.fix(0, {"from": parties.stranger})
    pay_coupons(deal, parties, first=2)
    deal.bond.fund(PRINCIPAL + TENTH, {"from": parties.issuer})
    measure("bond redeem", deal.bond.redeem({"from": parties.stranger}))
    measure("bond returnSurplus", deal.bond.returnSurplus({"from": parties.stranger}))


def test_wide_deal(launch, parties, report, base):
    """A coupon step and repayments of a half each in the last two of three years."""

    def periods(plan):
        parts = (0, K // 2, K // 2)
        return [
            year | {"repayment": part} for year, part in zip(bullet(0, *plan.pay_dates), parts, strict=True)
        ]

    rule = fixing(RATE, 1, 2, step((0, 0), (200_000, -(10**15))), 0)
    early = {"periodEnds": lambda plan: [plan.pay_dates[0]]}
    deal = launch.sell(launch(periods=periods, fixings=[rule], oracle_overrides=early))
    deal.bond.fund(PRINCIPAL, {"from": parties.issuer})
    warp(deal.plan.pay_dates[0])
    deal.bond.payCoupon({"from": parties.stranger})
    mature_report(deal, report, 200_000, end=deal.plan.pay_dates[0])
    measure("bond fix, a coupon step", deal.bond.fix(0, {"from": parties.stranger}))
    warp(deal.plan.pay_dates[1])
    measure("bond payCoupon, stepped and with a repayment", deal.bond.payCoupon({"from": parties.stranger}))
    fixed = launch(fixings=[], oraclePolicies=[])
    measure("deploy a fixed bond (token, bond, offering)", fixed.tx)


def test_called_deal(launch, parties):
    """The terms are written once more."""
    call = {"first": 1, "premium": 11 * 10**16}  # the outcome adds a tenth at most
    deal = launch.sell(launch(noticePeriod=30 * DAY, calls=[call]))
    measure("bond announceCall", deal.bond.announceCall(1, {"from": parties.issuer}))


def test_register(base, parties):
    identity = (now() + 10**8, USA, RETAIL)
    tx = base.registry.setIdentity(parties.stranger, identity, {"from": parties.deployer})
    measure("register a wallet", tx)


# ---------------------------------------------------------------- size


def test_runtime_size(base, web3, BondChecks):
    checks = BondChecks.at(base.implementations[1].CHECKS())
    contracts = [*base.implementations, checks, base.oracle, base.registry, base.factory]
    for contract in contracts:
        size = len(web3.eth.get_code(contract.address))
        record(f"runtime bytes of {contract._name}", size, MAX_RUNTIME - 1)

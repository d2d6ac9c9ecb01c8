"""Faults of other projects in the field, kept as regressions: each would fail on the code that had it."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, plain, refuses
from tests.contracts.clock import is_ganache, next_at, warp
from tests.contracts.lives import (
    COUPON,
    K,
    accelerated,
    claim_all,
    default_on_first_coupon,
    mature_report,
    pay_coupons,
)
from tests.contracts.material import DAY, MILLION, bullet


def test_multiply_before_divide(live, parties):
    """5 % on 100 bonds of 1,000 is 5,000. FerdiKurt/upgradeable-green-bonds divides first: 1,000,000,000 x
    5 % a year is 1.585 minor units a second for one bond, cut to 1, times 31,536,000 seconds and 100 bonds:
    3,153.60."""
    assert 1_000_000_000 * 5 // 100 // 31_536_000 * 31_536_000 * 100 == 3_153_600_000
    (tx,) = pay_coupons(live, parties, last=0)
    assert tx.events["CouponPaid"]["interest"] == 5_000 * MILLION
    assert sum(claim_all(live, parties.investor, parties.other)) == 5_000 * MILLION


@pytest.mark.parametrize(
    ("unit", "units", "rate", "numerator", "coupon"),
    [
        (K, 100, 10**14, 1, 27_397),  # 100,000 at 0.01 % for a day: 27,397.26 minor units
        (10, 7, 10**19, 181, 347),  # 70 minor units at 1,000 % for 181 days: 347.1; 34 x 10 if cut in between
        (10, 7, 2 * 10**17, 360, 13),  # at 20 %: 13.8; 0 if the rate is cut to whole minor units first
    ],
)
def test_nothing_is_cut_off_on_the_way(launch, unit, units, rate, numerator, coupon):
    """principal x rate x numerator / denominator, one division at the end; days over 365."""
    schedule = lambda plan: [  # noqa: E731
        bullet(unit, plan.pay_dates[0], denominator=365)[0] | {"numerator": numerator}
    ]
    early = {"periodEnds": lambda plan: [plan.pay_dates[0] - 100 * DAY]}
    deal = launch(unit=unit, units=units, rate=rate, periods=schedule, oracle_overrides=early)
    launch.sell(deal, investor=units)
    assert plain(deal.bond.nextPayment())[1] == coupon


def test_claim_transfer_claim_pays_once(token, parties, pay, base):
    """The same rival pays 199 % to a holder who claims, sends the units to a second wallet and claims
    there."""
    pay(token, 1_000)
    before = base.currency.balanceOf(parties.investor) + base.currency.balanceOf(parties.third)
    token.claim(parties.investor, {"from": parties.investor})
    token.transfer(parties.third, 60, {"from": parties.investor})
    token.claim(parties.third, {"from": parties.third})
    token.transfer(parties.investor, 60, {"from": parties.third})
    token.claim(parties.investor, {"from": parties.investor})
    after = base.currency.balanceOf(parties.investor) + base.currency.balanceOf(parties.third)
    assert after - before == 600
    token.claim(parties.other, {"from": parties.other})
    assert base.currency.balanceOf(token) == 0


@pytest.mark.parametrize("how", ["transfer", "transferFrom", "forcedTransfer"])
def test_transfer_claim_transfer_claim_pays_once(token, parties, pay, base, how):
    """The other order, by every way units can move."""
    pay(token, 1_000)
    token.approve(parties.stranger, 60, {"from": parties.investor})
    move = {
        "transfer": lambda: token.transfer(parties.third, 60, {"from": parties.investor}),
        "transferFrom": lambda: token.transferFrom(
            parties.investor, parties.third, 60, {"from": parties.stranger}
        ),
        "forcedTransfer": lambda: token.forcedTransfer(
            parties.investor, parties.third, 60, {"from": parties.agent}
        ),
    }[how]
    move()
    claimed = []
    for holder in (parties.third, parties.investor, parties.other):
        before = base.currency.balanceOf(holder)
        token.claim(holder, {"from": holder})
        claimed.append(base.currency.balanceOf(holder) - before)
    assert claimed == [0, 600, 400]
    assert base.currency.balanceOf(token) == 0


def test_not_reporting_is_not_zero_in_the_projects_favour(launch, parties, report):
    """Hashgraph's Asset Tokenization Studio counts a project that does not report as zero, here a KPI of
    zero would be the low tier: 10 % to the issuer. Silence gives it the dearest tier instead."""
    outcomes = {}
    for value in (0, None):
        deal = launch.sell(launch(termsHash=bytes([1 + (value is None)]) * 32))
        mature_report(deal, report, value)
        outcomes[value] = deal.bond.fix(0, {"from": parties.stranger}).return_value
    assert outcomes == {0: -10 * K, None: 10 * K}


def test_short_payments_are_pro_rata_not_first_come_first_served(live, parties):
    """The same studio pays whoever comes first in full. Here 10 % of the money is 10 % for everybody, in
    any order."""
    accelerated(live, parties)
    live.bond.fund(10 * K, {"from": parties.issuer})
    live.bond.recover({"from": parties.stranger})
    assert claim_all(live, parties.other, parties.investor) == [4 * K, 6 * K]
    assert claim_all(live, parties.other, parties.investor) == [0, 0]


def test_a_coupon_is_never_paid_in_part(live, parties):
    """While the bond is alive, too little money pays nobody rather than somebody."""
    warp(live.plan.pay_dates[0])
    live.bond.fund(COUPON - 1, {"from": parties.issuer})
    with refuses(live.bond, "KpiBond_Underfunded", COUPON, COUPON - 1):
        live.bond.payCoupon({"from": parties.other})
    assert live.token.claimable(parties.other) == 0


@pytest.mark.parametrize(
    ("numerator", "denominator", "coupon"),
    [
        (180, 360, 2_500_000_000),  # 30/360, half a year
        (181, 365, 2_479_452_054),  # ACT/365: 5,000,000,000 x 181/365 = 2,479,452,054.79
        (181, 360, 2_513_888_888),  # ACT/360
        (
            66_247,
            133_590,
            2_479_489_482,
        ),  # ACT/ACT over a leap year's turn: 183/366 - 1/365 + ... as one fraction
        (1, 2, 2_500_000_000),  # ICMA, semi-annual
    ],
)
def test_every_day_count(launch, numerator, denominator, coupon):
    """Rivals know /365 only. An accrual factor is an exact fraction, so any rule works; expected values by
    hand."""
    schedule = lambda plan: [  # noqa: E731
        bullet(K, plan.pay_dates[0], denominator=denominator)[0] | {"numerator": numerator}
    ]
    early = {"periodEnds": lambda plan: [plan.pay_dates[0] - 100 * DAY]}
    deal = launch.sell(launch(periods=schedule, oracle_overrides=early))
    assert plain(deal.bond.nextPayment()) == (deal.plan.pay_dates[0], coupon)
    assert coupon == 5_000_000_000 * numerator // denominator


def test_forced_transfer_to_oneself_does_not_unfreeze(token, parties):
    """In three ERC-7943 libraries it did."""
    token.setFrozenTokens(parties.investor, 60, {"from": parties.agent})
    with refuses(token, "SecurityToken_ForcedTransferToSelf", parties.investor):
        token.forcedTransfer(parties.investor, parties.investor, 60, {"from": parties.agent})
    assert token.getFrozenTokens(parties.investor) == 60


@pytest.mark.parametrize("call", ["transfer", "transferFrom"])
def test_compliance_is_checked_once_per_transfer(token, parties, base, web3, call):
    """The same libraries called their compliance hooks twice. Counted in the trace of the transaction."""
    token.approve(parties.stranger, 1, {"from": parties.investor})
    if call == "transfer":
        tx = token.transfer(parties.other, 1, {"from": parties.investor})
    else:
        tx = token.transferFrom(parties.investor, parties.other, 1, {"from": parties.stranger})
    # The clone's implementation, then the registry, once.
    assert called(web3, tx) == [
        int(contract.address, 16) for contract in (base.implementations[0], base.registry)
    ]


def called(web3, tx):
    """Addresses that a transaction's contracts called, as numbers, in order."""
    if is_ganache():  # only the trace of opcodes
        trace = web3.provider.make_request("debug_traceTransaction", [tx.txid, {}])["result"]["structLogs"]
        calls = [step for step in trace if step["op"] in ("CALL", "STATICCALL", "DELEGATECALL")]
        return [int(step["stack"][-2], 16) for step in calls]
    options = {"tracer": "callTracer"}
    root = web3.provider.make_request("debug_traceTransaction", [tx.txid, options])["result"]
    found, rest = [], list(root.get("calls", []))
    while rest:
        call = rest.pop(0)
        found.append(int(call["to"], 16))
        rest = call.get("calls", []) + rest
    return found


def test_nobody_types_the_kpi_in(live, parties):
    """The studio has one privileged role that enters the KPI, and an EIB in Clarity pays itself. Here no
    account has a function that sets a value: the oracle writes only what a quorum signed, the bond only
    what the oracle says."""
    writes = {
        contract: sorted(
            f["name"]
            for f in contract.abi
            if f["type"] == "function" and f["stateMutability"] == "nonpayable"
        )
        for contract in (live.oracle, live.bond)
    }
    assert writes[live.oracle] == [
        "challenge", "commitChallenge", "consume", "createFeed", "fundRewards", "petition", "releaseRewards",
        "rule", "settleSilentPanel", "submit", "withdraw",
    ]  # fmt: skip
    assert writes[live.bond] == [
        "accelerate", "activate", "announceCall", "cure", "declareDefault", "fix", "fund", "initialize",
        "payCoupon", "recover", "redeem", "returnSurplus",
    ]  # fmt: skip
    with refuses(live.oracle, "KpiOracle_BelowQuorum", 0, 3):
        warp(live.plan.period_end)
        live.oracle.submit(live.feed, 0, 0, [], {"from": parties.issuer})


def test_an_issuer_that_is_late_by_a_day_is_not_in_default(live, parties):
    """Grace and default are states with dates, not somebody's opinion."""
    until = live.plan.pay_dates[0] + 10 * DAY
    next_at(until)
    with refuses(live.bond, "KpiBond_InGrace", until):
        live.bond.declareDefault({"from": parties.investor})
    default_on_first_coupon(live, parties)
    assert live.bond.terms().dict()["issuer"] != ZERO

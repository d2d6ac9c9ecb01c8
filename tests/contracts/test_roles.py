"""What each role could gain by misbehaving, and what stops it. docs/security.md is the index of these
tests."""

from __future__ import annotations

import pytest

from tests.contracts import disputes
from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import now, warp
from tests.contracts.lives import (
    COUPON,
    PRINCIPAL,
    TENTH,
    K,
    accelerated,
    claim_all,
    late,
    mature_report,
    pay_coupons,
)
from tests.contracts.material import DAY, MILLION, PANEL, Bond, Sale, Status, Verdict, evidence

DELEGATECALL, SELFDESTRUCT, PUSH1, PUSH32 = 0xF4, 0xFF, 0x60, 0x7F


@pytest.fixture(scope="module")
def anyone(parties):
    return {"from": parties.stranger}


@pytest.fixture
def reported(live, report):
    """A pending report of 300,000 (middle tier) by three nodes."""
    warp(live.plan.period_end)
    report(live, [300_000] * 3, at=now())
    return live


def challenge(deal, who, base):
    base.currency.approve(deal.oracle, 2**256 - 1, {"from": who})
    return disputes.challenge(deal, who)


# ---------------------------------------------------------------- issuer


def test_issuer_has_no_powers_over_token_oracle_or_offering(live, parties):
    by = {"from": parties.issuer}
    with refuses(live.token, "SecurityToken_NotMinter", parties.issuer):
        live.token.mint(parties.issuer, 1, by)
    with refuses(live.token, "SecurityToken_NotServicer", parties.issuer):
        live.token.close(by)
    with refuses(live.token, "SecurityToken_NotAgent", parties.issuer):
        live.token.setFrozenTokens(parties.investor, 1, by)
    with refuses(live.oracle, "KpiOracle_NotConsumer", parties.issuer):
        live.oracle.consume(live.feed, 0, by)
    with refuses(live.offering, "Offering_WrongState", Sale.SETTLED):
        live.offering.settle(by)


def test_issuer_cannot_profit_from_silence(live, parties, report, anyone):
    """No report costs the issuer 10 %, as much as the best performance; the worst report would have given
    it 10 %."""
    mature_report(live, report, None)
    assert live.bond.fix(0, anyone).return_value == TENTH


def test_issuer_cannot_profit_from_a_challenge(reported, rule, base, parties, anyone):
    """It may challenge a report it dislikes: dismissed, it has lost the bond and at most the ruling window
    in time."""
    before = base.currency.balanceOf(parties.issuer)
    challenge(reported, parties.issuer, base)
    rule(reported, Verdict.STANDS)
    assert before - base.currency.balanceOf(parties.issuer) == 10 * K
    assert base.oracle.creditOf(base.currency, parties.issuer) == 0
    assert reported.bond.fix(0, anyone).return_value == 0


def test_issuer_cannot_delay_for_ever(reported, base, parties, anyone):
    """Challenge, silent panel: the report stands by the clock, before the redemption is due."""
    tx = challenge(reported, parties.issuer, base)
    warp(tx.timestamp + 21 * DAY)
    assert reported.oracle.statusOf(reported.feed, 0) == Status.FINAL
    reported.bond.fix(0, anyone)
    assert now() < reported.plan.pay_dates[2]


def test_issuer_cannot_pay_itself_from_the_bond(live, parties):
    """What it funds comes back only after everything is paid, in default too."""
    accelerated(live, parties)
    live.bond.fund(50 * K, {"from": parties.issuer})
    with refuses(live.bond, "KpiBond_WrongState", Bond.ACCELERATED):
        live.bond.returnSurplus({"from": parties.issuer})
    live.bond.recover({"from": parties.issuer})
    assert live.currency.balanceOf(live.bond) == 0


def test_issuer_cannot_call_its_way_round_the_outcome(launch, parties, anyone):
    """What a call pays beside the principal is at least the best outcome; the issuer alone calls, once, with
    notice, and owes it like any redemption."""
    call = {"first": 1, "premium": 10**17 + 10**9}
    deal = launch.sell(launch(noticePeriod=30 * DAY, calls=[call]))
    day = deal.plan.pay_dates[1]
    with refuses(deal.bond, "KpiBond_NotIssuer", parties.stranger):
        deal.bond.announceCall(1, anyone)
    issuer = {"from": parties.issuer}
    with refuses(deal.bond, "KpiBond_NotCallable", 0):
        deal.bond.announceCall(0, issuer)
    premium = 100 * (K * call["premium"] // 10**18)
    assert premium >= TENTH
    said(deal.bond.announceCall(1, issuer), "CallAnnounced", period=1, premium=premium)
    with refuses(deal.bond, "KpiBond_NotCallable", 1):
        deal.bond.announceCall(1, issuer)
    pay_coupons(deal, parties, last=1)
    assert now() >= day
    with refuses(deal.bond, "KpiBond_Underfunded", PRINCIPAL + premium, 0):
        deal.bond.redeem(anyone)
    deal.bond.fund(PRINCIPAL + premium, issuer)
    deal.bond.redeem(anyone)
    assert sum(claim_all(deal, parties.investor, parties.other)) == 2 * COUPON + PRINCIPAL + premium


# ---------------------------------------------------------------- holder


def test_holder_cannot_earn_on_units_bought_after_the_coupon(live, parties):
    pay_coupons(live, parties, last=0)
    live.token.transfer(parties.third, 60, {"from": parties.investor})
    assert claim_all(live, parties.third, parties.investor) == [0, 3 * K]


def test_holder_cannot_block_the_others(live, parties):
    """One that never claims, or cannot be paid, holds up nobody: claims are pulled."""
    pay_coupons(live, parties, last=1)
    assert claim_all(live, parties.other) == [4 * K]
    assert live.token.claimable(parties.investor) == 6 * K


def test_holder_cannot_force_a_default_by_sending_money(live, parties, base, anyone):
    """A donation to the bond or the token changes nobody's claim."""
    base.currency.transfer(live.bond, 7, {"from": parties.investor})
    base.currency.transfer(live.token, 7, {"from": parties.investor})
    pay_coupons(live, parties, last=0)
    assert claim_all(live, parties.investor, parties.other) == [3 * K, 2 * K]
    assert live.currency.balanceOf(live.bond) == 7


def test_holder_who_challenges_without_reason_pays_for_it(reported, rule, base, parties):
    """10,000 of bond into the pool; the panel and the other side get nothing of it, so neither profits by
    dismissing."""
    challenge(reported, parties.investor, base)
    rule(reported, Verdict.STANDS)
    assert base.oracle.rewardPool(reported.feed) == 10 * K
    assert base.oracle.creditOf(base.currency, parties.investor) == 0


# ---------------------------------------------------------------- nodes and relay


def test_one_lying_node_cannot_move_the_median_past_honest_values(live, report):
    """As far out as the spread allows, on either side, with two honest nodes at 300,000 and 310,000."""
    warp(live.plan.period_end)
    for version, lie in enumerate((60_000, 550_000)):
        tx = report(live, [lie, 300_000, 310_000], version=version)
        assert 300_000 <= tx.events["ReportSubmitted"]["value"] <= 310_000


def test_a_lying_node_cannot_stop_a_report(live, report, parties):
    """Its value is too far out, so the relay leaves it away: any three of the four will do."""
    warp(live.plan.period_end)
    with refuses(live.oracle, "KpiOracle_SpreadTooWide", 700_000, 250_000):
        report(live, [300_000, 300_000, 1_000_000], nodes=(0, 1, 3))
    report(live, [300_000, 300_000, 310_000], nodes=(0, 1, 2))


def test_lying_nodes_can_be_corrected_and_the_challenger_is_rewarded(
    live, report, rule, base, parties, anyone
):
    """Two of three lie, which is beyond what the median can bear: anyone challenges, the panel corrects."""
    base.currency.approve(live.oracle, 2**256 - 1, {"from": parties.issuer})
    live.oracle.fundRewards(live.feed, 5 * K, {"from": parties.issuer})
    warp(live.plan.period_end)
    report(live, [300_000, 500_000, 500_000])
    before = base.currency.balanceOf(parties.third)
    challenge(live, parties.third, base)
    rule(live, Verdict.CORRECTED, value=300_000)
    live.oracle.withdraw(base.currency, parties.third, anyone)
    assert base.currency.balanceOf(parties.third) - before == 5 * K
    assert live.bond.fix(0, anyone).return_value == 0


def test_relay_cannot_change_what_was_signed(live, report, parties):
    """Another value, another time, or another node's name under the same signature."""
    warp(live.plan.period_end)
    signed = report.sign(live, [300_000] * 3)
    value, at, node, root, r, vs = signed[2]
    for forged in (
        (value + 1, at, node, root, r, vs),
        (value, at + 1, node, root, r, vs),
        (value, at, 3, root, r, vs),
        (value, at, node, evidence("other"), r, vs),
    ):
        warp(now() + 10)
        with pytest.raises(Exception, match="KpiOracle_BadSignature"):
            live.oracle.submit(live.feed, 0, 0, [*signed[:2], forged], {"from": parties.relay})


def test_relay_that_keeps_a_report_back_is_replaced_by_anyone(live, report, parties):
    warp(live.plan.period_end)
    live.oracle.submit(live.feed, 0, 0, report.sign(live, [300_000] * 3), {"from": parties.third})
    assert live.oracle.statusOf(live.feed, 0) == Status.PENDING


# ---------------------------------------------------------------- panel


def test_panel_cannot_rule_unasked(reported, rule):
    with refuses(reported.oracle, "KpiOracle_WrongStatus", Status.PENDING):
        rule(reported, Verdict.CORRECTED, value=500_000)


def test_one_panellist_cannot_rule(reported, rule, base, parties):
    challenge(reported, parties.investor, base)
    with refuses(reported.oracle, "KpiOracle_BelowQuorum", 1, 2):
        rule(reported, Verdict.CORRECTED, value=500_000, members=(2,))


def test_panel_gains_no_money_and_cannot_leave_the_bounds(reported, rule, base, parties):
    challenge(reported, parties.investor, base)
    with refuses(reported.oracle, "KpiOracle_ValueOutOfBounds", 2 * MILLION):
        rule(reported, Verdict.CORRECTED, value=2 * MILLION)
    rule(reported, Verdict.STANDS)
    for member in PANEL:
        assert base.currency.balanceOf(member.address) == 0
        assert base.oracle.creditOf(base.currency, member.address) == 0


# ---------------------------------------------------------------- agent


def test_agent_cannot_touch_earned_money(live, parties, base):
    """With every power at once: pause, freeze, and take the units. What was earned is paid all the same."""
    pay_coupons(live, parties, last=0)
    agent = {"from": parties.agent}
    live.token.setPaused(True, agent)
    live.token.setFrozenTokens(parties.investor, 2**255, agent)
    live.token.forcedTransfer(parties.investor, parties.third, 60, agent)
    assert claim_all(live, parties.investor) == [3 * K]


def test_agent_cannot_send_units_to_itself_unless_verified(live, parties):
    with refuses(live.token, "ERC7943CannotReceive", parties.agent):
        live.token.forcedTransfer(parties.investor, parties.agent, 60, {"from": parties.agent})


def test_agent_cannot_issue_burn_or_close(live, parties):
    by = {"from": parties.agent}
    for call in ("mint", "burn"):
        with refuses(live.token, "SecurityToken_NotMinter", parties.agent):
            getattr(live.token, call)(parties.investor, 1, by)
    with refuses(live.token, "SecurityToken_NotServicer", parties.agent):
        live.token.close(by)


def test_agent_cannot_stop_coupons_redemption_or_recovery(live, parties, report, anyone):
    live.token.setPaused(True, {"from": parties.agent})
    pay_coupons(live, parties, last=1)
    mature_report(live, report, 300_000)
    live.bond.fix(0, anyone)
    pay_coupons(live, parties, first=2)
    live.bond.fund(PRINCIPAL, {"from": parties.issuer})
    live.bond.redeem(anyone)
    assert claim_all(live, parties.investor, parties.other) == [69 * K, 46 * K]


# ---------------------------------------------------------------- verifier and admin


def test_verifier_cannot_touch_money(live, parties, base, report, anyone):
    """A revoked holder is paid coupons and principal to the end."""
    base.registry.revoke(parties.investor, {"from": parties.deployer})
    pay_coupons(live, parties, last=1)
    mature_report(live, report, 300_000)
    live.bond.fix(0, anyone)
    pay_coupons(live, parties, first=2)
    live.bond.fund(PRINCIPAL, {"from": parties.issuer})
    live.bond.redeem(anyone)
    assert claim_all(live, parties.investor) == [69 * K]


def test_verifier_cannot_move_units(live, parties, base):
    """It may verify itself, and still has no unit and no power over anybody's."""
    by = {"from": parties.deployer}
    base.registry.setIdentity(parties.deployer, (base.expiry, 840, 1), by)
    with refuses(live.token, "ERC20InsufficientAllowance", parties.deployer, 0, 1):
        live.token.transferFrom(parties.investor, parties.deployer, 1, by)
    with refuses(live.token, "SecurityToken_NotAgent", parties.deployer):
        live.token.forcedTransfer(parties.investor, parties.deployer, 1, by)


# ---------------------------------------------------------------- stranger, and the code itself


def test_stranger_moves_money_only_to_whom_it_belongs(live, parties, report, base):
    """Every function anyone may call, called by a stranger through a bond's life: it ends with nothing."""
    by = {"from": parties.stranger}
    pay_coupons(live, parties, last=1)
    mature_report(live, report, 100_000)
    live.bond.fix(0, by)
    pay_coupons(live, parties, first=2)
    live.bond.fund(PRINCIPAL, {"from": parties.issuer})
    live.bond.redeem(by)
    live.bond.returnSurplus(by)
    for holder in (parties.investor, parties.other, parties.stranger):
        live.token.claim(holder, by)
    live.oracle.withdraw(base.currency, parties.stranger, by)
    assert base.currency.balanceOf(parties.stranger) == 0
    assert live.currency.balanceOf(live.token) == live.currency.balanceOf(live.bond) == 0


def test_stranger_cannot_dilute_by_paying(live, parties, base):
    """A payment by a stranger is a gift to all units alike."""
    base.currency.mint(parties.stranger, 1_000, {"from": parties.deployer})
    base.currency.approve(live.token, 1_000, {"from": parties.stranger})
    live.token.distribute(1_000, {"from": parties.stranger})
    pay_coupons(live, parties, last=0)
    assert claim_all(live, parties.investor, parties.other) == [3 * K + 600, 2 * K + 400]


def test_code_cannot_change(live, base, web3):
    """Clones point at fixed implementations, which neither delegate nor destroy themselves."""
    pairs = zip((live.token, live.bond, live.offering), base.implementations, strict=True)
    for clone, implementation in pairs:
        code = bytes(web3.eth.get_code(clone.address))
        target = bytes.fromhex(implementation.address[2:])
        assert code[:45] == bytes.fromhex("363d3d373d3d3d363d73") + target + bytes.fromhex(
            "5af43d82803e903d91602b57fd5bf3"
        )
    for contract in (*base.implementations, base.oracle, base.factory, base.registry):
        found = opcodes(bytes(web3.eth.get_code(contract.address)))
        assert not found & {DELEGATECALL, SELFDESTRUCT}, contract._name


def opcodes(code):
    """Operations of runtime code, without the data of pushes and the metadata at the end (its length is the
    last word)."""
    end = len(code) - 2 - int.from_bytes(code[-2:], "big")
    found, i = set(), 0
    while i < end:
        found.add(code[i])
        i += 1 + (code[i] - PUSH1 + 1 if PUSH1 <= code[i] <= PUSH32 else 0)
    return found


def test_opcode_scan_finds_what_it_looks_for():
    """PUSH1 ff is data; a bare ff is not. Two bytes of (empty) metadata length follow."""
    assert SELFDESTRUCT not in opcodes(bytes.fromhex("60ff00" + "0000"))
    assert SELFDESTRUCT in opcodes(bytes.fromhex("60ffff" + "0000"))


def test_coupon_and_default_cannot_both_be_had(live, parties, anyone):
    """Funded in the last second of grace: the coupon is paid, and the default refused."""
    warp(live.plan.pay_dates[0] + 10 * DAY - 5)
    due = COUPON + late(COUPON, 9)  # nine whole days
    live.bond.fund(due, {"from": parties.issuer})
    warp(live.plan.pay_dates[0] + 10 * DAY + 1)
    with refuses(live.bond, "KpiBond_Funded", due, due):
        live.bond.declareDefault(anyone)
    live.bond.payCoupon(anyone)
    assert plain(live.bond.nextPayment())[0] == live.plan.pay_dates[1]

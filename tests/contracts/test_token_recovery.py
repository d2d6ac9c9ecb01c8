"""A lost key: the recovery of a holding, units and unclaimed money, by rule and with notice."""

from __future__ import annotations

import pytest

from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import next_at, warp
from tests.contracts.lives import COUPON, K, mature_report, pay_coupons
from tests.contracts.material import DAY, Bond

NOTICE, WINDOW = 90 * DAY, 30 * DAY
"""As ISecurityToken says."""


def announce(deal, parties, holder=None, to=None):
    """By the agent: the investor's key is lost, the third investor's wallet is its new one."""
    return deal.token.announceRecovery(
        holder or parties.investor, to or parties.third, {"from": parties.agent}
    )


def recover(deal, parties):
    return deal.token.recoverHolding(parties.investor, {"from": parties.stranger})


@pytest.fixture
def earned(live, parties):
    """One coupon paid and unclaimed: 60 % of it the investor's."""
    pay_coupons(live, parties, last=0)
    return live


@pytest.fixture
def redeemed(live, parties, report):
    """Redeemed and closed; nobody has claimed anything."""
    pay_coupons(live, parties, last=1)
    mature_report(live, report, 250_000)
    live.bond.fix(0, {"from": parties.stranger})
    pay_coupons(live, parties, first=2)
    live.bond.fund(200 * K, {"from": parties.issuer})
    live.bond.redeem({"from": parties.stranger})
    assert live.bond.state() == Bond.REDEEMED
    return live


def test_units_and_money_go_to_the_new_wallet_after_the_notice(earned, parties):
    owed = earned.token.claimable(parties.investor)
    assert owed == COUPON * 60 // 100
    tx = announce(earned, parties)
    ready = tx.timestamp + NOTICE
    said(tx, "RecoveryAnnounced", holder=parties.investor, to=parties.third, **{"from": ready})
    assert plain(earned.token.recoveryOf(parties.investor)) == (parties.third.address.lower(), ready)
    next_at(ready - 1)
    with refuses(earned.token, "SecurityToken_NoticeRuns", ready):
        recover(earned, parties)
    next_at(ready)
    tx = recover(earned, parties)
    said(tx, "HoldingRecovered", holder=parties.investor, to=parties.third, units=60, money=owed)
    assert tuple(tx.return_value) == (60, owed)
    assert earned.token.balanceOf(parties.investor) == earned.token.claimable(parties.investor) == 0
    assert (earned.token.balanceOf(parties.third), earned.token.claimable(parties.third)) == (60, owed)
    before = earned.currency.balanceOf(parties.third)
    earned.token.claim(parties.third, {"from": parties.third})
    assert earned.currency.balanceOf(parties.third) - before == owed
    with refuses(earned.token, "SecurityToken_NoRecovery", parties.investor):
        recover(earned, parties)


def test_after_redemption_a_lost_key_loses_nothing(redeemed, parties):
    """Its principal is unclaimed money by then, and the token is closed."""
    assert redeemed.token.closed()
    owed = redeemed.token.claimable(parties.investor)
    assert owed >= 60 * K
    warp(announce(redeemed, parties).timestamp + NOTICE)
    recover(redeemed, parties)
    before = redeemed.currency.balanceOf(parties.third)
    redeemed.token.claim(parties.third, {"from": parties.stranger})
    assert redeemed.currency.balanceOf(parties.third) - before == owed


@pytest.mark.parametrize("how", ["objects", "claims"])
def test_who_shows_its_key_keeps_its_holding(earned, parties, how):
    ready = announce(earned, parties).timestamp + NOTICE
    next_at(ready - 1)
    call = earned.token.objectToRecovery if how == "objects" else earned.token.claim
    tx = call(*([] if how == "objects" else [parties.investor]), {"from": parties.investor})
    said(tx, "RecoveryObjected", holder=parties.investor)
    warp(ready)
    with refuses(earned.token, "SecurityToken_NoRecovery", parties.investor):
        recover(earned, parties)
    assert earned.token.balanceOf(parties.investor) == 60
    earned.token.claim(parties.investor, {"from": parties.stranger})


def test_a_stranger_cannot_send_the_money_to_the_lost_wallet_meanwhile(earned, parties):
    """Nor end the recovery by it; when it has lapsed, everything is as before."""
    ready = announce(earned, parties).timestamp + NOTICE
    with refuses(earned.token, "SecurityToken_InRecovery", parties.investor, ready):
        earned.token.claim(parties.investor, {"from": parties.stranger})
    with refuses(earned.token, "SecurityToken_NoRecovery", parties.stranger):
        earned.token.objectToRecovery({"from": parties.stranger})
    earned.token.claim(parties.other, {"from": parties.stranger})  # others are not concerned
    next_at(ready + WINDOW)
    with refuses(earned.token, "SecurityToken_InRecovery", parties.investor, ready):
        earned.token.claim(parties.investor, {"from": parties.stranger})
    next_at(ready + WINDOW + 1)
    with refuses(earned.token, "SecurityToken_NoRecovery", parties.investor):
        recover(earned, parties)
    assert earned.token.claim(parties.investor, {"from": parties.stranger}).return_value > 0


def test_announcing_again_starts_the_notice_again(earned, parties):
    """An agent who changes the wallet in the last second gains no second of notice."""
    warp(announce(earned, parties).timestamp + NOTICE - 60)
    again = announce(earned, parties, to=parties.other)
    next_at(again.timestamp + NOTICE - 1)
    with refuses(earned.token, "SecurityToken_NoticeRuns", again.timestamp + NOTICE):
        recover(earned, parties)
    warp(again.timestamp + NOTICE)
    recover(earned, parties)
    assert earned.token.balanceOf(parties.other) == 100


def test_only_the_agent_and_only_to_who_may_hold(earned, parties, base):
    for who in (parties.stranger, parties.issuer, parties.other):
        with refuses(earned.token, "SecurityToken_NotAgent", who):
            earned.token.announceRecovery(parties.investor, parties.third, {"from": who})
    with refuses(earned.token, "ERC7943CannotReceive", parties.stranger):
        announce(earned, parties, to=parties.stranger)
    with refuses(earned.token, "SecurityToken_ForcedTransferToSelf", parties.investor):
        announce(earned, parties, to=parties.investor)
    warp(announce(earned, parties).timestamp + NOTICE)
    base.registry.revoke(parties.third, {"from": parties.deployer})
    with refuses(earned.token, "ERC7943CannotReceive", parties.third):
        recover(earned, parties)


def test_frozen_units_go_too_and_the_freeze_stays_what_it_was_beyond_them(earned, parties):
    earned.token.setFrozenTokens(parties.investor, 75, {"from": parties.agent})
    warp(announce(earned, parties).timestamp + NOTICE)
    recover(earned, parties)
    assert earned.token.balanceOf(parties.third) == 60
    assert earned.token.getFrozenTokens(parties.investor) == 15


def test_sums_beyond_the_packed_account_are_recovered_too(earned, parties):
    """More than an account's slot can hold, on both sides."""
    huge = 2**88 * 100
    earned.currency.mint(parties.issuer, 2 * huge, {"from": parties.deployer})
    earned.currency.approve(earned.token, 2 * huge, {"from": parties.issuer})
    earned.token.distribute(huge, {"from": parties.issuer})
    earned.token.transfer(parties.third, 10, {"from": parties.investor})
    earned.token.distribute(huge, {"from": parties.issuer})
    both = earned.token.claimable(parties.investor) + earned.token.claimable(parties.third)
    assert both >= 2 * 60 * 2**88
    warp(announce(earned, parties).timestamp + NOTICE)
    recover(earned, parties)
    before = earned.currency.balanceOf(parties.third)
    earned.token.claim(parties.third, {"from": parties.third})
    assert earned.currency.balanceOf(parties.third) - before == both

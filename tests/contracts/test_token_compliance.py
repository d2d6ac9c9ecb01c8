"""SecurityToken.tree: freezing, forced transfers, pause and the ERC-7943 views (Final;
eips.ethereum.org/EIPS/eip-7943)."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, names, refuses, said
from tests.contracts.clock import now, warp
from tests.contracts.material import DAY, RETAIL, USA


@pytest.fixture(scope="module")
def agent(parties):
    return {"from": parties.agent}


@pytest.fixture(scope="module")
def holder(parties):
    return {"from": parties.investor}


@pytest.fixture(scope="module")
def verifier(parties):
    return {"from": parties.deployer}


# ---------------------------------------------------------------- setFrozenTokens


def test_freeze_holds_back_exactly_that_much(token, parties, agent, holder):
    tx = token.setFrozenTokens(parties.investor, 50, agent)
    said(tx, "Frozen", account=parties.investor, amount=50)
    assert tx.return_value is True
    assert token.getFrozenTokens(parties.investor) == 50
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 11, 10):
        token.transfer(parties.other, 11, holder)
    token.transfer(parties.other, 10, holder)
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 1, 0):
        token.transfer(parties.other, 1, holder)


def test_freeze_beyond_the_balance_catches_later_units(token, parties, agent, holder):
    token.setFrozenTokens(parties.investor, 65, agent)
    assert token.getFrozenTokens(parties.investor) == 65
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 1, 0):
        token.transfer(parties.other, 1, holder)
    token.transfer(parties.investor, 10, {"from": parties.other})  # 70 now, 5 of them free
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 6, 5):
        token.transfer(parties.other, 6, holder)
    token.transfer(parties.other, 5, holder)


def test_above_the_balance_is_the_base_tokens_error(token, parties, agent, holder):
    """The standard asks for the specific error only up to the balance."""
    token.setFrozenTokens(parties.investor, 50, agent)
    with refuses(token, "ERC20InsufficientBalance", parties.investor, 60, 61):
        token.transfer(parties.other, 61, holder)


def test_unfreeze(token, parties, agent, holder):
    token.setFrozenTokens(parties.investor, 60, agent)
    tx = token.setFrozenTokens(parties.investor, 0, agent)
    said(tx, "Frozen", account=parties.investor, amount=0)
    token.transfer(parties.other, 60, holder)


def test_frozen_units_do_not_leak_by_a_transfer_to_oneself(token, parties, agent, holder):
    token.setFrozenTokens(parties.investor, 50, agent)
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 60, 10):
        token.transfer(parties.investor, 60, holder)
    token.transfer(parties.investor, 10, holder)
    assert token.getFrozenTokens(parties.investor) == 50


def test_frozen_flag_survives_settlement_of_coupons(token, parties, agent, holder, pay):
    token.setFrozenTokens(parties.investor, 50, agent)
    pay(token, 1_000)
    token.claim(parties.investor, holder)
    token.transfer(parties.other, 5, holder)
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 6, 5):
        token.transfer(parties.other, 6, holder)


def test_a_refund_releases_what_it_takes_of_frozen_units_and_says_so_first(token, parties, agent):
    """A refund is the holder's own money: freezing must not stop it."""
    token.setFrozenTokens(parties.investor, 50, agent)
    tx = token.burn(parties.investor, 11, {"from": parties.deployer})  # 10 free, 1 of the frozen
    assert names(tx, by=token) == ["Frozen", "Transfer"]
    said(tx, "Frozen", account=parties.investor, amount=49)
    assert (token.balanceOf(parties.investor), token.getFrozenTokens(parties.investor)) == (49, 49)
    tx = token.burn(parties.other, 11, {"from": parties.deployer})  # nothing frozen, nothing said
    assert names(tx, by=token) == ["Transfer"]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("setFrozenTokens", lambda p: (p.investor, 1)),
        ("forcedTransfer", lambda p: (p.investor, p.other, 1)),
        ("setPaused", lambda p: (True,)),
    ],
)
def test_only_the_agent(token, parties, call, arguments):
    for caller in (parties.deployer, parties.relay, parties.issuer, parties.investor):
        with refuses(token, "SecurityToken_NotAgent", caller):
            getattr(token, call)(*arguments(parties), {"from": caller})


# ---------------------------------------------------------------- forcedTransfer


def test_forced_transfer_unfreezes_no_more_than_it_needs_and_says_so_first(token, parties, agent):
    token.setFrozenTokens(parties.investor, 50, agent)
    tx = token.forcedTransfer(parties.investor, parties.other, 25, agent)  # 10 free, 15 of the frozen
    assert names(tx, by=token) == ["Frozen", "Transfer", "ForcedTransfer"]
    said(tx, "Frozen", account=parties.investor, amount=35)
    said(tx, "Transfer", **{"from": parties.investor}, to=parties.other, value=25)
    said(tx, "ForcedTransfer", **{"from": parties.investor}, to=parties.other, amount=25)
    assert tx.return_value is True
    assert (token.balanceOf(parties.investor), token.getFrozenTokens(parties.investor)) == (35, 35)


def test_forced_transfer_within_the_free_part_unfreezes_nothing(token, parties, agent):
    token.setFrozenTokens(parties.investor, 50, agent)
    tx = token.forcedTransfer(parties.investor, parties.other, 10, agent)
    assert names(tx, by=token) == ["Transfer", "ForcedTransfer"]
    assert token.getFrozenTokens(parties.investor) == 50


def test_forced_transfer_of_all_when_frozen_beyond_the_balance(token, parties, agent, holder):
    token.setFrozenTokens(parties.investor, 65, agent)
    token.forcedTransfer(parties.investor, parties.other, 60, agent)
    assert (token.balanceOf(parties.investor), token.getFrozenTokens(parties.investor)) == (0, 5)
    token.transfer(parties.investor, 6, {"from": parties.other})
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 2, 1):
        token.transfer(parties.other, 2, holder)


def test_forced_transfer_to_oneself_is_refused_and_unfreezes_nothing(token, parties, agent, holder):
    token.setFrozenTokens(parties.investor, 60, agent)
    with refuses(token, "SecurityToken_ForcedTransferToSelf", parties.investor):
        token.forcedTransfer(parties.investor, parties.investor, 60, agent)
    assert token.getFrozenTokens(parties.investor) == 60
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 1, 0):
        token.transfer(parties.other, 1, holder)


def test_forced_transfer_leaves_earned_money_with_the_holder(token, parties, agent, pay):
    pay(token, 1_000)
    token.forcedTransfer(parties.investor, parties.other, 60, agent)
    assert (token.claimable(parties.investor), token.claimable(parties.other)) == (600, 400)
    pay(token, 1_000)
    assert (token.claimable(parties.investor), token.claimable(parties.other)) == (600, 1_400)


def test_forced_transfer_while_paused_and_from_a_revoked_wallet(token, parties, agent, base, verifier):
    """It is the way out for a lost key, so neither pause nor a revoked sender stops it."""
    token.setPaused(True, agent)
    base.registry.revoke(parties.investor, verifier)
    token.forcedTransfer(parties.investor, parties.other, 60, agent)
    assert token.balanceOf(parties.other) == 100


def test_forced_transfer_refusals(token, parties, agent):
    for account in (parties.stranger, ZERO):
        with refuses(token, "ERC7943CannotReceive", account):
            token.forcedTransfer(parties.investor, account, 1, agent)
    with refuses(token, "ERC20InsufficientBalance", parties.investor, 60, 61):
        token.forcedTransfer(parties.investor, parties.other, 61, agent)
    token.close({"from": parties.relay})
    with refuses(token, "SecurityToken_Closed"):
        token.forcedTransfer(parties.investor, parties.other, 1, agent)


# ---------------------------------------------------------------- setPaused


def test_pause_stops_transfers_and_nothing_else(token, parties, agent, holder, pay, base):
    tx = token.setPaused(True, agent)
    said(tx, "TransfersPaused", paused=True)
    assert token.paused()
    token.approve(parties.stranger, 5, holder)
    with refuses(token, "SecurityToken_Paused"):
        token.transfer(parties.other, 1, holder)
    with refuses(token, "SecurityToken_Paused"):
        token.transferFrom(parties.investor, parties.other, 1, {"from": parties.stranger})
    token.mint(parties.third, 1, {"from": parties.deployer})
    token.burn(parties.third, 1, {"from": parties.deployer})
    pay(token, 1_000)
    before = base.currency.balanceOf(parties.investor)
    token.claim(parties.investor, holder)
    assert base.currency.balanceOf(parties.investor) - before == 600
    said(token.setPaused(False, agent), "TransfersPaused", paused=False)
    token.transfer(parties.other, 1, holder)


# ---------------------------------------------------------------- canSend, canReceive, canTransfer


def test_can_send_and_receive_follow_the_registry(token, parties, base, verifier):
    assert token.canSend(parties.investor)
    assert token.canReceive(parties.other)
    for account in (parties.stranger, ZERO):
        assert not token.canSend(account)
        assert not token.canReceive(account)
    base.registry.setIdentity(parties.investor, (now() + DAY, USA, RETAIL), verifier)
    warp(now() + DAY)
    assert not token.canSend(parties.investor)


def test_can_transfer_minds_frozen_units_not_the_balance(token, parties, agent):
    """The standard: MUST check the unfrozen amount, MUST NOT return false for a plain lack of balance."""
    pair = (parties.investor, parties.other)
    assert token.canTransfer(*pair, 60)
    assert token.canTransfer(*pair, 61)  # no balance for it, but no rule against it
    token.setFrozenTokens(parties.investor, 50, agent)
    assert token.canTransfer(*pair, 10)
    assert not token.canTransfer(*pair, 11)
    token.setFrozenTokens(parties.investor, 0, agent)
    assert token.canTransfer(*pair, 60)


@pytest.mark.parametrize("obstacle", ["pause", "close", "sender", "receiver"])
def test_can_transfer_says_no_when_transfer_would(token, parties, agent, holder, base, verifier, obstacle):
    pair = (parties.investor, parties.other)
    assert token.canTransfer(*pair, 1)
    if obstacle == "pause":
        token.setPaused(True, agent)
        error = ("SecurityToken_Paused",)
    elif obstacle == "close":
        token.close({"from": parties.relay})
        error = ("SecurityToken_Closed",)
    elif obstacle == "sender":
        base.registry.revoke(parties.investor, verifier)
        error = ("ERC7943CannotSend", parties.investor)
    else:
        base.registry.revoke(parties.other, verifier)
        error = ("ERC7943CannotReceive", parties.other)
    assert not token.canTransfer(*pair, 1)
    with refuses(token, *error):
        token.transfer(parties.other, 1, holder)

"""SecurityToken.tree: ERC-20, permit, issue and end of life."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, names, plain, refuses, said
from tests.contracts.clock import now, warp
from tests.contracts.material import CUBA, DAY, RETAIL, USA, named_keys, permit, policy

(OWNER,) = named_keys("permit owner", 1)


@pytest.fixture(scope="module")
def minter(parties):
    return {"from": parties.deployer}


@pytest.fixture(scope="module")
def holder(parties):
    return {"from": parties.investor}


# ---------------------------------------------------------------- initialize, views


def test_initialize_once(token, minter, base, parties):
    for target in (token, base.implementations[0]):
        with refuses(token, "InvalidInitialization"):
            target.initialize("A", "B", parties.stranger, parties.stranger, {"from": parties.stranger})


def test_views(token, base, parties):
    assert (token.name(), token.symbol(), token.decimals()) == ("Claim", "CLM", 0)
    assert (token.minter(), token.servicer()) == (parties.deployer, parties.relay)
    registry, rule, currency, agent, terms_hash = token.anchors()
    assert (registry, currency, agent) == (base.registry, base.currency, parties.agent)
    assert str(rule) == policy()
    assert terms_hash == token.documentHash()
    assert (token.paused(), token.closed(), token.earnedPerUnit()) == (False, False, 0)


def test_supports_erc7943_and_nothing_else(token):
    """0x3edbb4c4 is the id the standard names for the fungible interface."""
    assert token.supportsInterface("0x3edbb4c4")
    assert token.supportsInterface("0x01ffc9a7")  # ERC-165
    assert token.supportsInterface("0x36372b07")  # ERC-20
    for other in ("0xffffffff", "0xbf1ef5fe", "0x41c4fbad", "0x00000000"):
        assert not token.supportsInterface(other)


# ---------------------------------------------------------------- mint, burn


def test_mint(token, parties, minter):
    tx = token.mint(parties.third, 5, minter)
    said(tx, "Transfer", **{"from": ZERO}, to=parties.third, value=5)
    assert (token.balanceOf(parties.third), token.totalSupply()) == (5, 105)


def test_mint_earns_nothing_of_earlier_distributions(token, parties, minter, pay):
    pay(token, 1_000)
    token.mint(parties.third, 5, minter)
    assert token.claimable(parties.third) == 0
    token.mint(parties.investor, 40, minter)
    assert token.claimable(parties.investor) == 600


@pytest.mark.parametrize("call", ["mint", "burn"])
def test_only_the_minter(token, parties, call):
    for caller in (parties.agent, parties.relay, parties.investor):
        with refuses(token, "SecurityToken_NotMinter", caller):
            getattr(token, call)(parties.investor, 1, {"from": caller})


def test_mint_refuses_who_may_not_hold(token, parties, minter, base):
    for account in (parties.stranger, ZERO):
        with refuses(token, "ERC7943CannotReceive", account):
            token.mint(account, 1, minter)
    base.registry.revoke(parties.third, minter)
    with refuses(token, "ERC7943CannotReceive", parties.third):
        token.mint(parties.third, 1, minter)


def test_mint_refuses_after_close(token, parties, minter):
    token.close({"from": parties.relay})
    with refuses(token, "SecurityToken_Closed"):
        token.mint(parties.third, 1, minter)


def test_supply_is_bounded_by_64_bits(token, parties, minter):
    rest = 2**64 - 1 - 100
    with refuses(token, "SecurityToken_Overflow", rest + 1):
        token.mint(parties.third, rest + 1, minter)
    token.mint(parties.third, rest, minter)
    assert token.totalSupply() == 2**64 - 1
    token.transfer(parties.investor, rest, {"from": parties.third})
    assert token.balanceOf(parties.investor) == rest + 60


def test_burn_leaves_earned_money(token, parties, minter, pay):
    pay(token, 1_000)
    tx = token.burn(parties.investor, 60, minter)
    said(tx, "Transfer", **{"from": parties.investor}, to=ZERO, value=60)
    assert (token.totalSupply(), token.balanceOf(parties.investor)) == (40, 0)
    assert token.claimable(parties.investor) == 600


def test_burn_refuses_more_than_the_balance(token, parties, minter):
    with refuses(token, "ERC20InsufficientBalance", parties.investor, 60, 61):
        token.burn(parties.investor, 61, minter)


# ---------------------------------------------------------------- transfer, transferFrom


def test_transfer_moves_units_not_money(token, parties, holder, pay):
    pay(token, 1_000)
    tx = token.transfer(parties.other, 10, holder)
    said(tx, "Transfer", **{"from": parties.investor}, to=parties.other, value=10)
    assert tx.return_value is True
    assert (token.balanceOf(parties.investor), token.balanceOf(parties.other)) == (50, 50)
    assert (token.claimable(parties.investor), token.claimable(parties.other)) == (600, 400)
    pay(token, 1_000)
    assert (token.claimable(parties.investor), token.claimable(parties.other)) == (1_100, 900)


def test_transfer_to_oneself_and_of_nothing_change_nothing(token, parties, holder, pay):
    pay(token, 1_000)
    token.transfer(parties.investor, 60, holder)
    token.transfer(parties.other, 0, holder)
    assert (token.balanceOf(parties.investor), token.claimable(parties.investor)) == (60, 600)
    assert (token.balanceOf(parties.other), token.claimable(parties.other)) == (40, 400)
    assert token.totalSupply() == 100


def test_transfer_refuses_more_than_the_balance(token, parties, holder):
    with refuses(token, "ERC20InsufficientBalance", parties.investor, 60, 61):
        token.transfer(parties.other, 61, holder)


def test_transfer_refuses_who_may_not_hold(token, parties, holder, minter, base):
    for account in (parties.stranger, ZERO, token.address):
        with refuses(token, "ERC7943CannotReceive", account):
            token.transfer(account, 1, holder)
    base.registry.revoke(parties.investor, minter)
    with refuses(token, "ERC7943CannotSend", parties.investor):
        token.transfer(parties.other, 1, holder)


def test_transfer_refuses_an_expired_wallet(token, parties, holder, base, minter):
    base.registry.setIdentity(parties.other, (now() + DAY, USA, RETAIL), minter)
    warp(now() + DAY)
    with refuses(token, "ERC7943CannotReceive", parties.other):
        token.transfer(parties.other, 1, holder)


def test_transfer_follows_the_tokens_own_policy(new_token, parties, base, minter):
    strict = new_token(holding=policy(classes=1 << RETAIL, blocked=(CUBA,)))
    strict.mint(parties.investor, 1, minter)
    base.registry.setIdentity(parties.other, (base.expiry, CUBA, RETAIL), minter)
    with refuses(strict, "ERC7943CannotReceive", parties.other):
        strict.transfer(parties.other, 1, {"from": parties.investor})


def test_transfer_refuses_when_the_registry_does_not_answer(new_token, parties, base):
    """No contract at its address, or one that reverts: nobody may hold."""
    for registry in (parties.stranger, base.currency):
        orphan = new_token(registry=registry)
        with refuses(orphan, "ERC7943CannotSend", parties.investor):
            orphan.transfer(parties.other, 0, {"from": parties.investor})


def test_transfer_from_spends_the_allowance(token, parties, holder):
    tx = token.approve(parties.stranger, 10, holder)
    said(tx, "Approval", owner=parties.investor, spender=parties.stranger, value=10)
    token.transferFrom(parties.investor, parties.other, 4, {"from": parties.stranger})
    assert token.allowance(parties.investor, parties.stranger) == 6
    assert token.balanceOf(parties.other) == 44
    with refuses(token, "ERC20InsufficientAllowance", parties.stranger, 6, 7):
        token.transferFrom(parties.investor, parties.other, 7, {"from": parties.stranger})


def test_transfer_from_checks_the_holder_not_the_spender(token, parties, holder):
    token.approve(parties.stranger, 10, holder)
    with refuses(token, "ERC7943CannotReceive", parties.stranger):
        token.transferFrom(parties.investor, parties.stranger, 1, {"from": parties.stranger})


def test_transfer_from_refuses_zero_addresses(token, parties, holder):
    token.approve(parties.stranger, 10, holder)
    with refuses(token, "ERC20InvalidReceiver", ZERO):
        token.transferFrom(parties.investor, ZERO, 1, {"from": parties.stranger})
    with refuses(token, "ERC20InvalidSpender", ZERO):
        token.approve(ZERO, 1, holder)


# ---------------------------------------------------------------- permit


@pytest.fixture
def sign_permit(token, parties, chain):
    def make(token_address=None, chain_id=None, key=OWNER, **changes):
        message = {
            "spender": parties.stranger.address,
            "value": 7,
            "nonce": 0,
            "deadline": now() + DAY,
        } | changes
        signature = permit(key, token_address or token.address, chain_id or chain.id, **message)
        return message["deadline"], signature

    return make


def use(token, parties, deadline, signature, value=7):
    return token.permit(
        OWNER.address, parties.stranger, value, deadline, *signature, {"from": parties.stranger}
    )


def test_permit_sets_the_allowance_once(token, parties, sign_permit):
    deadline, signature = sign_permit()
    tx = use(token, parties, deadline, signature)
    said(tx, "Approval", owner=OWNER.address, spender=parties.stranger, value=7)
    assert (token.allowance(OWNER.address, parties.stranger), token.nonces(OWNER.address)) == (7, 1)
    with pytest.raises(Exception, match="ERC2612InvalidSigner"):
        use(token, parties, deadline, signature)  # replayed: recovers to somebody else under nonce 1
    assert token.nonces(OWNER.address) == 1


def test_permit_domain_is_published(token, chain):
    """EIP-5267, so that a wallet need not guess: the domain's name is not the token's name."""
    _, name, version, chain_id, contract, _, _ = token.eip712Domain()
    assert (name, version, chain_id, contract) == ("Penstock SecurityToken", "1", chain.id, token)


def test_permit_refuses_an_expired_signature(token, parties, sign_permit):
    deadline, signature = sign_permit(deadline=now())
    warp(now() + 10)
    with refuses(token, "ERC2612ExpiredSignature", deadline):
        use(token, parties, deadline, signature)


def test_permit_refuses_a_signature_for_anything_else(token, base, parties, sign_permit, chain):
    stranger_key = named_keys("somebody else", 1)[0]
    for wrong in (
        {"key": stranger_key},
        {"token_address": base.implementations[0].address},
        {"chain_id": chain.id + 1},
        {"value": 8},
        {"nonce": 1},
        {"spender": parties.relay.address},
    ):
        deadline, signature = sign_permit(**wrong)
        with pytest.raises(Exception, match="ERC2612InvalidSigner"):
            use(token, parties, deadline, signature)
    assert token.allowance(OWNER.address, parties.stranger) == 0


# ---------------------------------------------------------------- close


def test_close_ends_transfers_not_claims(token, parties, holder, pay, base):
    pay(token, 1_000)
    tx = token.close({"from": parties.relay})
    assert names(tx) == ["TokenClosed"]
    assert token.closed()
    with refuses(token, "SecurityToken_Closed"):
        token.transfer(parties.other, 1, holder)
    before = base.currency.balanceOf(parties.investor)
    token.claim(parties.investor, holder)
    assert base.currency.balanceOf(parties.investor) - before == 600


def test_close_only_by_the_servicer_and_once(token, parties):
    for caller in (parties.deployer, parties.agent, parties.stranger):
        with refuses(token, "SecurityToken_NotServicer", caller):
            token.close({"from": caller})
    token.close({"from": parties.relay})
    with refuses(token, "SecurityToken_Closed"):
        token.close({"from": parties.relay})


def test_anchors_cannot_change(token, parties):
    """No function of the token writes an anchor; they are part of its code."""
    before = plain(token.anchors())
    token.setPaused(True, {"from": parties.agent})
    token.close({"from": parties.relay})
    assert plain(token.anchors()) == before

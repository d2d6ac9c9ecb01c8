"""SecurityToken.tree: distribute and claim, to the last minor unit."""

from __future__ import annotations

import pytest

from tests.contracts.checks import names, refuses, said

MAX_OWED = 2**88 - 1
MAX_INDEX = 2**96 - 1
ETHER = 10**18


@pytest.fixture(scope="module")
def issuer(parties):
    return {"from": parties.issuer}


@pytest.fixture(scope="module")
def money(base):
    return base.currency.balanceOf


# ---------------------------------------------------------------- distribute


def test_distribute_shares_equally_per_unit(token, parties, pay):
    tx = pay(token, 1_000)
    said(tx, "Distributed", payer=parties.issuer, paid=1_000, perUnit=10)
    assert tx.return_value == 1_000
    assert (token.claimable(parties.investor), token.claimable(parties.other)) == (600, 400)
    assert token.earnedPerUnit() == 10


def test_dust_stays_with_the_payer(token, parties, pay, money):
    before = money(parties.issuer)
    tx = pay(token, 1_099)
    said(tx, "Distributed", payer=parties.issuer, paid=1_000, perUnit=10)
    assert before - money(parties.issuer) == 1_000
    assert money(token) == 1_000


def test_anyone_may_pay(token, parties, base, money):
    base.currency.approve(token, 500, {"from": parties.third})
    token.distribute(500, {"from": parties.third})
    assert token.claimable(parties.investor) == 300


def test_distribute_refuses_no_supply(new_token, issuer):
    with refuses(new_token(), "SecurityToken_NoSupply"):
        new_token().distribute(1_000, issuer)


def test_distribute_refuses_below_one_minor_unit_per_unit(token, pay):
    for amount in (0, 99):
        with refuses(token, "SecurityToken_AmountBelowSupply", amount, 100):
            pay(token, amount)
    pay(token, 100)


def test_distribute_refuses_without_approval_and_earns_nothing(token, base, parties, issuer):
    base.currency.approve(token, 999, issuer)
    with refuses(base.currency, "ERC20InsufficientAllowance", token, 999, 1_000):
        token.distribute(1_000, issuer)
    assert token.claimable(parties.investor) == 0
    assert token.earnedPerUnit() == 0


def test_distribute_refuses_without_money_and_earns_nothing(token, base, parties):
    base.currency.approve(token, 2**256 - 1, {"from": parties.stranger})
    with refuses(base.currency, "ERC20InsufficientBalance", parties.stranger, 0, 1_000):
        token.distribute(1_000, {"from": parties.stranger})
    assert token.earnedPerUnit() == 0


def test_what_a_unit_can_earn_is_bounded_by_96_bits(token, base, parties, pay):
    base.currency.mint(parties.issuer, MAX_INDEX * 100, {"from": parties.deployer})
    pay(token, 100)
    with refuses(token, "SecurityToken_Overflow", MAX_INDEX * 100):
        pay(token, MAX_INDEX * 100)
    pay(token, (MAX_INDEX - 1) * 100)
    assert token.earnedPerUnit() == MAX_INDEX
    with refuses(token, "SecurityToken_Overflow", 100):
        pay(token, 100)
    token.claim(parties.investor, {"from": parties.investor})  # what is earned stays payable
    token.transfer(parties.third, 40, {"from": parties.other})
    assert token.claimable(parties.other) == MAX_INDEX * 40


# ---------------------------------------------------------------- claim


def test_claim_pays_all_once(token, parties, pay, money):
    pay(token, 1_000)
    pay(token, 2_000)
    before = money(parties.investor)
    tx = token.claim(parties.investor, {"from": parties.investor})
    said(tx, "Claimed", holder=parties.investor, amount=1_800)
    assert money(parties.investor) - before == 1_800
    again = token.claim(parties.investor, {"from": parties.investor})
    assert (again.return_value, names(again)) == (0, [])
    assert money(parties.investor) - before == 1_800
    assert token.claimable(parties.other) == 1_200


def test_a_stranger_may_trigger_but_gets_nothing(token, parties, pay, money):
    pay(token, 1_000)
    before = money(parties.investor)
    token.claim(parties.investor, {"from": parties.stranger})
    assert money(parties.investor) - before == 600
    assert money(parties.stranger) == 0


def test_who_never_held_claims_nothing(token, parties, pay):
    pay(token, 1_000)
    tx = token.claim(parties.third, {"from": parties.third})
    assert (tx.return_value, names(tx)) == (0, [])


@pytest.mark.parametrize("obstacle", ["revoked", "frozen", "paused", "closed", "no units left"])
def test_nothing_stops_a_claim(token, parties, pay, money, base, obstacle):
    pay(token, 1_000)
    agent = {"from": parties.agent}
    if obstacle == "revoked":
        base.registry.revoke(parties.investor, {"from": parties.deployer})
    elif obstacle == "frozen":
        token.setFrozenTokens(parties.investor, 2**255, agent)
    elif obstacle == "paused":
        token.setPaused(True, agent)
    elif obstacle == "closed":
        token.close({"from": parties.relay})
    else:
        token.forcedTransfer(parties.investor, parties.other, 60, agent)
    before = money(parties.investor)
    token.claim(parties.investor, {"from": parties.stranger})
    assert money(parties.investor) - before == 600


def test_holders_who_come_and_go(token, parties, pay, money):
    """Each gets what its units earned while it held them: written out by hand."""
    pay(token, 1_000)  # 10 a unit: investor 600, other 400
    token.transfer(parties.third, 30, {"from": parties.investor})  # 30 / 40 / 30
    pay(token, 500)  # 5 a unit: 150 / 200 / 150
    token.transfer(parties.investor, 40, {"from": parties.other})  # 70 / 0 / 30
    token.claim(parties.other, {"from": parties.other})
    pay(token, 700)  # 7 a unit: 490 / 0 / 210
    assert token.claimable(parties.investor) == 600 + 150 + 490
    assert token.claimable(parties.other) == 0
    assert token.claimable(parties.third) == 150 + 210
    assert money(token) == 600 + 150 + 490 + 150 + 210


def test_one_holders_failure_does_not_block_another(new_token, parties, BlockingCurrency):
    currency = BlockingCurrency.deploy(6, {"from": parties.deployer})
    currency.mint(parties.issuer, 1_000, {"from": parties.deployer})
    token = new_token(currency=currency)
    for holder in (parties.investor, parties.other):
        token.mint(holder, 50, {"from": parties.deployer})
    currency.approve(token, 1_000, {"from": parties.issuer})
    token.distribute(1_000, {"from": parties.issuer})
    currency.setBlocked(parties.investor, True, {"from": parties.deployer})
    with refuses(currency, "BlockingCurrency_Blocked", parties.investor):
        token.claim(parties.investor, {"from": parties.investor})
    token.claim(parties.other, {"from": parties.other})
    assert currency.balanceOf(parties.other) == 500
    currency.setBlocked(parties.investor, False, {"from": parties.deployer})
    token.claim(parties.investor, {"from": parties.investor})
    assert currency.balanceOf(parties.investor) == 500


def test_a_currency_with_a_fee_falls_short_where_it_is_used(
    new_token, token, parties, pay, base, FeeCurrency
):
    """What ISecurityToken warns of: 1 % of what was booked never came in, so the last to claim finds too
    little. It is this token's own money; another token is whole."""
    pay(token, 1_000)
    currency = FeeCurrency.deploy(6, {"from": parties.deployer})
    currency.mint(parties.issuer, 1_000, {"from": parties.deployer})
    short = new_token(currency=currency)
    for holder in (parties.investor, parties.other):
        short.mint(holder, 50, {"from": parties.deployer})
    pay(short, 1_000, currency)
    short.claim(parties.investor, {"from": parties.investor})
    with refuses(currency, "ERC20InsufficientBalance", short, 490, 500):
        short.claim(parties.other, {"from": parties.other})
    for holder in (parties.investor, parties.other):
        token.claim(holder, {"from": holder})
    assert base.currency.balanceOf(token) == 0


# ---------------------------------------------------------------- more owed than the slot holds


@pytest.fixture
def rich(new_token, parties, TestCurrency):
    """18 decimals, 2,000,000 units: one distribution of 10^12 in currency is 5 x 10^29 for the half."""
    currency = TestCurrency.deploy("Test ether dollar", "TED", 18, {"from": parties.deployer})
    currency.mint(parties.issuer, 10**15 * ETHER, {"from": parties.deployer})
    token = new_token(currency=currency)
    for holder in (parties.investor, parties.other):
        token.mint(holder, 10**6, {"from": parties.deployer})
    return token, currency


def test_owed_beyond_88_bits_is_kept_whole(rich, parties, pay):
    token, currency = rich
    half = 10**12 * ETHER // 2
    assert half > MAX_OWED
    pay(token, 2 * half, currency)
    token.transfer(parties.third, 1, {"from": parties.investor})  # settles into the overflow
    assert token.claimable(parties.investor) == half
    pay(token, 2 * half, currency)  # 5 x 10^23 a unit
    token.transfer(parties.third, 1, {"from": parties.investor})
    each = half // 10**6
    assert token.claimable(parties.investor) == half + (10**6 - 1) * each
    assert token.claimable(parties.third) == each
    token.claim(parties.investor, {"from": parties.stranger})
    assert currency.balanceOf(parties.investor) == half + (10**6 - 1) * each
    assert token.claimable(parties.investor) == 0
    for holder in (parties.other, parties.third):
        token.claim(holder, {"from": parties.stranger})
    assert currency.balanceOf(token) == 0


def test_a_small_debt_after_a_large_one(rich, parties, pay):
    """The flag that marks the overflow must not lose what the slot itself holds, before or after a claim."""
    token, currency = rich
    pay(token, 10**12 * ETHER, currency)
    token.transfer(parties.third, 1, {"from": parties.investor})
    pay(token, 2 * 10**6, currency)  # one minor unit a unit
    token.transfer(parties.third, 1, {"from": parties.investor})
    half = 10**12 * ETHER // 2
    assert token.claimable(parties.investor) == half + 10**6 - 1
    token.claim(parties.investor, {"from": parties.stranger})
    pay(token, 2 * 10**6, currency)
    assert token.claimable(parties.investor) == 10**6 - 2
    token.claim(parties.investor, {"from": parties.stranger})
    assert currency.balanceOf(parties.investor) == half + 10**6 - 1 + 10**6 - 2


def test_overflow_and_frozen_flags_live_together(rich, parties, pay):
    token, currency = rich
    token.setFrozenTokens(parties.investor, 10**6 - 1, {"from": parties.agent})
    pay(token, 10**12 * ETHER, currency)
    token.transfer(parties.third, 1, {"from": parties.investor})
    token.claim(parties.investor, {"from": parties.stranger})
    assert currency.balanceOf(parties.investor) == 10**12 * ETHER // 2
    with refuses(token, "ERC7943InsufficientUnfrozenBalance", parties.investor, 1, 0):
        token.transfer(parties.third, 1, {"from": parties.investor})

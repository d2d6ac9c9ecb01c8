"""Offering.tree, branch by branch."""

from __future__ import annotations

import pytest
from brownie import web3

from tests.contracts.checks import names, plain, refuses, said
from tests.contracts.clock import next_at, warp
from tests.contracts.lives import K
from tests.contracts.material import DAY, MILLION, Bond, Sale


@pytest.fixture(scope="module")
def deal(launch):
    """100 units at most, 50 at least, of 1,000."""
    return launch(softCap=50)


@pytest.fixture
def opened(deal):
    warp(deal.plan.opens)
    return deal


def buy(deal, who, units):
    return deal.offering.subscribe(units, {"from": who})


def settle(deal, parties):
    return deal.offering.settle({"from": parties.stranger})


def refund(deal, who, units):
    return deal.offering.refund(units, {"from": who})


# ---------------------------------------------------------------- initialize


def test_terms_are_kept(deal, parties):
    assert plain(deal.offering.terms()) == (
        deal.token.address.lower(),
        deal.bond.address.lower(),
        deal.currency.address.lower(),
        parties.issuer.address.lower(),
        K,
        50,
        100,
        deal.plan.opens,
        deal.plan.closes,
        (parties.issuer.address.lower(), parties.agent.address.lower()),
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"unitPrice": 0}, "price zero"),
        ({"softCap": 0}, "caps"),
        ({"softCap": 101}, "caps"),
        ({"opens": lambda plan: plan.closes}, "window"),
        ({"closes": 2**48}, "window"),
    ],
)
def test_initialize_refuses(base, parties, plan_of, terms_of, Offering, change, what):
    with refuses(Offering, "Offering_InvalidTerms", what):
        base.factory.deploy(*terms_of(plan_of(**change)), {"from": parties.deployer})


# ---------------------------------------------------------------- subscribe


def test_subscribe_is_delivery_versus_payment(opened, parties):
    before = opened.currency.balanceOf(parties.investor)
    tx = buy(opened, parties.investor, 60)
    said(tx, "Subscribed", investor=parties.investor, units=60, paid=60 * K)
    assert tx.return_value == 60 * K
    assert before - opened.currency.balanceOf(parties.investor) == 60 * K
    assert opened.currency.balanceOf(opened.offering) == 60 * K
    assert (opened.token.balanceOf(parties.investor), opened.offering.sold()) == (60, 60)
    assert opened.offering.state() == Sale.OPEN


def test_window_edges(deal, parties):
    assert deal.offering.state() == Sale.NOT_OPEN
    next_at(deal.plan.opens - 1)
    with refuses(deal.offering, "Offering_WrongState", Sale.NOT_OPEN):
        buy(deal, parties.investor, 1)
    next_at(deal.plan.opens)
    buy(deal, parties.investor, 50)
    next_at(deal.plan.closes - 1)
    buy(deal, parties.investor, 1)
    next_at(deal.plan.closes)
    with refuses(deal.offering, "Offering_WrongState", Sale.SUCCEEDED):
        buy(deal, parties.investor, 1)


def test_hard_cap(opened, parties):
    with refuses(opened.offering, "Offering_CapExceeded", 101, 100):
        buy(opened, parties.investor, 101)
    buy(opened, parties.investor, 60)
    with refuses(opened.offering, "Offering_CapExceeded", 41, 40):
        buy(opened, parties.other, 41)
    buy(opened, parties.other, 40)
    assert opened.offering.state() == Sale.SUCCEEDED
    with refuses(opened.offering, "Offering_WrongState", Sale.SUCCEEDED):
        buy(opened, parties.third, 1)


def test_subscribe_refuses_nothing_and_everything(opened, parties):
    with refuses(opened.offering, "Offering_ZeroUnits"):
        buy(opened, parties.investor, 0)
    with refuses(opened.offering, "Offering_CapExceeded", 2**256 - 1, 100):
        buy(opened, parties.investor, 2**256 - 1)


def test_unverified_buyer_keeps_its_money(opened, parties):
    opened.currency.mint(parties.stranger, 10 * K, {"from": parties.deployer})
    opened.currency.approve(opened.offering, 10 * K, {"from": parties.stranger})
    with refuses(opened.token, "ERC7943CannotReceive", parties.stranger):
        buy(opened, parties.stranger, 1)
    assert opened.currency.balanceOf(parties.stranger) == 10 * K
    assert (opened.offering.sold(), opened.token.totalSupply()) == (0, 0)


@pytest.mark.parametrize("lack", ["money", "approval"])
def test_buyer_without_money_gets_nothing(opened, parties, lack):
    held = opened.currency.balanceOf(parties.investor)
    if lack == "money":
        opened.currency.transfer(parties.other, held - 1, {"from": parties.investor})
        error = ("ERC20InsufficientBalance", parties.investor, 1, K)
    else:
        opened.currency.approve(opened.offering, K - 1, {"from": parties.investor})
        error = ("ERC20InsufficientAllowance", opened.offering, K - 1, K)
    with refuses(opened.currency, *error):
        buy(opened, parties.investor, 1)
    assert (opened.offering.sold(), opened.token.totalSupply()) == (0, 0)


def test_second_hand_before_settlement(opened, parties):
    """Units are real from the first moment, so they can change hands in the window."""
    buy(opened, parties.investor, 60)
    opened.token.transfer(parties.other, 20, {"from": parties.investor})
    assert opened.token.balanceOf(parties.other) == 20


# ---------------------------------------------------------------- settle


def test_settle_pays_the_issuer_and_starts_the_bond(opened, parties):
    buy(opened, parties.investor, 60)
    before = opened.currency.balanceOf(parties.issuer)
    warp(opened.plan.closes)
    tx = settle(opened, parties)
    said(tx, "OfferingSettled", units=60, proceeds=60 * K)
    said(tx, "BondActivated", units=60)
    assert opened.currency.balanceOf(parties.issuer) - before == 60 * K
    assert opened.currency.balanceOf(opened.offering) == 0
    assert (opened.offering.state(), opened.bond.state()) == (Sale.SETTLED, Bond.ACTIVE)
    assert opened.bond.principal() == 60 * K


def test_settle_at_the_hard_cap_before_the_window_ends(opened, parties):
    buy(opened, parties.investor, 100)
    settle(opened, parties)
    assert opened.bond.state() == Bond.ACTIVE


def test_settle_refuses_too_early_and_below_the_soft_cap(deal, parties):
    with refuses(deal.offering, "Offering_WrongState", Sale.NOT_OPEN):
        settle(deal, parties)
    warp(deal.plan.opens)
    buy(deal, parties.investor, 49)
    with refuses(deal.offering, "Offering_WrongState", Sale.OPEN):
        settle(deal, parties)
    warp(deal.plan.closes)
    with refuses(deal.offering, "Offering_WrongState", Sale.FAILED):
        settle(deal, parties)


def test_settle_once(opened, parties):
    buy(opened, parties.investor, 100)
    settle(opened, parties)
    with refuses(opened.offering, "Offering_WrongState", Sale.SETTLED):
        settle(opened, parties)
    with refuses(opened.offering, "Offering_WrongState", Sale.SETTLED):
        refund(opened, parties.investor, 1)
    assert opened.currency.balanceOf(opened.offering) == 0


def test_settle_with_exactly_the_soft_cap(opened, parties):
    buy(opened, parties.investor, 50)
    warp(opened.plan.closes)
    settle(opened, parties)
    assert opened.bond.principal() == 50 * K


# ---------------------------------------------------------------- the deal's own parties


@pytest.fixture
def insiders(opened, parties, base):
    """Issuer and agent, verified and with as much borrowed money as they want."""
    for party in (parties.issuer, parties.agent):
        base.registry.setIdentity(party, (2**64 - 1, 840, 1), {"from": parties.deployer})
        opened.currency.mint(party, 100 * K, {"from": parties.deployer})
        opened.currency.approve(opened.offering, 100 * K, {"from": party})
    return opened


def test_an_issuer_cannot_make_its_own_issue_succeed(insiders, parties):
    """50 of 100 units must be sold to others: its own purchases end where they would take those from them."""
    with refuses(insiders.offering, "Offering_PartyCapExceeded", 51, 50):
        buy(insiders, parties.issuer, 51)
    buy(insiders, parties.issuer, 30)
    buy(insiders, parties.agent, 20)
    with refuses(insiders.offering, "Offering_PartyCapExceeded", 1, 0):
        buy(insiders, parties.agent, 1)
    buy(insiders, parties.investor, 49)
    assert (insiders.offering.sold(), insiders.offering.soldToParties()) == (99, 50)
    warp(insiders.plan.closes)
    assert insiders.offering.state() == Sale.FAILED
    with refuses(insiders.offering, "Offering_WrongState", Sale.FAILED):
        settle(insiders, parties)


def test_insiders_cannot_keep_others_from_making_it_succeed(insiders, parties):
    buy(insiders, parties.issuer, 50)
    buy(insiders, parties.investor, 50)
    assert insiders.offering.state() == Sale.SUCCEEDED
    settle(insiders, parties)
    assert insiders.bond.principal() == 100 * K


def test_borrowed_money_cannot_buy_and_settle_in_one_transaction(opened, parties):
    """A sale and the settlement in one block, as with money lent for one transaction."""
    rpc = web3.provider.make_request
    rpc("evm_setAutomine", [False])
    try:
        bought = opened.offering.subscribe(
            100, {"from": parties.investor, "required_confs": 0, "gas_limit": 400_000, "allow_revert": True}
        )
        settled = opened.offering.settle(
            {"from": parties.stranger, "required_confs": 0, "gas_limit": 400_000, "allow_revert": True}
        )
        rpc("evm_mine", [])
    finally:
        rpc("evm_setAutomine", [True])
    bought.wait(1)
    settled.wait(1)
    assert (bought.status, settled.status) == (1, 0)
    assert bought.block_number == settled.block_number
    assert opened.offering.state() == Sale.SUCCEEDED
    settle(opened, parties)


# ---------------------------------------------------------------- refund


@pytest.fixture
def failed(opened, parties):
    """49 of 50 units sold to the investor, window over."""
    buy(opened, parties.investor, 49)
    warp(opened.plan.closes)
    assert opened.offering.state() == Sale.FAILED
    return opened


def test_refund_returns_the_price(failed, parties):
    before = failed.currency.balanceOf(parties.investor)
    tx = refund(failed, parties.investor, 9)
    said(tx, "Refunded", holder=parties.investor, units=9, amount=9 * K)
    refund(failed, parties.investor, 40)
    assert failed.currency.balanceOf(parties.investor) - before == 49 * K
    assert (failed.token.totalSupply(), failed.currency.balanceOf(failed.offering)) == (0, 0)
    assert failed.offering.state() == Sale.FAILED


def test_refund_only_of_units_held(failed, parties):
    with refuses(failed.token, "ERC20InsufficientBalance", parties.investor, 49, 50):
        refund(failed, parties.investor, 50)
    with refuses(failed.token, "ERC20InsufficientBalance", parties.other, 0, 1):
        refund(failed, parties.other, 1)
    with refuses(failed.offering, "Offering_ZeroUnits"):
        refund(failed, parties.investor, 0)
    refund(failed, parties.investor, 49)
    with refuses(failed.token, "ERC20InsufficientBalance", parties.investor, 0, 1):
        refund(failed, parties.investor, 1)


def test_refund_follows_the_units(failed, parties):
    """Whoever holds them now, not who paid then."""
    failed.token.transfer(parties.other, 20, {"from": parties.investor})
    before = failed.currency.balanceOf(parties.other)
    refund(failed, parties.other, 20)
    assert failed.currency.balanceOf(parties.other) - before == 20 * K
    with refuses(failed.token, "ERC20InsufficientBalance", parties.investor, 29, 30):
        refund(failed, parties.investor, 30)


@pytest.mark.parametrize("obstacle", ["frozen", "paused", "revoked"])
def test_nobody_can_stop_a_refund(failed, parties, base, obstacle):
    if obstacle == "frozen":
        failed.token.setFrozenTokens(parties.investor, 2**200, {"from": parties.agent})
    elif obstacle == "paused":
        failed.token.setPaused(True, {"from": parties.agent})
    else:
        base.registry.revoke(parties.investor, {"from": parties.deployer})
    before = failed.currency.balanceOf(parties.investor)
    refund(failed, parties.investor, 49)
    assert failed.currency.balanceOf(parties.investor) - before == 49 * K


def test_refund_refuses_unless_failed(opened, parties):
    buy(opened, parties.investor, 60)
    with refuses(opened.offering, "Offering_WrongState", Sale.OPEN):
        refund(opened, parties.investor, 1)
    warp(opened.plan.closes)
    with refuses(opened.offering, "Offering_WrongState", Sale.SUCCEEDED):
        refund(opened, parties.investor, 1)


def test_money_given_to_a_failed_issues_holders_stays_theirs(failed, parties):
    """A distribution before the issue failed: earned money survives the refund."""
    failed.currency.approve(failed.token, 490, {"from": parties.issuer})
    failed.token.distribute(490, {"from": parties.issuer})
    refund(failed, parties.investor, 49)
    assert failed.token.claimable(parties.investor) == 490


# ---------------------------------------------------------------- unsettled


def test_unsettled_for_thirty_days_becomes_refundable(opened, parties):
    buy(opened, parties.investor, 100)
    last = opened.plan.closes + 30 * DAY
    warp(last)
    assert opened.offering.state() == Sale.SUCCEEDED
    warp(last + 1)
    assert opened.offering.state() == Sale.FAILED
    with refuses(opened.offering, "Offering_WrongState", Sale.FAILED):
        settle(opened, parties)
    refund(opened, parties.investor, 100)
    assert opened.offering.state() == Sale.FAILED  # for good, though all units are back
    assert opened.bond.state() == Bond.OFFERED


def test_settle_in_the_last_second(opened, parties):
    buy(opened, parties.investor, 50)
    next_at(opened.plan.closes + 30 * DAY)
    settle(opened, parties)


def test_an_issuer_blocked_by_the_currency_cannot_trap_the_money(launch, parties, BlockingCurrency):
    currency = BlockingCurrency.deploy(6, {"from": parties.deployer})
    currency.mint(parties.investor, 100 * K, {"from": parties.deployer})
    deal = launch(currency=currency)
    warp(deal.plan.opens)
    buy(deal, parties.investor, 100)
    currency.setBlocked(parties.issuer, True, {"from": parties.deployer})
    with refuses(currency, "BlockingCurrency_Blocked", parties.issuer):
        settle(deal, parties)
    assert (deal.bond.state(), deal.offering.state()) == (Bond.OFFERED, Sale.SUCCEEDED)
    warp(deal.plan.closes + 30 * DAY + 1)
    tx = refund(deal, parties.investor, 100)
    assert names(tx, by=deal.offering) == ["Refunded"]
    assert currency.balanceOf(parties.investor) == 100 * K


def test_price_and_principal_may_differ(launch, parties):
    """An issue at a discount: 990 paid, 1,000 owed."""
    deal = launch(unitPrice=990 * MILLION)
    warp(deal.plan.opens)
    assert buy(deal, parties.investor, 100).return_value == 99_000 * MILLION
    settle(deal, parties)
    assert deal.bond.principal() == 100 * K

"""A currency that calls back in the middle of a transfer (ReentrantCurrency): whatever it calls, nobody
gets more than its due and the books stay whole. Calls made from inside come from the currency, so they show
what anybody could do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.contracts import disputes
from tests.contracts.checks import error_text
from tests.contracts.clock import now, warp
from tests.contracts.lives import COUPON, PRINCIPAL, K, accelerated, claim_all, mature_report, pay_coupons
from tests.contracts.material import DAY, Bond, Sale, Verdict, components_of, tuple_of

NEVER, BEFORE, AFTER = range(3)
MOMENTS = pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=["before", "after"])


@pytest.fixture(scope="module")
def currency(parties, ReentrantCurrency):
    made = ReentrantCurrency.deploy(6, {"from": parties.deployer})
    for account in (parties.investor, parties.other, parties.issuer):
        made.mint(account, 1_000 * K, {"from": parties.deployer})
    return made


@pytest.fixture(scope="module")
def deal(launch, currency):
    return launch(currency=currency)


@pytest.fixture(scope="module")
def sold(launch, deal):
    return launch.sell(deal)


@pytest.fixture
def arm(currency, parties):
    """arm(moment, contract, function, *args): the next transfer calls it."""

    def make(moment, contract, function, *args):
        data = getattr(contract, function).encode_input(*args)
        currency.arm(moment, contract, data, {"from": parties.stranger})

    return make


def answer(currency):
    """None if the call from inside went through, else what it was refused with."""
    from brownie.exceptions import decode_typed_error

    assert currency.attacked(), "the attack never ran"
    if currency.succeeded():
        return None
    return decode_typed_error(str(currency.answer()))


# ---------------------------------------------------------------- Offering


@MOMENTS
def test_settling_from_inside_the_last_purchase_waits_for_the_next_block(
    deal, currency, arm, parties, moment
):
    """So the bond never begins with fewer units than exist, nor on money lent for one transaction."""
    warp(deal.plan.opens)
    deal.offering.subscribe(60, {"from": parties.investor})
    arm(moment, deal.offering, "settle")
    last = deal.offering.subscribe(40, {"from": parties.other})
    assert answer(currency) == error_text(deal.offering, "Offering_SoldInThisBlock", last.block_number)
    deal.offering.settle({"from": parties.stranger})
    assert deal.offering.state() == Sale.SETTLED
    assert deal.bond.principal() == 100 * K == deal.token.totalSupply() * K
    assert currency.balanceOf(deal.offering) == 0


@MOMENTS
def test_settle_cannot_be_entered_twice(deal, currency, arm, parties, moment):
    warp(deal.plan.opens)
    deal.offering.subscribe(100, {"from": parties.investor})
    before = currency.balanceOf(parties.issuer)
    arm(moment, deal.offering, "settle")
    deal.offering.settle({"from": parties.stranger})
    assert answer(currency) == error_text(deal.offering, "Offering_WrongState", Sale.SETTLED)
    assert currency.balanceOf(parties.issuer) - before == 100 * K


@MOMENTS
def test_refund_cannot_be_entered_twice(deal, currency, arm, parties, base, moment):
    """The currency itself is a holder here, so that its call from inside is a holder's."""
    base.registry.setIdentity(currency, (base.expiry, 840, 1), {"from": parties.deployer})
    warp(deal.plan.opens)
    deal.offering.subscribe(60, {"from": parties.investor})
    deal.token.transfer(currency, 10, {"from": parties.investor})
    warp(deal.plan.closes)
    arm(moment, deal.offering, "refund", 10)
    deal.offering.refund(50, {"from": parties.investor})
    assert answer(currency) is None  # its own ten units, once
    assert currency.balanceOf(currency) == 10 * K
    assert (currency.balanceOf(deal.offering), deal.token.totalSupply()) == (0, 0)


# ---------------------------------------------------------------- SecurityToken


@MOMENTS
def test_claim_cannot_be_entered_twice(sold, currency, arm, parties, moment):
    currency.approve(sold.token, 2**256 - 1, {"from": parties.issuer})
    sold.token.distribute(1_000, {"from": parties.issuer})
    arm(moment, sold.token, "claim", parties.investor)
    assert claim_all(sold, parties.investor) == [600]
    assert answer(currency) is None  # it found nothing left
    assert claim_all(sold, parties.other) == [400]
    assert currency.balanceOf(sold.token) == 0


@MOMENTS
def test_claiming_from_inside_a_distribution_takes_nothing_twice(sold, currency, arm, parties, moment):
    currency.approve(sold.token, 2**256 - 1, {"from": parties.issuer})
    sold.token.distribute(1_000, {"from": parties.issuer})
    arm(moment, sold.token, "claim", parties.investor)
    before = currency.balanceOf(parties.investor)
    sold.token.distribute(1_000, {"from": parties.issuer})
    refused = answer(currency)
    # Before the payment has come there are only 1,000 of the 1,200 due, so the call from inside fails as a
    # whole.
    if moment == BEFORE:
        assert refused == error_text(currency, "ERC20InsufficientBalance", sold.token, 1_000, 1_200)
    else:
        assert refused is None
    sold.token.claim(parties.investor, {"from": parties.investor})
    assert currency.balanceOf(parties.investor) - before == 1_200
    assert claim_all(sold, parties.other) == [800]
    assert currency.balanceOf(sold.token) == 0


# ---------------------------------------------------------------- KpiBond


@MOMENTS
def test_pay_coupon_cannot_be_entered_for_the_same_coupon(sold, currency, arm, parties, moment):
    sold.bond.fund(3 * COUPON, {"from": parties.issuer})
    warp(sold.plan.pay_dates[0])
    arm(moment, sold.bond, "payCoupon")
    sold.bond.payCoupon({"from": parties.stranger})
    assert answer(currency) == error_text(sold.bond, "KpiBond_NotDue", sold.plan.pay_dates[1])
    assert claim_all(sold, parties.investor, parties.other) == [3 * K, 2 * K]
    assert currency.balanceOf(sold.bond) == 2 * COUPON


@pytest.fixture
def redeemable(sold, parties, report):
    pay_coupons(sold, parties, last=1)
    mature_report(sold, report, 300_000)
    sold.bond.fix(0, {"from": parties.stranger})
    pay_coupons(sold, parties, first=2)
    claim_all(sold, parties.investor, parties.other)
    sold.bond.fund(PRINCIPAL + 5, {"from": parties.issuer})
    return sold


@MOMENTS
def test_redeem_cannot_be_entered_twice(redeemable, currency, arm, parties, moment):
    arm(moment, redeemable.bond, "redeem")
    redeemable.bond.redeem({"from": parties.stranger})
    assert answer(currency) == error_text(redeemable.bond, "KpiBond_WrongState", Bond.REDEEMED)
    assert claim_all(redeemable, parties.investor, parties.other) == [60 * K, 40 * K]


def test_surplus_cannot_be_taken_before_the_principal_has_left(redeemable, currency, arm, parties):
    """In the middle of redeem, all of it still lies in the bond: the theft succeeds inside and sinks the
    whole."""
    arm(BEFORE, redeemable.bond, "returnSurplus")
    issuer_before = currency.balanceOf(parties.issuer)
    with pytest.raises(Exception, match="ERC20InsufficientBalance"):
        redeemable.bond.redeem({"from": parties.stranger})
    assert redeemable.bond.state() == Bond.ACTIVE
    assert currency.balanceOf(parties.issuer) == issuer_before
    currency.arm(NEVER, parties.stranger, b"", {"from": parties.stranger})
    redeemable.bond.redeem({"from": parties.stranger})
    assert claim_all(redeemable, parties.investor, parties.other) == [60 * K, 40 * K]


def test_surplus_after_the_principal_has_left_is_only_the_surplus(redeemable, currency, arm, parties):
    arm(AFTER, redeemable.bond, "returnSurplus")
    before = currency.balanceOf(parties.issuer)
    redeemable.bond.redeem({"from": parties.stranger})
    assert answer(currency) is None
    assert currency.balanceOf(parties.issuer) - before == 5
    assert claim_all(redeemable, parties.investor, parties.other) == [60 * K, 40 * K]


def test_recover_cannot_share_the_same_money_twice(sold, currency, arm, parties):
    """From inside, before the money left, it is shared again; the outer transfer then lacks it and all of
    it fails."""
    accelerated(sold, parties)
    sold.bond.fund(10 * K, {"from": parties.issuer})
    arm(BEFORE, sold.bond, "recover")
    with pytest.raises(Exception, match="ERC20InsufficientBalance"):
        sold.bond.recover({"from": parties.stranger})
    assert sold.token.claimable(parties.investor) == 0
    arm(AFTER, sold.bond, "recover")
    sold.bond.recover({"from": parties.stranger})
    assert answer(currency) == error_text(sold.bond, "KpiBond_NothingToRecover")
    assert claim_all(sold, parties.investor, parties.other) == [6 * K, 4 * K]


# ---------------------------------------------------------------- KpiOracle


@pytest.fixture
def challenged(base, plan_of, parties, currency, report):
    """A challenged report of a feed whose bonds are in the reentrant currency; a second feed in the honest
    one."""
    components = components_of(base.oracle, "createFeed")
    policy = plan_of().oracle_policy() | {"consumers": [parties.third.address], "periodEnds": [now() + DAY]}
    make = {"from": parties.deployer}
    feeds = [
        base.oracle.createFeed(tuple_of(components, policy | {"bondCurrency": c.address}), make).return_value
        for c in (currency, base.currency)
    ]
    base.currency.approve(base.oracle, 2**256 - 1, {"from": parties.issuer})
    base.oracle.fundRewards(feeds[1], 50 * K, {"from": parties.issuer})
    warp(now() + DAY + 1)
    feed = SimpleNamespace(feed=bytes(feeds[0]), honest=bytes(feeds[1]), oracle=base.oracle)
    report(feed, [100, 200, 300])
    for account in (parties.investor, parties.issuer):
        currency.approve(base.oracle, 2**256 - 1, {"from": account})
    disputes.challenge(feed, parties.investor)
    return feed


@MOMENTS
def test_withdraw_cannot_be_entered_twice(challenged, rule, currency, arm, parties, base, moment):
    base.oracle.fundRewards(challenged.feed, 50 * K, {"from": parties.issuer})
    rule(challenged, Verdict.VOID)
    arm(moment, base.oracle, "withdraw", currency, parties.investor)
    before = currency.balanceOf(parties.investor)
    base.oracle.withdraw(currency, parties.investor, {"from": parties.stranger})
    assert answer(currency) is None
    assert currency.balanceOf(parties.investor) - before == 15 * K  # bond and reward, once
    assert currency.balanceOf(base.oracle) == 45 * K == base.oracle.rewardPool(challenged.feed)


@MOMENTS
def test_a_deposit_inside_a_deposit_is_not_booked_twice(challenged, currency, arm, parties, base, moment):
    """The balance is compared before and after, so the inner deposit makes the outer one too large, and all
    of it fails."""
    currency.mint(currency, 10, {"from": parties.deployer})
    data = currency.approve.encode_input(base.oracle, 10)
    currency.arm(AFTER, currency, data, {"from": parties.stranger})
    currency.transfer(parties.other, 1, {"from": parties.issuer})  # it approves the oracle for itself
    arm(moment, base.oracle, "fundRewards", challenged.feed, 10)
    with pytest.raises(Exception, match="KpiOracle_UnsupportedCurrency"):
        base.oracle.fundRewards(challenged.feed, 100, {"from": parties.issuer})
    assert base.oracle.rewardPool(challenged.feed) == 0


def test_a_bad_currency_harms_only_its_own_feed(challenged, rule, currency, parties, base):
    """Money is booked by currency: a credit in a worthless one is no claim on another feed's pool."""
    rule(challenged, Verdict.VOID)
    assert base.oracle.creditOf(currency, parties.investor) == 10 * K
    base.oracle.withdraw(base.currency, parties.investor, {"from": parties.stranger})
    assert base.currency.balanceOf(base.oracle) == 50 * K == base.oracle.rewardPool(challenged.honest)

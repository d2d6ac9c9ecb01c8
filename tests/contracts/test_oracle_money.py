"""KpiOracle.tree: the silent panel, rewards, withdrawals, and odd currencies."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.checks import names, plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.disputes import BOND, REWARD, challenge, commit, credit, reveal, status
from tests.contracts.material import (
    DAY,
    MILLION,
    Status,
    Verdict,
)

# ---------------------------------------------------------------- silent panel


def test_silent_panel_lets_the_report_stand_and_returns_the_bond(challenged, base, parties):
    lapse = challenged.challenged_at + 21 * DAY
    next_at(lapse - 1)
    with refuses(challenged.oracle, "KpiOracle_NothingToSettle", challenged.feed, 0):
        challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    warp(lapse)
    assert status(challenged) == Status.FINAL  # by the clock, whoever calls or not
    value = challenged.oracle.consume(challenged.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (200, False)
    tx = challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    said(tx, "ChallengeSettled", feed=challenged.feed, period=0, challenger=parties.investor, credited=BOND)
    assert credit(challenged, base, parties.investor) == BOND
    with refuses(challenged.oracle, "KpiOracle_NothingToSettle", challenged.feed, 0):
        challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    assert credit(challenged, base, parties.investor) == BOND


@pytest.mark.parametrize("settled", [False, True])
def test_a_silent_panel_shields_no_error(challenged, report, base, parties, settled):
    """Nobody has used the report and the reporting window is open: it is restated as if nobody had challenged
    it. Until the bond is back, that says the challenger was right."""
    base.oracle.fundRewards(challenged.feed, 4 * REWARD, {"from": parties.issuer})
    warp(challenged.challenged_at + 21 * DAY)
    if settled:
        challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    assert status(challenged) == Status.FINAL
    report(challenged, [400, 410, 420], version=1)
    assert status(challenged) == Status.PENDING
    assert credit(challenged, base, parties.investor) == BOND + (0 if settled else REWARD)


def test_a_challenge_that_lapsed_is_no_longer_opened_or_ruled_on(challenged, rule, parties):
    commit(challenged, parties.other)
    warp(challenged.challenged_at + 21 * DAY)
    challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    commit(challenged, parties.other, salt=b"\1" * 32)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        reveal(challenged, parties.other, salt=b"\1" * 32)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        rule(challenged, Verdict.VOID)


# ---------------------------------------------------------------- what is left


def test_what_is_left_in_the_pool_goes_to_the_sponsor_at_the_end(feed, report, rule, base, parties):
    """The rewards nobody earned, and the bond of a dismissed challenge, once nothing can be disputed."""
    base.oracle.fundRewards(feed.feed, 7 * MILLION, {"from": parties.other})
    challenge(feed, parties.investor)
    rule(feed, Verdict.STANDS)
    over = feed.ends[1] + (45 + 14 + 14 + 21) * DAY
    next_at(over)
    with refuses(feed.oracle, "KpiOracle_StillOpen", over):
        base.oracle.releaseRewards(feed.feed, {"from": parties.issuer})
    next_at(over + 1)
    tx = base.oracle.releaseRewards(feed.feed, {"from": parties.stranger})
    said(tx, "RewardsReleased", feed=feed.feed, sponsor=parties.issuer, amount=BOND + 7 * MILLION)
    assert (base.oracle.rewardPool(feed.feed), credit(feed, base, parties.issuer)) == (0, BOND + 7 * MILLION)
    base.oracle.withdraw(base.currency, parties.issuer, {"from": parties.stranger})
    assert base.currency.balanceOf(base.oracle) == 0


def test_the_last_dispute_ends_before_the_pool_is_released(feed, report, rule, base, parties):
    """Everything as late as it can be: the last report, its challenge, the ruling."""
    last = feed.ends[1] + (45 + 14) * DAY
    warp(feed.ends[1] + 45 * DAY - 5)
    report(feed, [1, 2, 3], period=1)
    challenge(feed, parties.investor, period=1)
    warp(last - 5)
    report(feed, [4, 5, 6], period=1, version=1)
    warp(last + 14 * DAY - 30)
    challenge(feed, parties.investor, period=1, salt=b"\1" * 32)
    at = now()
    assert at < last + 14 * DAY
    next_at(at + 21 * DAY - 1)
    rule(feed, Verdict.CORRECTED, value=7, period=1, version=1)
    assert now() < last + (14 + 21) * DAY


# ---------------------------------------------------------------- money


def test_fund_rewards_raises_this_feeds_pool_only(feed, new_feed, base, parties):
    other = new_feed(decimals=3)
    tx = base.oracle.fundRewards(feed.feed, 5, {"from": parties.issuer})
    said(tx, "RewardsFunded", feed=feed.feed, **{"from": parties.issuer}, amount=5)
    assert (base.oracle.rewardPool(feed.feed), base.oracle.rewardPool(other.feed)) == (5, 0)
    unknown = keccak(text="no such feed")
    with refuses(base.oracle, "KpiOracle_UnknownFeed", unknown):
        base.oracle.fundRewards(unknown, 5, {"from": parties.issuer})


def test_withdraw_pays_the_account_once_whoever_calls(challenged, rule, base, parties):
    rule(challenged, Verdict.VOID)
    before = base.currency.balanceOf(parties.investor)
    tx = base.oracle.withdraw(base.currency, parties.investor, {"from": parties.stranger})
    said(tx, "CreditWithdrawn", currency=base.currency, account=parties.investor, amount=BOND)
    assert base.currency.balanceOf(parties.investor) - before == BOND
    assert base.currency.balanceOf(parties.stranger) == 0
    again = base.oracle.withdraw(base.currency, parties.investor, {"from": parties.investor})
    assert (again.return_value, names(again)) == (0, [])
    assert base.currency.balanceOf(base.oracle) == 0


def test_a_blocked_challenger_cannot_block_a_ruling(new_feed, report, rule, parties, base, BlockingCurrency):
    currency = BlockingCurrency.deploy(6, {"from": parties.deployer})
    feed = new_feed(bondCurrency=currency.address)
    warp(feed.ends[0] + 1)
    report(feed, [100, 200, 300])
    currency.mint(parties.investor, BOND, {"from": parties.deployer})
    currency.approve(feed.oracle, BOND, {"from": parties.investor})
    challenge(feed, parties.investor)
    currency.setBlocked(parties.investor, True, {"from": parties.deployer})
    rule(feed, Verdict.CORRECTED, value=5)
    assert status(feed) == Status.FINAL
    with refuses(currency, "BlockingCurrency_Blocked", parties.investor):
        base.oracle.withdraw(currency, parties.investor, {"from": parties.investor})
    currency.setBlocked(parties.investor, False, {"from": parties.deployer})
    base.oracle.withdraw(currency, parties.investor, {"from": parties.stranger})
    assert currency.balanceOf(parties.investor) == BOND


def test_a_currency_with_a_transfer_fee_is_refused(new_feed, report, parties, base, FeeCurrency):
    currency = FeeCurrency.deploy(6, {"from": parties.deployer})
    feed = new_feed(bondCurrency=currency.address)
    warp(feed.ends[0] + 1)
    report(feed, [100, 200, 300])
    currency.mint(parties.investor, 2 * BOND, {"from": parties.deployer})
    currency.approve(feed.oracle, 2 * BOND, {"from": parties.investor})
    received = BOND - BOND // 100
    with refuses(base.oracle, "KpiOracle_UnsupportedCurrency", currency, BOND, received):
        challenge(feed, parties.investor)
    assert status(feed) == Status.PENDING
    with refuses(base.oracle, "KpiOracle_UnsupportedCurrency", currency, 1_000, 990):
        base.oracle.fundRewards(feed.feed, 1_000, {"from": parties.investor})
    assert base.oracle.rewardPool(feed.feed) == 0


def test_feeds_share_a_balance_but_not_their_money(challenged, new_feed, rule, report, base, parties):
    """Credits of one feed never come out of another's pool: after all is paid, what is left is the other's
    pool."""
    other = new_feed(decimals=3)
    base.oracle.fundRewards(other.feed, 3 * MILLION, {"from": parties.issuer})
    rule(challenged, Verdict.CORRECTED, value=1)
    base.oracle.withdraw(base.currency, parties.investor, {"from": parties.stranger})
    assert base.currency.balanceOf(base.oracle) == 3 * MILLION == base.oracle.rewardPool(other.feed)

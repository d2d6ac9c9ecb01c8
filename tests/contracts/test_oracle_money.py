"""KpiOracle.tree: the silent panel, rewards, withdrawals, and odd currencies."""

from __future__ import annotations

from eth_utils import keccak

from tests.contracts.checks import names, plain, refuses, said
from tests.contracts.clock import next_at, warp
from tests.contracts.disputes import BOND, challenge, credit, status
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


def test_no_restatement_after_a_silent_panel(challenged, report, parties):
    """Before and after the bond went back; the reporting window is still open."""
    warp(challenged.challenged_at + 21 * DAY)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.CHALLENGED):
        report(challenged, [400, 410, 420], version=1)
    challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        report(challenged, [400, 410, 420], version=1)


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

"""KpiOracle.tree: challenge, ruling, silent panel, rewards, withdrawal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from build import (
    DAY,
    MILLION,
    PANEL,
    Status,
    Verdict,
    components_of,
    evidence,
    ruling,
    signer_of,
    tuple_of,
)
from checks import names, plain, refuses, said
from clock import next_at, now, warp
from eth_utils import keccak

BOND, REWARD = 10_000 * MILLION, 5_000 * MILLION
REASON = keccak(text="the gauge was blocked")


@pytest.fixture(scope="module")
def new_feed(base, plan_of, parties):
    def make(**changes):
        ends = [now() + DAY, now() + 100 * DAY]
        policy = plan_of().oracle_policy() | {"consumers": [parties.third.address], "periodEnds": ends}
        config = tuple_of(components_of(base.oracle, "createFeed"), policy | changes)
        created = base.oracle.createFeed(config, {"from": parties.deployer})
        return SimpleNamespace(feed=bytes(created.return_value), oracle=base.oracle, ends=ends)

    return make


@pytest.fixture(scope="module")
def feed(new_feed, report, base, parties):
    """A pending report of 200, and an investor whose approval the oracle has."""
    made = new_feed()
    warp(made.ends[0] + 3_600)
    made.final_at = report(made, [100, 200, 300]).timestamp + 14 * DAY
    for account in (parties.investor, parties.other, parties.issuer):
        base.currency.approve(made.oracle, 2**256 - 1, {"from": account})
    return made


def challenge(feed, who, version=0, period=0):
    return feed.oracle.challenge(feed.feed, period, version, REASON, {"from": who})


@pytest.fixture
def challenged(feed, parties):
    feed.challenged_at = challenge(feed, parties.investor).timestamp
    return feed


@pytest.fixture
def rule(parties, chain):
    """rule(feed, verdict, value=0, members=(0, 1)): the panel signs, a stranger brings it."""

    def make(feed, verdict, value=0, members=(0, 1), **changes):
        root, signatures = ruling(
            feed.feed, verdict, value, members, chain_id=chain.id, oracle=feed.oracle.address, **changes
        )
        period = changes.get("period", 0)
        return feed.oracle.rule(
            feed.feed, period, verdict, value, root, signatures, {"from": parties.stranger}
        )

    return make


def status(feed, period=0):
    return feed.oracle.statusOf(feed.feed, period)


def credit(feed, base, account):
    return feed.oracle.creditOf(base.currency, account)


# ---------------------------------------------------------------- challenge


def test_challenge_takes_the_bond_and_opens_the_ruling_window(feed, base, parties):
    before = base.currency.balanceOf(parties.investor)
    tx = challenge(feed, parties.investor)
    said(
        tx,
        "ReportChallenged",
        feed=feed.feed,
        period=0,
        version=0,
        challenger=parties.investor,
        evidence=REASON,
    )
    assert before - base.currency.balanceOf(parties.investor) == BOND
    assert feed.oracle.challengerOf(feed.feed, 0) == parties.investor
    assert plain(feed.oracle.reportOf(feed.feed, 0))[0] == Status.CHALLENGED
    assert plain(feed.oracle.reportOf(feed.feed, 0))[3] == tx.timestamp + 21 * DAY


def test_challenge_until_the_last_second(feed, parties):
    next_at(feed.final_at - 1)
    challenge(feed, parties.investor)


def test_challenge_too_late(feed, parties):
    next_at(feed.final_at)
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        challenge(feed, parties.investor)


def test_challenge_twice(challenged, parties):
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.CHALLENGED):
        challenge(challenged, parties.other)


def test_challenge_what_is_not_there(feed, parties):
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.NONE):
        challenge(feed, parties.investor, period=1)
    with refuses(feed.oracle, "KpiOracle_UnknownPeriod", feed.feed, 2):
        challenge(feed, parties.investor, period=2)
    warp(feed.ends[1] + 45 * DAY + 1)
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.MISSING):
        challenge(feed, parties.investor, period=1)


def test_challenge_of_a_version_just_restated(feed, report, parties):
    """A restatement that comes first must not catch the challenger out: it named the version it read."""
    with refuses(feed.oracle, "KpiOracle_WrongVersion", 1, 0):
        challenge(feed, parties.investor, version=1)
    report(feed, [400, 410, 420], version=1)
    with refuses(feed.oracle, "KpiOracle_WrongVersion", 0, 1):
        challenge(feed, parties.investor, version=0)
    challenge(feed, parties.investor, version=1)


def test_challenge_without_the_bond(feed, base, parties):
    with refuses(base.currency, "ERC20InsufficientAllowance", feed.oracle, 0, BOND):
        challenge(feed, parties.stranger)
    assert status(feed) == Status.PENDING


def test_no_restatement_of_a_challenged_report(challenged, report):
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.CHALLENGED):
        report(challenged, [400, 410, 420], version=1)


def test_a_challenged_report_cannot_be_used(challenged, parties):
    warp(challenged.challenged_at + 21 * DAY - 2)
    with refuses(challenged.oracle, "KpiOracle_NotFinal", challenged.feed, 0, Status.CHALLENGED):
        challenged.oracle.consume(challenged.feed, 0, {"from": parties.third})


# ---------------------------------------------------------------- rule


def test_stands_gives_the_bond_to_the_pool(challenged, rule, base, parties):
    tx = rule(challenged, Verdict.STANDS)
    said(
        tx,
        "ReportRuled",
        feed=challenged.feed,
        period=0,
        version=0,
        verdict=Verdict.STANDS,
        value=200,
        evidence=keccak(b"".join(evidence(text) for text in ("0 100", "1 200", "2 300"))),
    )
    said(
        tx, "ChallengeSettled", feed=challenged.feed, period=0, challenger=parties.investor, credited=0
    )
    assert status(challenged) == Status.FINAL
    assert challenged.oracle.rewardPool(challenged.feed) == BOND
    assert credit(challenged, base, parties.investor) == 0
    value = challenged.oracle.consume(challenged.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (200, False)


def test_corrected_replaces_the_value_and_rewards(challenged, rule, base, parties):
    base.oracle.fundRewards(challenged.feed, 7_000 * MILLION, {"from": parties.issuer})
    tx = rule(challenged, Verdict.CORRECTED, value=-50)
    said(
        tx,
        "ReportRuled",
        feed=challenged.feed,
        period=0,
        version=0,
        verdict=Verdict.CORRECTED,
        value=-50,
        evidence=evidence("panel"),
    )
    said(
        tx,
        "ChallengeSettled",
        feed=challenged.feed,
        period=0,
        challenger=parties.investor,
        credited=BOND + REWARD,
    )
    assert plain(challenged.oracle.reportOf(challenged.feed, 0)) == (
        Status.FINAL,
        -50,
        "0x" + evidence("panel").hex(),
        tx.timestamp,
        0,
        False,
    )
    assert challenged.oracle.rewardPool(challenged.feed) == 2_000 * MILLION
    assert credit(challenged, base, parties.investor) == BOND + REWARD
    assert challenged.oracle.challengerOf(challenged.feed, 0) == "0x" + "00" * 20


def test_void_makes_the_period_missing(challenged, rule, base, parties):
    base.oracle.fundRewards(challenged.feed, REWARD, {"from": parties.issuer})
    rule(challenged, Verdict.VOID)
    assert status(challenged) == Status.MISSING
    assert credit(challenged, base, parties.investor) == BOND + REWARD
    value = challenged.oracle.consume(challenged.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (0, True)


@pytest.mark.parametrize(("pool", "reward"), [(0, 0), (2_000 * MILLION, 2_000 * MILLION)])
def test_reward_is_what_the_pool_has(challenged, rule, base, parties, pool, reward):
    if pool:
        base.oracle.fundRewards(challenged.feed, pool, {"from": parties.issuer})
    rule(challenged, Verdict.CORRECTED, value=1)
    assert credit(challenged, base, parties.investor) == BOND + reward
    assert challenged.oracle.rewardPool(challenged.feed) == 0


def test_rule_refuses_what_is_not_challenged(feed, rule, parties):
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.PENDING):
        rule(feed, Verdict.STANDS)
    challenge(feed, parties.investor)
    rule(feed, Verdict.STANDS)
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        rule(feed, Verdict.CORRECTED, value=1)


def test_rule_until_the_last_second(challenged, rule):
    next_at(challenged.challenged_at + 21 * DAY - 1)
    rule(challenged, Verdict.CORRECTED, value=1)


def test_rule_too_late(challenged, rule):
    next_at(challenged.challenged_at + 21 * DAY)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        rule(challenged, Verdict.CORRECTED, value=1)


def test_rule_refuses_below_quorum(challenged, rule):
    for members in ((), (1,)):
        with refuses(challenged.oracle, "KpiOracle_BelowQuorum", len(members), 2):
            rule(challenged, Verdict.STANDS, members=members)


def test_rule_refuses_a_panellist_twice(challenged, rule):
    with refuses(challenged.oracle, "KpiOracle_DuplicateSigner", 1):
        rule(challenged, Verdict.STANDS, members=(1, 1))


def test_rule_refuses_an_unknown_panellist(challenged, parties, chain):
    root, signatures = ruling(
        challenged.feed,
        Verdict.STANDS,
        0,
        (0, 1),
        chain_id=chain.id,
        oracle=challenged.oracle.address,
    )
    with refuses(challenged.oracle, "KpiOracle_UnknownSigner", 3):
        challenged.oracle.rule(
            challenged.feed,
            0,
            Verdict.STANDS,
            0,
            root,
            [signatures[0], (3, *signatures[1][1:])],
            {"from": parties.stranger},
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 2},
        {"verdict": Verdict.VOID},
        {"version": 1},
        {"period": 1},
        {"feed": keccak(text="another")},
        {"chain_id": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_rule_refuses_a_signature_on_anything_else(challenged, parties, chain, wrong):
    signed = {
        "feed": challenged.feed,
        "verdict": Verdict.CORRECTED,
        "value": 1,
        "chain_id": chain.id,
        "oracle": challenged.oracle.address,
    } | wrong
    root, signatures = ruling(signed.pop("feed"), signed.pop("verdict"), signed.pop("value"), (0, 1), **signed)
    digest = challenged.oracle.rulingDigest(challenged.feed, 0, 0, Verdict.CORRECTED, 1, root)
    recovered = signer_of(bytes(digest), *signatures[0][1:])
    with refuses(challenged.oracle, "KpiOracle_BadSignature", 0, recovered):
        challenged.oracle.rule(
            challenged.feed, 0, Verdict.CORRECTED, 1, root, signatures, {"from": parties.stranger}
        )


def test_rule_digest_is_eip712_as_published(challenged, chain):
    root, signatures = ruling(
        challenged.feed, Verdict.VOID, 0, (2,), chain_id=chain.id, oracle=challenged.oracle.address
    )
    digest = challenged.oracle.rulingDigest(challenged.feed, 0, 0, Verdict.VOID, 0, root)
    assert signer_of(bytes(digest), *signatures[0][1:]) == PANEL[2].address


def test_a_node_cannot_rule(challenged, parties, chain):
    """Signed by a node at a panellist's place."""
    from build import NODES, sign

    message = {
        "feed": challenged.feed,
        "period": 0,
        "version": 0,
        "verdict": Verdict.STANDS,
        "value": 0,
        "evidence": evidence("panel"),
    }
    forged = [(i, *sign("Ruling", message, NODES[i], chain.id, challenged.oracle.address)) for i in (0, 1)]
    with refuses(challenged.oracle, "KpiOracle_BadSignature", 0, NODES[0].address):
        challenged.oracle.rule(
            challenged.feed, 0, 0, 0, evidence("panel"), forged, {"from": parties.stranger}
        )


def test_corrected_value_stays_within_the_bounds(challenged, rule):
    for value in (-MILLION - 1, MILLION + 1):
        with refuses(challenged.oracle, "KpiOracle_ValueOutOfBounds", value):
            rule(challenged, Verdict.CORRECTED, value=value)
    rule(challenged, Verdict.CORRECTED, value=MILLION)


@pytest.mark.parametrize(
    ("verdict", "after"),
    [(Verdict.STANDS, Status.FINAL), (Verdict.CORRECTED, Status.FINAL), (Verdict.VOID, Status.MISSING)],
)
def test_a_ruling_is_the_end(challenged, rule, report, parties, verdict, after):
    """No restatement, no second challenge, no second ruling."""
    rule(challenged, verdict)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", after):
        report(challenged, [400, 410, 420], version=1)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", after):
        challenge(challenged, parties.other)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", after):
        rule(challenged, Verdict.CORRECTED, value=1)
    with refuses(challenged.oracle, "KpiOracle_NothingToSettle", challenged.feed, 0):
        challenged.oracle.settleSilentPanel(challenged.feed, 0, {"from": parties.stranger})


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
    said(
        tx, "ChallengeSettled", feed=challenged.feed, period=0, challenger=parties.investor, credited=BOND
    )
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


def test_a_blocked_challenger_cannot_block_a_ruling(
    new_feed, report, rule, parties, base, BlockingCurrency
):
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
    """Credits of one feed never come out of another's pool: after all is paid, what is left is the other's pool."""
    other = new_feed(decimals=3)
    base.oracle.fundRewards(other.feed, 3 * MILLION, {"from": parties.issuer})
    rule(challenged, Verdict.CORRECTED, value=1)
    base.oracle.withdraw(base.currency, parties.investor, {"from": parties.stranger})
    assert base.currency.balanceOf(base.oracle) == 3 * MILLION == base.oracle.rewardPool(other.feed)

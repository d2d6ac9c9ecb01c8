"""KpiOracle.tree: challenge and ruling."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import next_at, warp
from tests.contracts.disputes import BOND, REASON, REWARD, challenge, credit, status
from tests.contracts.material import (
    DAY,
    MILLION,
    NODES,
    PANEL,
    Status,
    Verdict,
    evidence,
    ruling,
    sign,
    signer_of,
)

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
    said(tx, "ChallengeSettled", feed=challenged.feed, period=0, challenger=parties.investor, credited=0)
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
    root, signatures = ruling(
        signed.pop("feed"), signed.pop("verdict"), signed.pop("value"), (0, 1), **signed
    )
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

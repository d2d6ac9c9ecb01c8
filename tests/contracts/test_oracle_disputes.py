"""KpiOracle.tree: challenge and ruling."""

from __future__ import annotations

import pytest
from eth_utils import keccak

from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import next_at, warp
from tests.contracts.disputes import (
    BOND,
    REASON,
    REWARD,
    SALT,
    challenge,
    commit,
    commitment,
    credit,
    report_evidence,
    reveal,
    status,
    whose,
)
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
    next_at(feed.final_at - 60)
    commit(feed, parties.investor)
    next_at(feed.final_at - 1)
    reveal(feed, parties.investor)


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
    warp(feed.ends[1] + 59 * DAY + 1)
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.MISSING):
        challenge(feed, parties.investor, period=1)


def test_challenge_of_a_value_just_changed(feed, report, parties):
    """A restatement or a fuller report that comes first must not catch the challenger out: it named the value
    it read."""
    commit(feed, parties.investor)
    report(feed, [100, 200, 300, 90])  # the lower of the middle two is 100
    with refuses(feed.oracle, "KpiOracle_WrongValue", 200, 100):
        reveal(feed, parties.investor, value=200)
    commit(feed, parties.investor, value=100)
    report(feed, [400, 410, 420], version=1)
    with refuses(feed.oracle, "KpiOracle_WrongValue", 100, 410):
        reveal(feed, parties.investor, value=100)
    challenge(feed, parties.investor, value=410)


# ---------------------------------------------------------------- the first to commit


def test_challenge_needs_a_commitment_to_all_of_it(feed, base, parties):
    commit(feed, parties.investor)
    with refuses(feed.oracle, "KpiOracle_WrongValue", 201, 200):
        reveal(feed, parties.investor, value=201)
    for salt, root in ((b"\1" * 32, REASON), (SALT, evidence("other"))):
        unknown = commitment(feed, parties.investor, 200, evidence=root, salt=salt)
        with refuses(feed.oracle, "KpiOracle_NotCommitted", unknown):
            feed.oracle.challenge(feed.feed, 0, 200, root, salt, {"from": parties.investor})
    unknown = commitment(feed, parties.other, 200)
    with refuses(feed.oracle, "KpiOracle_NotCommitted", unknown):
        reveal(feed, parties.other)  # another's words


def test_a_commitment_holds_for_an_hour(feed, parties):
    at = commit(feed, parties.investor).timestamp
    unknown = commitment(feed, parties.investor, 200)
    next_at(at + 3_601)
    with refuses(feed.oracle, "KpiOracle_NotCommitted", unknown):
        reveal(feed, parties.investor)
    commit(feed, parties.investor)  # the same words again are no later commitment
    with refuses(feed.oracle, "KpiOracle_NotCommitted", unknown):
        reveal(feed, parties.investor)
    at = commit(feed, parties.investor, salt=b"\2" * 32).timestamp
    next_at(at + 3_600)
    reveal(feed, parties.investor, salt=b"\2" * 32)


def test_who_copies_a_challenge_gets_its_bond_back_and_no_more(feed, rule, base, parties):
    """The copier sees the citizen's challenge before it is in a block, and is first with it; but the citizen
    has committed before anybody could copy."""
    base.oracle.fundRewards(feed.feed, 4 * REWARD, {"from": parties.issuer})
    commit(feed, parties.investor)
    challenge(feed, parties.other)  # the copier commits and challenges at once
    assert feed.oracle.challengerOf(feed.feed, 0) == parties.other
    until = plain(feed.oracle.reportOf(feed.feed, 0))[3]
    tx = reveal(feed, parties.investor)
    said(tx, "ChallengeSettled", feed=feed.feed, period=0, challenger=parties.other, credited=BOND)
    assert feed.oracle.challengerOf(feed.feed, 0) == parties.investor
    assert plain(feed.oracle.reportOf(feed.feed, 0))[3] == until  # no time is won by it
    rule(feed, Verdict.CORRECTED, value=-50)
    assert (credit(feed, base, parties.investor), credit(feed, base, parties.other)) == (BOND + REWARD, BOND)


def test_who_commits_later_cannot_take_a_challenge(challenged, parties):
    commit(challenged, parties.other)
    with refuses(challenged.oracle, "KpiOracle_WrongStatus", Status.CHALLENGED):
        reveal(challenged, parties.other)


def test_challenge_without_the_bond(feed, base, parties):
    with refuses(base.currency, "ERC20InsufficientAllowance", feed.oracle, 0, BOND):
        challenge(feed, parties.stranger)
    assert status(feed) == Status.PENDING


def test_a_challenged_report_cannot_be_used(challenged, parties):
    warp(challenged.challenged_at + 21 * DAY - 2)
    with refuses(challenged.oracle, "KpiOracle_NotFinal", challenged.feed, 0, Status.CHALLENGED):
        challenged.oracle.consume(challenged.feed, 0, {"from": parties.third})


# ---------------------------------------------------------------- restated while challenged


def test_a_challenged_report_is_restated_and_the_challenger_was_right(challenged, report, base, parties):
    """Whoever gains from an honest error cannot keep the nodes from correcting it by challenging it."""
    base.oracle.fundRewards(challenged.feed, 4 * REWARD, {"from": parties.issuer})
    tx = report(challenged, [400, 410, 420], version=1)
    said(
        tx,
        "ChallengeSettled",
        feed=challenged.feed,
        period=0,
        challenger=parties.investor,
        credited=BOND + REWARD,
    )
    assert plain(challenged.oracle.reportOf(challenged.feed, 0))[:4] == (
        Status.PENDING,
        410,
        "0x" + keccak(b"".join(evidence(text) for text in ("0 400", "1 410", "2 420"))).hex(),
        tx.timestamp + 14 * DAY,
    )
    assert credit(challenged, base, parties.investor) == BOND + REWARD
    challenge(challenged, parties.other, value=410)  # a new report, a new dispute


def test_a_challenge_is_not_shaken_off_by_the_same_value(challenged, report):
    with refuses(challenged.oracle, "KpiOracle_SameValue", 200):
        report(challenged, [190, 200, 210], version=1)


def test_after_the_reporting_window_only_what_is_challenged_is_restated(feed, report, parties):
    deadline = feed.ends[0] + 45 * DAY
    next_at(deadline)
    report(feed, [400, 410, 420], version=1)
    warp(deadline + 1)
    with refuses(feed.oracle, "KpiOracle_DeadlinePassed", deadline):
        report(feed, [430, 440, 450], version=2)
    challenge(feed, parties.investor)
    next_at(deadline + 14 * DAY)
    report(feed, [430, 440, 450], version=2)
    challenge(feed, parties.investor, salt=b"\1" * 32)
    warp(deadline + 14 * DAY + 1)
    with refuses(feed.oracle, "KpiOracle_DeadlinePassed", deadline + 14 * DAY):
        report(feed, [400, 410, 420], version=3)


def test_a_fuller_report_that_moves_a_challenged_value_gives_the_bond_back(feed, report, base, parties):
    """No node has corrected itself: a relay that leaves a node out, and challenges what comes of it, gets no
    reward."""
    base.oracle.fundRewards(feed.feed, 4 * REWARD, {"from": parties.issuer})
    challenge(feed, parties.investor)
    tx = report(feed, [100, 200, 300, 90])
    said(tx, "ChallengeSettled", feed=feed.feed, period=0, challenger=parties.investor, credited=BOND)
    held = plain(feed.oracle.reportOf(feed.feed, 0))
    assert (held[0], held[1], held[3]) == (Status.PENDING, 100, tx.timestamp + 14 * DAY)


def test_a_fuller_report_of_the_challenged_value_leaves_it_challenged(challenged, report, rule):
    report(challenged, [100, 200, 300, 400])
    held = plain(challenged.oracle.reportOf(challenged.feed, 0))
    assert (held[0], held[1], held[3]) == (Status.CHALLENGED, 200, challenged.challenged_at + 21 * DAY)
    rule(challenged, Verdict.STANDS)


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
    base.oracle.fundRewards(challenged.feed, 17_000 * MILLION, {"from": parties.issuer})
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
    assert challenged.oracle.rewardPool(challenged.feed) == 12_000 * MILLION
    assert credit(challenged, base, parties.investor) == BOND + REWARD
    assert challenged.oracle.challengerOf(challenged.feed, 0) == "0x" + "00" * 20


def test_void_makes_the_period_missing(challenged, rule, base, parties):
    base.oracle.fundRewards(challenged.feed, 2 * REWARD, {"from": parties.issuer})
    rule(challenged, Verdict.VOID)
    assert status(challenged) == Status.MISSING
    assert credit(challenged, base, parties.investor) == BOND + REWARD
    value = challenged.oracle.consume(challenged.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (0, True)


@pytest.mark.parametrize(
    ("pool", "reward"), [(0, 0), (2_000, 1_000), (10_000, 5_000), (90_000, 5_000)], ids=lambda n: str(n)
)
def test_reward_is_at_most_the_periods_share_of_the_pool(challenged, rule, base, parties, pool, reward):
    """The first of two periods: half of the pool is for the second."""
    if pool:
        base.oracle.fundRewards(challenged.feed, pool * MILLION, {"from": parties.issuer})
    rule(challenged, Verdict.CORRECTED, value=1)
    assert credit(challenged, base, parties.investor) == BOND + reward * MILLION
    assert challenged.oracle.rewardPool(challenged.feed) == (pool - reward) * MILLION


def test_a_period_pays_one_reward(challenged, report, rule, base, parties):
    """So a quorum that lies and challenges itself again and again takes no more than that."""
    base.oracle.fundRewards(challenged.feed, 90_000 * MILLION, {"from": parties.issuer})
    for version in range(1, 4):
        report(challenged, [1_000 * version] * 3, version=version)
        challenge(challenged, parties.investor, salt=bytes([version]) * 32)
    rule(challenged, Verdict.CORRECTED, value=5, version=3)
    assert credit(challenged, base, parties.investor) == 4 * BOND + REWARD
    assert challenged.oracle.rewardPool(challenged.feed) == 85_000 * MILLION


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
        report=report_evidence(challenged),
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
        {"report": b"\0" * 32},
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
        "report": report_evidence(challenged),
    } | wrong
    root, signatures = ruling(
        signed.pop("feed"), signed.pop("verdict"), signed.pop("value"), (0, 1), **signed
    )
    report = report_evidence(challenged)
    digest = challenged.oracle.rulingDigest(challenged.feed, 0, 0, report, Verdict.CORRECTED, 1, root)
    recovered = signer_of(bytes(digest), *signatures[0][1:])
    with refuses(challenged.oracle, "KpiOracle_BadSignature", 0, recovered):
        challenged.oracle.rule(
            challenged.feed, 0, Verdict.CORRECTED, 1, root, signatures, {"from": parties.stranger}
        )


@pytest.mark.parametrize("verdict", [Verdict.STANDS, Verdict.VOID])
def test_a_ruling_decides_no_fuller_report_of_another_value(challenged, report, rule, base, parties, verdict):
    """The panel looked at 200. Its signatures wait to be mined while the report is completed, which moves the
    value to 100, and that is challenged: they neither make 100 final nor void it."""
    signed = rule.sign(challenged, verdict)
    report(challenged, [100, 200, 300, 90])
    challenge(challenged, parties.other, value=100)
    with refuses(challenged.oracle, "KpiOracle_BadSignature", 0, whose(challenged, verdict, signed)):
        rule(challenged, verdict, signed=signed)
    assert status(challenged) == Status.CHALLENGED
    assert (credit(challenged, base, parties.other), challenged.oracle.rewardPool(challenged.feed)) == (0, 0)
    rule(challenged, verdict)


def test_a_ruling_decides_no_fuller_report_of_the_same_value(challenged, report, rule):
    """More evidence may mean another ruling: the panel has a look at what came."""
    signed = rule.sign(challenged, Verdict.VOID)
    report(challenged, [100, 200, 300, 400])
    with refuses(challenged.oracle, "KpiOracle_BadSignature", 0, whose(challenged, Verdict.VOID, signed)):
        rule(challenged, Verdict.VOID, signed=signed)
    rule(challenged, Verdict.STANDS)


def test_rule_digest_is_eip712_as_published(challenged, chain):
    report, at = evidence("a report"), challenged.oracle.address
    root, signatures = ruling(
        challenged.feed, Verdict.VOID, 0, (2,), chain_id=chain.id, oracle=at, report=report
    )
    digest = challenged.oracle.rulingDigest(challenged.feed, 0, 0, report, Verdict.VOID, 0, root)
    assert signer_of(bytes(digest), *signatures[0][1:]) == PANEL[2].address


def test_a_node_cannot_rule(challenged, parties, chain):
    """Signed by a node at a panellist's place."""
    message = {
        "feed": challenged.feed,
        "period": 0,
        "version": 0,
        "report": report_evidence(challenged),
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

"""KpiOracle.tree: a period that nobody reported, and the panel that is asked for it."""

from __future__ import annotations

import pytest

from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.disputes import (
    BOND,
    REASON,
    REWARD,
    SALT,
    challenge,
    commitment,
    credit,
    petition,
    status,
    whose,
)
from tests.contracts.material import DAY, Status, Verdict, evidence

NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def silent(new_feed, base, parties):
    """A period whose nodes, or two of the four, kept silent; its reporting window is over."""
    made = new_feed()
    made.deadline = made.ends[0] + 45 * DAY
    warp(made.deadline + 1)
    for account in (parties.investor, parties.other, parties.issuer):
        base.currency.approve(made.oracle, 2**256 - 1, {"from": account})
    base.oracle.fundRewards(made.feed, 4 * REWARD, {"from": parties.issuer})
    return made


@pytest.fixture
def petitioned(silent, parties):
    silent.petitioned_at = petition(silent, parties.investor).timestamp
    return silent


def test_petition_takes_the_bond_and_opens_the_ruling_window(silent, base, parties):
    before = base.currency.balanceOf(parties.investor)
    tx = petition(silent, parties.investor)
    said(tx, "PeriodPetitioned", feed=silent.feed, period=0, petitioner=parties.investor, evidence=REASON)
    assert before - base.currency.balanceOf(parties.investor) == BOND
    assert silent.oracle.challengerOf(silent.feed, 0) == parties.investor
    held = plain(silent.oracle.reportOf(silent.feed, 0))
    assert (held[0], held[3]) == (Status.CHALLENGED, tx.timestamp + 21 * DAY)


def test_petition_only_in_the_late_window(new_feed, base, parties):
    feed = new_feed(decimals=4)
    base.currency.approve(feed.oracle, 2**256 - 1, {"from": parties.investor})
    deadline = feed.ends[0] + 45 * DAY
    warp(deadline - 10)
    for at in (deadline - 5, deadline):
        next_at(at)
        with refuses(feed.oracle, "KpiOracle_StillOpen", deadline):
            petition_at_once(feed, parties.investor)
    warp(deadline + 14 * DAY - 10)
    commit_to(feed, parties.investor)
    next_at(deadline + 14 * DAY + 1)
    with refuses(feed.oracle, "KpiOracle_WrongStatus", Status.MISSING):
        petition_at_once(feed, parties.investor)


def commit_to(feed, who):
    feed.oracle.commitChallenge(commitment(feed, who, None), {"from": who})


def petition_at_once(feed, who):
    return feed.oracle.petition(feed.feed, 0, REASON, SALT, {"from": who})


def test_petition_needs_a_commitment_and_a_period_without_a_report(silent, new_feed, report, parties):
    unknown = commitment(silent, parties.investor, None)
    with refuses(silent.oracle, "KpiOracle_NotCommitted", unknown):
        petition_at_once(silent, parties.investor)
    with refuses(silent.oracle, "KpiOracle_WrongStatus", Status.NONE):
        silent.oracle.challenge(silent.feed, 0, 0, REASON, SALT, {"from": parties.investor})
    warp(silent.ends[1])
    report(silent, [1, 2, 3], period=1)
    with refuses(silent.oracle, "KpiOracle_WrongStatus", Status.PENDING):
        silent.oracle.petition(silent.feed, 1, REASON, SALT, {"from": parties.investor})


def test_the_first_to_commit_is_the_petitioner(silent, base, parties):
    commit_to(silent, parties.investor)
    petition(silent, parties.other)
    petition_at_once(silent, parties.investor)
    assert silent.oracle.challengerOf(silent.feed, 0) == parties.investor
    assert credit(silent, base, parties.other) == BOND


def test_the_panel_sets_the_value_by_evidence(petitioned, rule, base, parties):
    """Two silent nodes of four do not win. The petitioner gets its bond back and no reward: else it would pay
    to keep nodes silent."""
    tx = rule(petitioned, Verdict.CORRECTED, value=123)
    said(
        tx,
        "ReportRuled",
        feed=petitioned.feed,
        period=0,
        version=0,
        verdict=Verdict.CORRECTED,
        value=123,
        evidence=evidence("panel"),
    )
    assert status(petitioned) == Status.FINAL
    assert credit(petitioned, base, parties.investor) == BOND
    assert petitioned.oracle.rewardPool(petitioned.feed) == 4 * REWARD
    value = petitioned.oracle.consume(petitioned.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (123, False)


@pytest.mark.parametrize(
    ("verdict", "back", "pool"),
    [(Verdict.VOID, BOND, 4 * REWARD), (Verdict.STANDS, 0, 4 * REWARD + BOND)],
    ids=["no value can be had", "no reason to ask"],
)
def test_the_panel_finds_none(petitioned, rule, base, parties, verdict, back, pool):
    rule(petitioned, verdict)
    assert status(petitioned) == Status.MISSING
    assert credit(petitioned, base, parties.investor) == back
    assert petitioned.oracle.rewardPool(petitioned.feed) == pool
    value = petitioned.oracle.consume(petitioned.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (0, True)


def test_a_panel_that_stays_silent_too_leaves_it_missing(petitioned, base, parties):
    """Two panellists of three win nothing by it that they would not have without the petition."""
    next_at(petitioned.petitioned_at + 21 * DAY - 1)
    with refuses(petitioned.oracle, "KpiOracle_NotFinal", petitioned.feed, 0, Status.CHALLENGED):
        petitioned.oracle.consume(petitioned.feed, 0, {"from": parties.third})
    warp(petitioned.petitioned_at + 21 * DAY)
    assert status(petitioned) == Status.MISSING
    petitioned.oracle.settleSilentPanel(petitioned.feed, 0, {"from": parties.stranger})
    assert status(petitioned) == Status.MISSING
    assert credit(petitioned, base, parties.investor) == BOND
    value = petitioned.oracle.consume(petitioned.feed, 0, {"from": parties.third}).return_value
    assert plain(value) == (0, True)


def test_nodes_that_were_silent_answer_a_petition(petitioned, report, base, parties):
    """Any version; with its own dispute window, within the late window. Nobody is paid for it."""
    tx = report(petitioned, [100, 200, 300], version=3)
    held = plain(petitioned.oracle.reportOf(petitioned.feed, 0))
    assert (held[0], held[1], held[3]) == (Status.PENDING, 200, tx.timestamp + 14 * DAY)
    assert credit(petitioned, base, parties.investor) == BOND
    assert petitioned.oracle.rewardPool(petitioned.feed) == 4 * REWARD


@pytest.mark.parametrize("verdict", [Verdict.VOID, Verdict.STANDS])
def test_a_ruling_on_a_petition_decides_no_report(petitioned, report, rule, parties, verdict):
    """Petition and answer are both of version 0. What the panel signs where there is no report, that none can
    be had, is not on the report which then comes."""
    signed = rule.sign(petitioned, verdict)
    report(petitioned, [100, 200, 300])
    challenge(petitioned, parties.other)
    with refuses(petitioned.oracle, "KpiOracle_BadSignature", 0, whose(petitioned, verdict, signed)):
        rule(petitioned, verdict, signed=signed)
    assert status(petitioned) == Status.CHALLENGED
    rule(petitioned, verdict)


def test_nodes_answer_no_later_than_the_late_window(petitioned, report):
    last = petitioned.deadline + 14 * DAY
    next_at(last + 1)
    with refuses(petitioned.oracle, "KpiOracle_DeadlinePassed", last):
        report(petitioned, [100, 200, 300])


def test_nodes_do_not_report_late_unasked(silent, report):
    with refuses(silent.oracle, "KpiOracle_DeadlinePassed", silent.deadline):
        report(silent, [100, 200, 300])


def test_nothing_comes_after_a_ruling_on_a_petition(petitioned, rule, report, parties):
    rule(petitioned, Verdict.CORRECTED, value=123)
    with refuses(petitioned.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        report(petitioned, [100, 200, 300])
    with refuses(petitioned.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        rule(petitioned, Verdict.VOID)
    with refuses(petitioned.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        petition(petitioned, parties.other)
    assert petitioned.oracle.challengerOf(petitioned.feed, 0) == NOBODY
    assert now() < petitioned.deadline + 14 * DAY

"""KpiOracle.tree: submit, status, restatement, consume."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from eth_utils import keccak

from tests.contracts.checks import ZERO, names, plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.material import DAY, MILLION, NODES, Status, evidence, named_keys, signer_of

NOTHING = b"\0" * 32
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1


@pytest.fixture(scope="module")
def feed(new_feed):
    """Two periods, ending in 1 and 100 days; 45 days to report, 14 to dispute; the third party consumes."""
    return new_feed()


@pytest.fixture(scope="module")
def ended(feed):
    """The first period has ended an hour ago."""
    warp(feed.ends[0] + 3_600)
    return feed


@pytest.fixture
def submit(ended, parties):
    return lambda observations, period=0, version=0: ended.oracle.submit(
        ended.feed, period, version, observations, {"from": parties.relay}
    )


def status(feed, period=0):
    return feed.oracle.statusOf(feed.feed, period)


def consume(feed, parties, period=0):
    return feed.oracle.consume(feed.feed, period, {"from": parties.third})


# ---------------------------------------------------------------- submit


def test_report_is_the_median_and_pending(ended, report):
    tx = report(ended, [300, 100, 200], nodes=(0, 1, 2))  # sorted before it is sent: nodes 1, 2, 0
    roots = [evidence(text) for text in ("1 100", "2 200", "0 300")]
    said(
        tx,
        "ReportSubmitted",
        feed=ended.feed,
        period=0,
        version=0,
        value=200,
        evidence=keccak(b"".join(roots)),
        finalAt=tx.timestamp + 14 * DAY,
        signers=0x01_03_02,
        supersedes=NOTHING,
    )
    assert plain(ended.oracle.reportOf(ended.feed, 0)) == (
        Status.PENDING,
        200,
        "0x" + keccak(b"".join(roots)).hex(),
        tx.timestamp + 14 * DAY,
        0,
        False,
    )


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([100, 100, 100], 100),
        ([100, 200, 300, 400], 200),  # lower middle: a value somebody signed
        ([-300, -200, 100], -200),
        ([-1, 0, 0, 1], 0),
    ],
)
def test_median(ended, report, values, median):
    assert report(ended, values).events["ReportSubmitted"]["value"] == median


def test_any_quorum_of_the_nodes_will_do(ended, report):
    tx = report(ended, [100, 200, 300], nodes=(3, 1, 0))
    assert tx.events["ReportSubmitted"]["signers"] == 0x01_02_04


def test_anyone_may_relay(ended, report, parties):
    ended.oracle.submit(ended.feed, 0, 0, report.sign(ended, [1, 2, 3]), {"from": parties.stranger})
    assert status(ended) == Status.PENDING


def test_digest_is_eip712_as_published(ended, report, chain):
    """The contract's digest recovers to the node that eth_account signed with."""
    value, at, node, root, r, vs = report.sign(ended, [100])[0]
    digest = ended.oracle.observationDigest(ended.feed, 0, 0, value, at, root)
    assert signer_of(bytes(digest), r, vs) == NODES[node].address


def test_submit_refuses_unknown_feed_and_period(ended, report, submit, base, parties):
    unknown = keccak(text="no such feed")
    with refuses(base.oracle, "KpiOracle_UnknownFeed", unknown):
        base.oracle.submit(unknown, 0, 0, report.sign(ended, [1, 2, 3]), {"from": parties.relay})
    with refuses(base.oracle, "KpiOracle_UnknownPeriod", ended.feed, 2):
        submit(report.sign(ended, [1, 2, 3], period=2), period=2)


def test_submit_refuses_before_the_period_ends(ended, report):
    """Also when every node says so: nobody can know a period that still runs."""
    with refuses(ended.oracle, "KpiOracle_PeriodNotEnded", ended.ends[1]):
        report(ended, [1, 2, 3], period=1)


def test_submit_from_the_first_second_to_the_last(ended, report):
    deadline = ended.ends[0] + 45 * DAY
    next_at(deadline)
    report(ended, [1, 2, 3])
    next_at(ended.ends[1])
    report(ended, [1, 2, 3], period=1, at=ended.ends[1])


def test_submit_refuses_after_the_reporting_window(ended, report):
    deadline = ended.ends[0] + 45 * DAY
    next_at(deadline + 1)
    with refuses(ended.oracle, "KpiOracle_DeadlinePassed", deadline):
        report(ended, [1, 2, 3])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_submit_refuses_below_quorum(ended, report, count):
    with refuses(ended.oracle, "KpiOracle_BelowQuorum", count, 3):
        report(ended, [100] * count)


def test_submit_refuses_a_signer_twice(ended, report, submit):
    first, second = report.sign(ended, [100, 100], nodes=(0, 1))
    again = report.sign(ended, [200], nodes=(0,))
    with refuses(ended.oracle, "KpiOracle_DuplicateSigner", 0):
        submit([first, second, *again])
    with refuses(ended.oracle, "KpiOracle_DuplicateSigner", 0):
        submit([first, first, second])


def test_submit_refuses_a_signer_outside_the_feed(ended, report, submit):
    (outsider,) = named_keys("outsider", 1)
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    for index in (4, 31, 255):
        with refuses(ended.oracle, "KpiOracle_UnknownSigner", index):
            submit([*good, *report.sign(ended, [100], nodes=(index,), key=outsider)])


def test_submit_refuses_stale_and_future_observations(ended, report, submit):
    early = ended.ends[0] - 1
    with refuses(ended.oracle, "KpiOracle_StaleObservation", early):
        report(ended, [100, 100, 100], at=early)
    future = now() + 100
    next_at(future - 1)
    with refuses(ended.oracle, "KpiOracle_StaleObservation", future):
        report(ended, [100, 100, 100], at=future)
    report(ended, [100, 100, 100], at=ended.ends[0])


@pytest.mark.parametrize(
    "signed",
    [
        {"feed": keccak(text="another feed")},
        {"period": 1},
        {"version": 1},
        {"value": 101},
        {"observedAt": 1},
        {"evidence": keccak(text="other evidence")},
    ],
    ids=lambda signed: next(iter(signed)),
)
def test_submit_refuses_a_signature_for_anything_else(ended, report, submit, signed):
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    bad = report.sign(ended, [100], nodes=(2,), signed=signed)[0]
    value, at, _, root, r, vs = bad
    digest = ended.oracle.observationDigest(ended.feed, 0, 0, value, at, root)
    with refuses(ended.oracle, "KpiOracle_BadSignature", 2, signer_of(bytes(digest), r, vs)):
        submit([*good, bad])


def test_submit_refuses_replays_from_another_chain_and_contract(
    ended, report, submit, chain, parties, KpiOracle
):
    other_oracle = KpiOracle.deploy({"from": parties.deployer})
    elsewhere = SimpleNamespace(feed=ended.feed, oracle=other_oracle)
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    from tests.contracts.material import observation

    at = now()
    other_chain = observation(ended.feed, 100, 2, at=at, chain_id=chain.id + 1, oracle=ended.oracle.address)
    for bad in (report.sign(elsewhere, [100], nodes=(2,), at=at)[0], other_chain):
        digest = ended.oracle.observationDigest(ended.feed, 0, 0, 100, at, bad[3])
        with refuses(ended.oracle, "KpiOracle_BadSignature", 2, signer_of(bytes(digest), bad[4], bad[5])):
            submit([*good, bad])


def test_submit_refuses_another_nodes_signature(ended, report, submit):
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    bad = report.sign(ended, [100], nodes=(2,), key=NODES[3])
    with refuses(ended.oracle, "KpiOracle_BadSignature", 2, NODES[3].address):
        submit([*good, *bad])


def test_submit_refuses_malformed_signatures(ended, report, submit):
    """Nobody recovers from them: the address in the error is zero."""
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    value, at, node, root, r, vs = report.sign(ended, [100], nodes=(2,))[0]
    high_s = (ORDER // 2 + 1).to_bytes(32, "big")
    for wrong in ((NOTHING, vs), (r, NOTHING), (r, high_s), (b"\xff" * 32, vs)):
        with refuses(ended.oracle, "KpiOracle_BadSignature", 2, ZERO):
            submit([*good, (value, at, node, root, *wrong)])


def test_submit_refuses_the_mirrored_signature(ended, report, submit):
    """(r, n - s) with the other parity signs the same in plain ECDSA; the compact form cannot even express
    most."""
    good = report.sign(ended, [100, 100], nodes=(0, 1))
    value, at, node, root, r, vs = report.sign(ended, [100], nodes=(2,))[0]
    word = int.from_bytes(vs, "big")
    s, parity = word & (2**255 - 1), word >> 255
    mirrored = ((ORDER - s) & (2**255 - 1) | (1 - parity) << 255).to_bytes(32, "big")
    with pytest.raises(Exception, match="KpiOracle_BadSignature: 2"):
        submit([*good, (value, at, node, root, r, mirrored)])


def test_submit_refuses_values_that_do_not_ascend(ended, report, submit):
    observations = report.sign(ended, [100, 200, 300])
    with refuses(ended.oracle, "Median_NotAscending", 1):
        submit([observations[1], observations[0], observations[2]])
    with refuses(ended.oracle, "Median_NotAscending", 2):
        submit([observations[0], observations[2], observations[1]])


def test_submit_refuses_values_out_of_bounds_and_accepts_the_bounds(ended, report):
    with refuses(ended.oracle, "KpiOracle_ValueOutOfBounds", -MILLION - 1):
        report(ended, [-MILLION - 1, -MILLION, -MILLION])
    with refuses(ended.oracle, "KpiOracle_ValueOutOfBounds", MILLION + 1):
        report(ended, [MILLION, MILLION, MILLION + 1])
    report(ended, [MILLION] * 3)
    report(ended, [-MILLION] * 3, version=1)


def test_submit_refuses_values_too_far_apart(ended, report):
    with refuses(ended.oracle, "KpiOracle_SpreadTooWide", 250_001, 250_000):
        report(ended, [-1, 0, 250_000])
    report(ended, [0, 0, 250_000])


# ---------------------------------------------------------------- status by the clock


def test_period_end_of(ended):
    assert [ended.oracle.periodEndOf(ended.feed, period) for period in (0, 1)] == ended.ends


def test_status_of_an_unreported_period(ended):
    assert status(ended, 1) == Status.NONE
    missing_at = ended.ends[1] + 59 * DAY + 1  # reporting and late window
    warp(missing_at - 1)
    assert status(ended, 1) == Status.NONE
    assert plain(ended.oracle.reportOf(ended.feed, 1))[3] == missing_at
    warp(missing_at)
    assert status(ended, 1) == Status.MISSING
    assert plain(ended.oracle.reportOf(ended.feed, 1))[0] == Status.MISSING


def test_status_of_a_report(ended, report):
    final_at = report(ended, [1, 2, 3]).timestamp + 14 * DAY
    warp(final_at - 1)
    assert status(ended) == Status.PENDING
    warp(final_at)
    assert status(ended) == Status.FINAL


def test_a_report_in_the_last_second_keeps_its_dispute_window(ended, report):
    deadline = ended.ends[0] + 45 * DAY
    next_at(deadline)
    report(ended, [1, 2, 3])
    warp(deadline + 14 * DAY - 1)
    assert status(ended) == Status.PENDING


@pytest.mark.parametrize("view", ["statusOf", "reportOf", "periodEndOf", "consume"])
def test_views_refuse_unknown_feed_and_period(ended, parties, view):
    call = getattr(ended.oracle, view)
    by = [{"from": parties.third}] if view == "consume" else []
    unknown = keccak(text="no such feed")
    with refuses(ended.oracle, "KpiOracle_UnknownFeed", unknown):
        call(unknown, 0, *by)
    with refuses(ended.oracle, "KpiOracle_UnknownPeriod", ended.feed, 2):
        call(ended.feed, 2, *by)


# ---------------------------------------------------------------- restatement


def test_restatement_supersedes_with_a_link(ended, report):
    first = report(ended, [100, 200, 300])
    superseded = first.events["ReportSubmitted"]["evidence"]
    warp(now() + 3 * DAY)
    tx = report(ended, [400, 410, 420], version=1)
    event = tx.events["ReportSubmitted"]
    assert (event["version"], event["value"]) == (1, 410)
    assert str(event["supersedes"]) == str(superseded)
    assert event["finalAt"] == tx.timestamp + 14 * DAY  # its own dispute window
    assert plain(ended.oracle.reportOf(ended.feed, 0))[4] == 1


def test_restatement_of_a_final_report_nobody_used(ended, report):
    report(ended, [100, 200, 300])
    warp(now() + 14 * DAY)
    assert status(ended) == Status.FINAL
    report(ended, [400, 410, 420], version=1)
    assert status(ended) == Status.PENDING


def test_restatement_needs_new_signatures(ended, report, submit):
    observations = report.sign(ended, [100, 200, 300])
    submit(observations)
    with pytest.raises(Exception, match="KpiOracle_BadSignature: 0"):
        submit(observations, version=1)


def test_a_restatement_may_skip_versions(ended, report):
    """So whoever has nodes sign version after version ahead of the chain cannot keep them from restating."""
    assert report(ended, [100, 200, 300], version=7).events["ReportSubmitted"]["version"] == 7
    with refuses(ended.oracle, "KpiOracle_WrongVersion", 6, 7):
        report(ended, [400, 410, 420, 430], version=6)
    assert report(ended, [400, 410, 420], version=1_000).events["ReportSubmitted"]["version"] == 1_000


# ---------------------------------------------------------------- fuller reports


def test_who_drops_the_lowest_of_four_observations_is_corrected_by_all_four(ended, report):
    """The median of the three is higher than that of the four; the four come before the report is final."""
    dropped = report(ended, [110, 120, 130], nodes=(0, 1, 2))
    assert dropped.events["ReportSubmitted"]["value"] == 120
    next_at(dropped.timestamp + 14 * DAY - 1)
    event = (tx := report(ended, [110, 120, 130, 100])).events["ReportSubmitted"]
    assert (event["value"], event["version"], event["signers"]) == (110, 0, 0x03_02_01_04)
    assert str(event["supersedes"]) == str(dropped.events["ReportSubmitted"]["evidence"])
    assert event["finalAt"] == tx.timestamp + 14 * DAY  # the dispute window follows


@pytest.mark.parametrize("value", [110, 120, 130])
def test_a_fuller_report_of_the_same_value_is_final_no_later(ended, report, value):
    """Whoever keeps the fourth signature until the last second puts off neither the value nor what is due by
    it; where the fourth moves the value, there is a new one to look at."""
    until = report(ended, [110, 120, 130]).timestamp + 14 * DAY
    next_at(until - 1)
    tx = report(ended, [110, 120, 130, value])
    moved = value == 110
    event = tx.events["ReportSubmitted"]
    said_of_it = (event["value"], event["finalAt"])
    assert said_of_it == ((110, tx.timestamp + 14 * DAY) if moved else (120, until))
    assert plain(ended.oracle.reportOf(ended.feed, 0))[3] == event["finalAt"]
    warp(until)
    assert ended.oracle.statusOf(ended.feed, 0) == (Status.PENDING if moved else Status.FINAL)


def test_a_fuller_report_is_taken_after_the_reporting_window_too(ended, report):
    """Else the last second of it would be the moment to leave somebody out."""
    deadline = ended.ends[0] + 45 * DAY
    next_at(deadline)
    report(ended, [110, 120, 130])
    next_at(deadline + 14 * DAY - 1)
    assert report(ended, [110, 120, 130, 100]).events["ReportSubmitted"]["value"] == 110


@pytest.mark.parametrize(
    ("nodes", "bits"), [((0, 1, 2), 0b0111), ((1, 2, 3), 0b1110)], ids=["the same", "others"]
)
def test_a_report_of_the_same_version_must_be_fuller(ended, report, nodes, bits):
    report(ended, [110, 120, 130], nodes=(0, 1, 2))
    with refuses(ended.oracle, "KpiOracle_NotFuller", 0b0111, bits):
        report(ended, [110, 120, 130], nodes=nodes)


def test_a_final_report_is_not_completed(ended, report):
    next_at(report(ended, [110, 120, 130]).timestamp + 14 * DAY)
    with refuses(ended.oracle, "KpiOracle_WrongStatus", Status.FINAL):
        report(ended, [110, 120, 130, 100])


def test_no_restatement_after_use(ended, report, parties):
    report(ended, [100, 200, 300])
    warp(now() + 14 * DAY)
    consume(ended, parties)
    with refuses(ended.oracle, "KpiOracle_AlreadyUsed", ended.feed, 0):
        report(ended, [400, 410, 420], version=1)


def test_no_restatement_after_the_window(ended, report):
    report(ended, [100, 200, 300])
    deadline = ended.ends[0] + 45 * DAY
    next_at(deadline + 1)
    with refuses(ended.oracle, "KpiOracle_DeadlinePassed", deadline):
        report(ended, [400, 410, 420], version=1)


# ---------------------------------------------------------------- consume


def test_consume_gives_the_value_and_marks_it(ended, report, parties):
    report(ended, [100, 200, 300])
    warp(now() + 14 * DAY)
    tx = consume(ended, parties)
    assert plain(tx.return_value) == (200, False)
    said(tx, "ReportUsed", feed=ended.feed, period=0, version=0, consumer=parties.third)
    assert plain(ended.oracle.reportOf(ended.feed, 0))[5] is True
    assert plain(consume(ended, parties).return_value) == (200, False)  # a second consumer gets the same


def test_consume_says_missing(ended, parties):
    warp(ended.ends[0] + 59 * DAY + 1)
    tx = consume(ended, parties)
    assert plain(tx.return_value) == (0, True)
    assert names(tx) == ["ReportUsed"]


def test_consume_only_by_a_consumer(ended, report, parties):
    report(ended, [100, 200, 300])
    warp(now() + 14 * DAY)
    for caller in (parties.relay, parties.issuer, parties.deployer):
        with refuses(ended.oracle, "KpiOracle_NotConsumer", caller):
            ended.oracle.consume(ended.feed, 0, {"from": caller})


def test_consume_refuses_what_is_not_settled(ended, report, parties):
    with refuses(ended.oracle, "KpiOracle_NotFinal", ended.feed, 0, Status.NONE):
        consume(ended, parties)
    final_at = report(ended, [100, 200, 300]).timestamp + 14 * DAY
    next_at(final_at - 1)
    with refuses(ended.oracle, "KpiOracle_NotFinal", ended.feed, 0, Status.PENDING):
        consume(ended, parties)
    next_at(final_at)
    consume(ended, parties)

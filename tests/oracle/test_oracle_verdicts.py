"""What relay and verifier say of nodes: evidence of something else, ties, and texts that look like markup."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import keccak
from typer.testing import CliRunner

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import load_deal
from oracle import evidence
from oracle.asking import AnswerError, check_bundle
from oracle.evidence import Bundle
from oracle.feed import Feed
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import measure, method_hash
from oracle.methods.base import Reading
from oracle.methods.reported_table import ReportedRow
from oracle.observation import sign
from oracle.verifier import Verification, _check_readings, verify_report
from oracle.wire import SignedObservation
from scripts.oracle import _show_report, app
from tests.oracle.conftest import ROOT
from tests.oracle.offline import CONTRACT, FEED, edit, report_of, start

STARTS, ENDS = (1_577_836_800, 1_609_459_200), (1_609_459_200, 1_640_995_200)
KEY = Account.from_key(keccak(text="a node"))
METHOD = "reported-values/1"


def bundle_of(period: int = 0, **about: Any) -> Bundle:
    """Evidence of 0.58 for a period; each period's is intact and recomputes."""
    row = ReportedRow(date(2020 + period, 12, 31), "0.58", "a document", "simulated")
    fields = {"feed": FEED, "version": 0, "kpi": "share", "decimals": 6, "gauge": "reader-1", **about}
    return measure(METHOD, row, STARTS[period], ENDS[period], period=period, **fields).bundle


def signed_over(bundle: Bundle, value: int = 580_000) -> SignedObservation:
    """The node's signed value for period 0, whatever the bundle is evidence of."""
    signed = SignedObservation(
        feed=FEED,
        period=0,
        version=0,
        chain_id=1,
        contract=CONTRACT,
        value=value,
        observed_at=ENDS[0],
        evidence=bundle.root,
        signer=KEY.address,
        r="0x" + "0" * 64,
        vs="0x" + "0" * 64,
    )
    signature = sign(signed.observation.message(signed.domain), KEY)
    return signed.model_copy(update={"r": signature.r, "vs": signature.vs})


FEED_ON_CHAIN = Feed(
    id=FEED,
    chain_id=1,
    contract=CONTRACT,
    kpi="share",
    decimals=6,
    minimum=0,
    maximum=10**6,
    max_spread=10**6,
    signers=(KEY.address,),
    quorum=1,
    method_hash=method_hash(METHOD),
    period_ends=ENDS,
    panel=(),
    panel_quorum=0,
    bond_currency=CONTRACT,
    challenge_bond=0,
)


def test_evidence_of_the_observation_is_taken() -> None:
    check_bundle(signed_over(bundle_of()), bundle_of(), FEED_ON_CHAIN)


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        (bundle_of(period=1), "period 2, not 1"),
        (bundle_of(version=1), "version = 1, not 0"),
        (bundle_of(feed="0x" + "02" * 32), "feed = "),
        (bundle_of(kpi="other"), "kpi = other"),
        (bundle_of(decimals=7), "value = 5800000, not 580000"),
    ],
    ids=["period", "version", "feed", "kpi", "decimals"],
)
def test_evidence_of_something_else_is_refused(bundle: Bundle, says: str) -> None:
    """Intact bundles, properly signed, and each of another report."""
    with pytest.raises(AnswerError, match=f"evidence: {says}"):
        check_bundle(signed_over(bundle), bundle, FEED_ON_CHAIN)


def test_evidence_that_was_not_signed_is_refused() -> None:
    with pytest.raises(AnswerError, match="not to the signed"):
        check_bundle(signed_over(bundle_of(gauge="reader-2")), bundle_of(), FEED_ON_CHAIN)
    with pytest.raises(AnswerError, match="value = 580000, not 580001"):
        check_bundle(signed_over(bundle_of(), 580_001), bundle_of(), FEED_ON_CHAIN)
    for change, says in (
        ({"period_ends": (ENDS[0] + 1, ENDS[1])}, "period_end = "),
        ({"decimals": 5}, "decimals = 6, not 5"),
        ({"method_hash": "0x" + "0" * 64}, "not the feed's"),
    ):
        with pytest.raises(AnswerError, match=says):
            check_bundle(signed_over(bundle_of()), bundle_of(), replace(FEED_ON_CHAIN, **change))


# -- ties


@pytest.fixture
def readers(tmp_path: Path) -> tuple[FeedTerms, list[NodeFiles]]:
    deal = load_deal(ROOT / "deals" / "enel-slb-2019.yaml")
    terms = feed_terms(deal, "renewable-share")
    return terms, prepare_nodes(tmp_path / "nodes", terms, deal=deal)


def change_reports(files: NodeFiles, old: str, new: str) -> None:
    path = files.config.parent / "reports.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("others", [1, 2, 3])
def test_who_is_blamed_for_another_document(
    readers: tuple[FeedTerms, list[NodeFiles]], others: int, tmp_path: Path
) -> None:
    """One of four, or three of four that agree: the one is named. Two of four: nobody is."""
    terms, files = readers
    for item in files[:others]:
        change_reports(item, "https://", "https://elsewhere.example/")
    nodes = [start(item) for item in files]
    done = verify_report(report_of(nodes, terms, tmp_path))
    assert not done.ok
    named = {1: [nodes[0].address], 2: [], 3: [nodes[3].address]}[others]
    assert list(done.culprits) == named
    assert [check.name for check in done.checks if not check.ok] == ["same document"]


@pytest.mark.parametrize("others", [1, 2, 3])
def test_who_is_blamed_for_another_rain(others: int, tmp_path: Path) -> None:
    deal = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    terms = feed_terms(deal, "rainfall")
    files = prepare_nodes(tmp_path / "nodes", terms, deal=deal)
    for item in files[:others]:
        gauge = json.loads(item.config.read_text())["gauge"]
        edit(item, gauge={**gauge, "bias": -0.6})
    nodes = [start(item) for item in files]
    done = verify_report(report_of(nodes, terms, tmp_path))
    named = {1: [nodes[0].address], 2: [], 3: [nodes[3].address]}[others]
    assert list(done.culprits) == named
    assert {check.name for check in done.checks if not check.ok} == {"gauge"}


def blamed(values: dict[str, list[float]]) -> set[str]:
    """Whom the verifier names when these are the nodes' gauges; somebody or something is always wrong."""
    report: Any = None
    done = Verification(report)
    _check_readings(done, "gauge", {node: Reading(v, "mm", 0.2) for node, v in values.items()})
    assert not done.ok
    return set(done.culprits)


def test_half_of_the_nodes_with_longer_data_blame_nobody() -> None:
    """Two sent a day more than the other two: neither two are the majority."""
    for longer, named in ((1, {"n0"}), (2, set()), (3, {"n3"})):
        assert blamed({f"n{i}": [1.0] * (24 + 24 * (i < longer)) for i in range(4)}) == named


def test_two_that_agree_are_no_majority_of_four() -> None:
    """One far below and one far above: who is wrong is not for the two in the middle to say."""
    assert blamed({"a": [40.0], "b": [100.0], "c": [100.0], "d": [160.0]}) == set()
    assert blamed({"a": [90.0], "b": [100.0], "c": [100.0], "d": [160.0]}) == {"d"}
    assert blamed({"a": [100.0], "b": [40.0], "c": [100.0]}) == {"b"}


# -- texts of others


MARKUP = "[/] [bold red]lost[/bold red] [link=http://x.example] [/nothing]"


def test_text_in_square_brackets_is_shown_as_it_is(
    readers: tuple[FeedTerms, list[NodeFiles]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A node's refusal, and the name of a file that a stranger put beside its evidence."""
    terms, files = readers
    path = report_of([start(item) for item in files[:3]], terms, tmp_path)
    record = json.loads(path.read_text())
    shown = {**record, "left_out": [], "absent": [{"signer": MARKUP, "signer_index": 3}]}
    shown |= {"failures": [{"url": f"http://{MARKUP}", "reason": MARKUP}], "equivocations": [MARKUP]}
    shown["observations"][0] |= {"url": MARKUP, "suspect": [MARKUP]}
    _show_report(shown)
    assert MARKUP in "".join(capsys.readouterr().out.splitlines())
    folder = tmp_path / "evidence" / record["observations"][0]["evidence"]
    (folder / "[bold] [").write_text("")
    done = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["verify", str(path)])
    assert done.exit_code == 1, done.output
    assert "unknown files: [bold] [" in done.stdout
    assert evidence.load(tmp_path / "evidence" / record["observations"][1]["evidence"])


def test_commands_write_through_a_console_without_markup() -> None:
    """Whatever a command prints may come from a deal, a node or a chain: no console of scripts/ reads it."""
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        if path == ROOT / "scripts" / "console.py":
            continue
        for item in ast.walk(ast.parse(path.read_text())):
            name = item.func if isinstance(item, ast.Call) else None
            called = getattr(name, "id", None) or getattr(name, "attr", None)
            assert called not in ("Console", "from_markup", "rprint"), f"{path}:{item.lineno}"
            if isinstance(item, ast.keyword):
                assert not (item.arg == "markup" and getattr(item.value, "value", None)), path

"""The verifier beside a chain, which here says what a test lets it say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import load_deal
from oracle import evidence, verifier
from oracle.feed import Feed
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import METHODS, method_hash
from oracle.methods.base import Reading
from oracle.verifier import ReportError, Verification, _check_readings, verify_report
from scripts.oracle import app
from tests.oracle.conftest import ROOT
from tests.oracle.offline import CONTRACT, FEED, edit, report_of, request, start

PENDING, CHALLENGED, FINAL, MISSING = 1, 2, 3, 4
"""IKpiOracle.Status"""


@pytest.fixture(scope="module")
def terms() -> FeedTerms:
    return feed_terms(load_deal(ROOT / "deals" / "enel-slb-2019.yaml"), "renewable-share")


@pytest.fixture
def files(terms: FeedTerms, tmp_path: Path) -> list[NodeFiles]:
    deal = load_deal(ROOT / "deals" / "enel-slb-2019.yaml")
    return prepare_nodes(tmp_path / "nodes", terms, deal=deal)


@pytest.fixture
def report(files: list[NodeFiles], terms: FeedTerms, tmp_path: Path) -> Path:
    return report_of([start(item) for item in files], terms, tmp_path)


@pytest.fixture
def look(report: Path, terms: FeedTerms, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Verification]:
    """Verify the report beside a chain whose feed and whose report differ from it as told."""
    record = json.loads(report.read_text())
    feed = Feed(
        id=FEED,
        chain_id=1,
        contract=CONTRACT,
        kpi=terms.kpi,
        decimals=terms.decimals,
        minimum=terms.min_value,
        maximum=terms.max_value,
        max_spread=terms.max_spread,
        signers=tuple(record["signers"]),
        quorum=3,
        method_hash=method_hash(terms.method),
        period_ends=terms.period_ends,
        panel=(),
        panel_quorum=0,
        bond_currency=CONTRACT,
        challenge_bond=0,
    )

    def verify(status: int = PENDING, held: dict[str, Any] | None = None, **other: Any) -> Verification:
        there = {
            "status": status,
            "version": 0,
            "value": int(record["value"]),
            "evidence": record["evidence"],
        }
        monkeypatch.setattr(verifier, "read_feed", lambda *_: replace(feed, **other))
        monkeypatch.setattr(
            verifier, "contract", lambda *_: SimpleNamespace(functions=SimpleNamespace(reportOf=lambda *a: a))
        )

        def read(asked: Any) -> dict[str, Any]:
            assert asked == (bytes.fromhex(FEED[2:]), 0)
            return {**there, **(held or {})}

        monkeypatch.setattr(verifier, "read", read)
        return verify_report(report, w3=SimpleNamespace(eth=SimpleNamespace(chain_id=1)))  # type: ignore[arg-type]

    return verify


def failed(done: Verification) -> dict[str, str]:
    return {check.name: check.detail for check in done.checks if not check.ok}


@pytest.mark.parametrize(
    ("status", "good"), [(PENDING, True), (CHALLENGED, True), (FINAL, True), (MISSING, False)]
)
def test_a_report_counts_while_the_chain_holds_it(
    look: Callable[..., Verification], status: int, good: bool
) -> None:
    done = look(status)
    assert done.ok == good
    assert set(failed(done)) == (set() if good else {"chain"})
    detail = next(check.detail for check in done.checks if check.name == "chain")
    assert "ruled" not in detail  # value and evidence are those that were reported


@pytest.mark.parametrize(
    ("status", "ruled"), [(PENDING, False), (CHALLENGED, False), (FINAL, True), (MISSING, True)]
)
@pytest.mark.parametrize("other", [{"value": 7}, {"evidence": "0x" + "cd" * 32}])
def test_a_chain_that_holds_something_else_is_said(
    look: Callable[..., Verification], other: dict[str, Any], status: int, ruled: bool
) -> None:
    """Pending, it is another report; final or missing, the panel has had its say."""
    (detail,) = [words for name, words in failed(look(status, other)).items() if name == "chain"]
    assert ("the panel has ruled on it" in detail) == ruled


def test_another_version_is_another_report(look: Callable[..., Verification]) -> None:
    assert failed(look(held={"version": 3})) == {"chain": "holds version 3, this is 0"}


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"quorum": 2}, {"feed on chain"}),
        ({"kpi": "other"}, {"feed on chain"}),
        ({"decimals": 4}, {"feed on chain"}),
        ({"method_hash": "0x" + "00" * 32}, {"method"}),
    ],
)
def test_the_feed_is_the_chains(
    look: Callable[..., Verification], other: dict[str, Any], names: set[str]
) -> None:
    assert set(failed(look(**other))) == names


def test_the_period_is_the_chains(look: Callable[..., Verification], terms: FeedTerms) -> None:
    ends = terms.period_ends
    assert set(failed(look(period_ends=(ends[0] + 1, *ends[1:])))) == {"period"}
    assert set(failed(look(period_ends=()))) == {"feed on chain"}  # there is no such period


def test_signers_are_the_chains(look: Callable[..., Verification], report: Path) -> None:
    """A report cannot bring its own: here the chain has another first node, and two in another order."""
    signers = json.loads(report.read_text())["signers"]
    done = look(signers=("0x" + "11" * 20, *signers[1:]))
    assert set(failed(done)) == {"feed on chain", "signature"}
    assert list(done.culprits) == [signers[0]]
    assert "not a signer" in done.culprits[signers[0]]
    turned = look(signers=(signers[1], signers[0], *signers[2:]))
    assert set(turned.culprits) == set(signers[:2])
    assert "of node 1, not 0" in turned.culprits[signers[0]]
    words = next(check.detail for check in turned.checks if check.name == "feed on chain")
    assert words.startswith("KPI, decimals, signers and quorum are (")
    honest = next(check.detail for check in look().checks if check.name == "feed on chain")
    assert honest == "KPI, decimals, signers and quorum"


def test_a_method_that_is_not_installed_here_is_nobodys_fault(
    look: Callable[..., Verification], report: Path, terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a chain, whose feed has it, and without one, where most nodes name it."""
    monkeypatch.delitem(METHODS._ours, terms.method)
    says = f"{report}: its method {terms.method} is not installed here; install its package"
    with pytest.raises(ReportError, match=re.escape(says)):
        look()
    done = CliRunner().invoke(app, ["verify", str(report)])
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"{says}\n")


def test_a_node_that_names_a_method_of_its_own_is_to_blame(
    look: Callable[..., Verification], report: Path, tmp_path: Path
) -> None:
    record = json.loads(report.read_text())
    first = record["observations"][0]
    folder = tmp_path / "evidence"
    files = dict(evidence.load(folder / first["evidence"]).files)
    own = {**json.loads(files["method.json"]), "id": "my-own/1", "hash": method_hash("my-own/1")}
    first["evidence"] = evidence.Bundle({**files, "method.json": json.dumps(own).encode()}).save(folder).name
    report.write_text(json.dumps(record))
    for done in (look(), verify_report(report)):
        assert list(done.culprits) == [first["signer"]]
        assert "my-own/1: not known here" in failed(done)["recomputes"]


def test_another_chain_is_refused(look: Callable[..., Verification], report: Path) -> None:
    look()
    with pytest.raises(ReportError, match="chain_id = 1: the RPC's chain is 5"):
        verify_report(report, w3=SimpleNamespace(eth=SimpleNamespace(chain_id=5)))  # type: ignore[arg-type]


def test_an_index_that_is_not_the_signers_is_found_without_a_chain_too(report: Path) -> None:
    record = json.loads(report.read_text())
    record["observations"][0]["signer_index"] = 3
    report.write_text(json.dumps(record))
    assert set(failed(verify_report(report))) == {"signature"}


# -- who is compared with whom


def test_two_nodes_that_differ_are_seen_and_neither_is_blamed(
    files: list[NodeFiles], terms: FeedTerms, tmp_path: Path
) -> None:
    reports = files[0].config.parent / "reports.csv"
    reports.write_text(reports.read_text().replace("https://", "https://elsewhere.example/"))
    done = verify_report(report_of([start(item) for item in files[:2]], terms, tmp_path))
    assert set(failed(done)) == {"same document", "quorum"}
    assert done.culprits == {}
    alone = verify_report(report_of([start(files[0])], terms, tmp_path / "alone"))
    assert not any(check.name.startswith("same") for check in alone.checks)  # nobody to compare with


def readings(values: dict[str, list[float]], mean: bool = False) -> Verification:
    report: Any = None
    done = Verification(report)
    _check_readings(done, "gauge", {node: Reading(v, "mm", 0.2, mean) for node, v in values.items()})
    return done


def test_a_dry_period_blames_nobody() -> None:
    assert readings({node: [0.0, 0.0] for node in "abcd"}).ok
    assert list(readings({"a": [0.0], "b": [0.0], "c": [0.1]}).culprits) == ["c"]


def test_a_fifth_of_the_median_is_still_near() -> None:
    assert readings({"a": [100.0], "b": [100.0], "c": [120.0]}).ok
    assert list(readings({"a": [100.0], "b": [100.0], "c": [120.1]}).culprits) == ["c"]
    assert list(readings({"a": [50.0, 50.0], "b": [50.0, 50.0], "c": [61.0, 39.0]}).culprits) == ["c"]


@pytest.mark.parametrize(("mean", "shown"), [(False, "30"), (True, "15")])
def test_readings_are_shown_as_people_read_them(mean: bool, shown: str) -> None:
    """Rain as a sum, wind as a mean; where nobody can be blamed, what each has."""
    done = readings({"a": [10.0, 20.0], "b": [10.0, 20.0], "c": [10.0, 22.0]}, mean)
    assert done.checks[0].detail == f"{shown} mm, median of the nodes {shown} mm"
    apart = readings({"a": [1.0], "b": [2.0]}, mean)
    assert apart.checks[0].detail == "the nodes lie too far apart to say whose is wrong: 1 mm; 2 mm"


def test_wind_is_shown_in_metres_a_second_and_rain_in_millimetres(
    one_quarter: FeedTerms, bloom: Any, tmp_path: Path
) -> None:
    rainfall = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    for deal, terms, name, unit in (
        (bloom, one_quarter, "wind", "m/s"),
        (rainfall, feed_terms(rainfall, "rainfall"), "gauge", "mm"),
    ):
        nodes = [start(item) for item in prepare_nodes(tmp_path / name, terms, deal=deal)]
        done = verify_report(report_of(nodes, terms, tmp_path / f"{name}-report"))
        assert done.ok
        (words, *_) = [check.detail for check in done.checks if check.name == name]
        amount = float(words.split(f" {unit}, median of the nodes ")[0])
        if name == "wind":
            assert 4 < amount < 12
        else:
            bundle = nodes[0].evidence(nodes[0].observe(request(terms)).evidence)
            shown = {check.node: check.detail for check in done.checks if check.name == name}
            total = float(bundle.document("results.json")["index_mm"])
            assert float(shown[nodes[0].address].split(" mm")[0]) == pytest.approx(total, rel=1e-5)


def test_what_a_liar_writes_agrees_with_itself(bloom: Any, one_quarter: FeedTerms, tmp_path: Path) -> None:
    """Its evidence cannot be told from honest evidence but by computing it again."""
    rainfall = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    for deal, terms, lie in (
        (bloom, one_quarter, 250_000.0),
        (rainfall, feed_terms(rainfall, "rainfall"), 12.5),
    ):
        files = prepare_nodes(tmp_path / terms.kpi, terms, deal=deal)[0]
        honest = start(files)._measure(FEED, 0, 0)
        edit(files, fault={"lie": lie})
        forged = start(files)._measure(FEED, 0, 0)
        assert forged.value - honest.value == round(lie * 10**terms.decimals)
        results = forged.bundle.document("results.json")
        total = float(results.get("revenue") or results["index_mm"])
        assert total * 10**terms.decimals == pytest.approx(forged.value, abs=0.51)
        assert results["value"] == str(forged.value)
        if "energy_mwh" in results:
            price = float(results["revenue"]) / float(results["energy_mwh"])
            assert float(results["capture_price"]) == pytest.approx(price, abs=0.00006)

"""Relay and verifier without a chain: which observations are chosen, and what cooked inputs look like."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finance.settlement.median import median
from finance.settlement.terms import FeedTerms
from oracle.local import prepare_nodes
from oracle.node import Node
from oracle.node_config import load_config
from oracle.observation import report_evidence
from oracle.relay import RelayError, choose
from oracle.verifier import ReportError, load_report, verify_report
from oracle.wire import ObservationRequest
from tests.oracle.offline import Sky


def answer(value: int, index: int) -> Any:
    return SimpleNamespace(signed=SimpleNamespace(value=value), signer_index=index)


def values(chosen: list[Any]) -> list[tuple[int, int]]:
    return [(item.signed.value, item.signer_index) for item in chosen]


def test_all_are_taken_in_order_when_they_agree() -> None:
    answers = [answer(30, 0), answer(10, 3), answer(10, 1), answer(20, 2)]
    assert values(choose(answers, 3, 20)) == [(10, 1), (10, 3), (20, 2), (30, 0)]


def test_outlier_is_left_out_when_the_spread_is_too_wide() -> None:
    answers = [answer(100, 0), answer(10, 1), answer(20, 2), answer(15, 3)]
    assert values(choose(answers, 3, 50)) == [(10, 1), (15, 3), (20, 2)]


def test_no_quorum_is_an_error() -> None:
    with pytest.raises(RelayError, match="2 usable answers; the quorum is 3"):
        choose([answer(1, 0), answer(2, 1)], 3, 10)
    with pytest.raises(RelayError, match=r"no 3 of the values \[1, 2, 50, 51\]"):
        choose([answer(1, 0), answer(2, 1), answer(50, 2), answer(51, 3)], 3, 10)


def test_choice_against_all_subsets(seed: int) -> None:
    """By brute force: no subset that fits is larger, and none of the same size is closer."""
    rng = random.Random(seed)
    for _ in range(400):
        count = rng.randint(1, 7)
        answers = [answer(rng.randint(-20, 20), index) for index in range(count)]
        quorum, most = count // 2 + 1, rng.randint(0, 30)
        fitting = [
            subset
            for size in range(quorum, count + 1)
            for subset in itertools.combinations(sorted(item.signed.value for item in answers), size)
            if subset[-1] - subset[0] <= most
        ]
        try:
            chosen = [value for value, _ in values(choose(answers, quorum, most))]
        except RelayError:
            assert not fitting
            continue
        assert tuple(chosen) in fitting
        best = max(fitting, key=lambda subset: (len(subset), subset[0] - subset[-1]))
        assert (len(chosen), chosen[-1] - chosen[0]) == (len(best), best[-1] - best[0])


# ------------------------------------------------------------------------------------------ cooked inputs


def report_of(nodes: list[Node], folder: Path) -> Path:
    """A report file as the relay would write it, from nodes in this process."""
    feed, contract = "0x" + "01" * 32, "0x" + "0a" * 20
    request = ObservationRequest(feed=feed, period=0, version=0, chain_id=1, contract=contract)
    signed = [(index, node, node.observe(request)) for index, node in enumerate(nodes)]
    signed.sort(key=lambda item: (item[2].value, item[0]))
    for _, node, observation in signed:
        node.evidence(observation.evidence).save(folder / "evidence")
    keep = {"value", "observed_at", "evidence", "signer", "r", "vs"}
    record = {
        "schema": "penstock/report/1",
        "chain_id": 1,
        "contract": contract,
        "feed": feed,
        "kpi": "runoff-reduction",
        "decimals": 6,
        "signers": [node.address for node in nodes],
        "quorum": 3,
        "period": 0,
        "version": 0,
        "value": str(median([observation.value for _, _, observation in signed])),
        "evidence": report_evidence([observation.evidence for _, _, observation in signed]),
        "observations": [
            {"url": "http://x", "signer_index": index, **observation.model_dump(mode="json", include=keep)}
            for index, _, observation in signed
        ],
    }
    path = folder / "report.json"
    path.write_text(json.dumps(record))
    return path


@pytest.fixture
def homes(feed_terms: FeedTerms, area: float, tmp_path: Path) -> list[Path]:
    return [files.config for files in prepare_nodes(tmp_path, feed_terms, impervious_area_acres=area)][:3]


def nodes_of(homes: list[Path]) -> list[Node]:
    return [Node(load_config(path), Sky()) for path in homes]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def failed(path: Path) -> list[tuple[str, str | None]]:
    return [(check.name, check.node) for check in verify_report(path).checks if not check.ok]


def test_honest_nodes_pass(homes: list[Path], tmp_path: Path) -> None:
    done = verify_report(report_of(nodes_of(homes), tmp_path))
    assert done.ok
    assert done.culprits == {}
    assert sum(check.name == "recomputes" for check in done.checks) == 3


def test_a_node_with_another_twin_is_named(homes: list[Path], area: float, tmp_path: Path) -> None:
    """Its value recomputes from its own bundle; that its twin is not the others' gives it away."""
    edit(homes[1], twin={"scenario": "high", "impervious_area_acres": area})
    nodes = nodes_of(homes)
    assert failed(report_of(nodes, tmp_path)) == [("same twin", nodes[1].address)]


def test_a_node_with_made_up_rain_is_named(homes: list[Path], tmp_path: Path) -> None:
    gauge = json.loads(homes[2].read_text())["gauge"]
    edit(homes[2], gauge={**gauge, "bias": -0.5})
    nodes = nodes_of(homes)
    assert failed(report_of(nodes, tmp_path)) == [("gauge", nodes[2].address)]


def test_one_node_cannot_be_a_quorum(homes: list[Path], tmp_path: Path) -> None:
    path = report_of(nodes_of(homes), tmp_path)
    record = json.loads(path.read_text())
    record["observations"] = [record["observations"][0]] * 3
    record["value"] = record["observations"][0]["value"]
    record["evidence"] = report_evidence([item["evidence"] for item in record["observations"]])
    path.write_text(json.dumps(record))
    assert failed(path) == [("quorum", None)]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "penstock/report/2"}'])
def test_files_that_are_no_reports(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(ReportError, match=r"report\.json: "):
        load_report(file)
    with pytest.raises(ReportError, match="cannot be read"):
        load_report(tmp_path / "absent.json")

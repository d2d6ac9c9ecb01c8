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
from oracle import relay
from oracle.asking import Failure, Round
from oracle.local import prepare_nodes
from oracle.node import Node
from oracle.node_config import load_config
from oracle.observation import report_evidence
from oracle.relay import RelayError, _enough, _in_time, choose
from oracle.verifier import ReportError, load_report, verify_report
from oracle.wire import ObservationRequest
from tests.oracle.offline import Sky

W3: Any = None


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


def test_of_sets_as_close_the_lowest_is_taken() -> None:
    assert values(choose([answer(v, i) for i, v in enumerate((30, 0, 10, 20))], 2, 10)) == [(0, 1), (10, 2)]
    assert values(choose([answer(5, 1), answer(5, 0), answer(9, 2)], 2, 0)) == [(5, 0), (5, 1)]


def test_whoever_is_in_the_report_already_stays_in_it() -> None:
    answers = [answer(100, 0), answer(10, 1), answer(20, 2), answer(15, 3)]
    with pytest.raises(RelayError, match="lie within the spread 50"):
        choose(answers, 3, 50, frozenset({0}))
    assert len(choose(answers, 3, 90, frozenset({0, 1, 2, 3}))) == 4
    assert values(choose(answers, 3, 85, frozenset({0, 2}))) == [(15, 3), (20, 2), (100, 0)]
    with pytest.raises(RelayError, match="lie within"):
        choose(answers, 3, 89, frozenset({0, 1, 2, 3}))


FEED: Any = SimpleNamespace(quorum=3, max_spread=10)


def test_fewer_than_a_report_takes_are_not_enough() -> None:
    """So that nobody is hurried before a quorum is there."""
    answers = [answer(value, index) for index, value in enumerate((1, 2, 50, 3))]
    assert [_enough(answers[:count], FEED) for count in range(5)] == [False, False, False, False, True]


# ------------------------------------------------------------------------------------------ the chain's time


def signed_at(*times: int) -> Round:
    answers: Any = [
        SimpleNamespace(url=f"http://{number}", signed=SimpleNamespace(observed_at=time))
        for number, time in enumerate(times)
    ]
    return Round(answers, [Failure("http://down", "down")])


class Clock:
    """A chain's time that goes on by a second whenever somebody waits, and the waiter's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, time: int, stands: bool = False) -> None:
        self.time, self.waited, self.stands = time, 0.0, stands
        monkeypatch.setattr(relay, "_time", lambda _w3: self.time)
        monkeypatch.setattr(relay.time, "monotonic", lambda: 1000 + self.waited)
        monkeypatch.setattr(relay.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.time += 0 if self.stands else 1


def test_answers_in_time_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 110)
    found = _in_time(W3, signed_at(100, 110, 105), 100)
    assert (len(found.answers), clock.waited) == (3, 0)
    assert [failure.url for failure in found.failures] == ["http://down"]
    assert _in_time(W3, signed_at(), 100).answers == []
    assert clock.waited == 0


def test_a_node_that_is_some_blocks_ahead_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its observation is of the relay's future until the relay's own client has the block."""
    clock = Clock(monkeypatch, 110)
    found = _in_time(W3, signed_at(113, 111), 100)
    assert (len(found.answers), clock.time) == (2, 113)


def test_one_that_claims_a_future_or_the_time_before_the_end_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, 110, stands=True)
    found = _in_time(W3, signed_at(110, 10**9, 99, 100), 100)
    assert [item.url for item in found.answers] == ["http://0", "http://3"]
    assert [(failure.url, failure.reason) for failure in found.failures[1:]] == [
        ("http://1", "observed at 2001-09-09 01:46:40 UTC; the chain is at 1970-01-01 00:01:50 UTC"),
        ("http://2", "observed at 1970-01-01 00:01:39 UTC; the chain is at 1970-01-01 00:01:50 UTC"),
    ]
    assert 14 <= clock.waited <= 16  # and not for ever


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

"""The oracle as it runs: node processes, a local chain, relay, verifier, challenge and ruling.

Four nodes: two honest (0, 1), one that lies by +0.15 (2), one that is down (3). The chain starts the day
after the period's end.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_utils import keccak
from pydantic import ValidationError
from typer.testing import CliRunner

from chain.artifacts import ensure_compiled
from chain.bindings import calldata, contract, read
from chain.errors import ContractError
from chain.network import rpc, start_anvil
from chain.sender import Sender
from finance.settlement.terms import FeedTerms
from oracle import rebuild
from oracle.access import sign_request
from oracle.asking import AnswerError, Collected, ask, check_signature, collect
from oracle.chain_view import ChainState, ChainView
from oracle.feed import read_feed
from oracle.local import LOCAL_RELAY, prepare_nodes
from oracle.node_config import write_secret
from oracle.observation import NO_REPORT, Domain, Observation, Ruling, Verdict, digest, sign
from oracle.panel import PanelError, assemble, sign_ruling
from oracle.processes import NodeStartError, run_nodes
from oracle.rebuild import calls_in
from oracle.relay import (
    RelayError,
    rebuild_report,
    run_relay,
    send_ruling,
    submit_arguments,
)
from oracle.verifier import verify_report
from oracle.wire import ObservationRequest
from scripts.oracle import app
from tests.oracle.conftest import ROOT, SECONDS_2021, create_feed, feed_at

pytestmark = pytest.mark.slow

LIE = 0.15
OTHER_RELAY = Account.from_key(keccak(text="another relay"))
RELAYS = [LOCAL_RELAY.address, OTHER_RELAY.address]
PANEL = sorted(
    (Account.from_key(keccak(text=f"panel {i}")) for i in range(3)), key=lambda a: int(a.address, 16)
)
DOWN = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="module")
def network(feed_terms: FeedTerms, area: float, tmp_path_factory: pytest.TempPathFactory) -> Any:
    ensure_compiled()
    home = tmp_path_factory.mktemp("nodes")
    with start_anvil(timestamp=SECONDS_2021[0] + 86_400) as chain, ExitStack() as stack:
        lies = {2: {"lie": LIE}}
        nodes = prepare_nodes(
            home, feed_terms, impervious_area_acres=area, faults=lies, rpc=chain.url, relays=RELAYS
        )
        running = stack.enter_context(run_nodes(nodes[:3]))
        sender = Sender(chain.w3, chain.accounts[0])
        signers, panel = [n.address for n in nodes], [a.address for a in PANEL]
        at = create_feed(sender, feed_terms, signers, panel, chain.accounts[1])
        yield SimpleNamespace(
            chain=chain,
            w3=chain.w3,
            sender=sender,
            at=at,
            nodes=nodes,
            running=running,
            urls=[node.url for node in running] + [DOWN],
            panel=panel,
            feed=read_feed(chain.w3, at.oracle, at.feed),
            functions=contract(chain.w3, "KpiOracle", at.oracle).functions,
        )


@pytest.fixture
def fresh(network: Any) -> Any:
    """The network with its chain put back afterwards."""
    snapshot = rpc(network.w3, "evm_snapshot")
    yield network
    rpc(network.w3, "evm_revert", snapshot)


def request_of(network: Any, **changes: Any) -> ObservationRequest:
    fields = {
        "feed": network.at.feed,
        "period": 0,
        "version": 0,
        "chain_id": network.chain.chain_id,
        "contract": network.at.oracle,
    }
    return ObservationRequest(**{**fields, **changes})


def answers_of(network: Any, **changes: Any) -> list[Collected]:
    """Observations of the three running nodes for the request; the relay's own checks are not used."""
    request, found = request_of(network, **changes), []
    feed = replace(network.feed, id=request.feed, chain_id=request.chain_id, contract=request.contract)
    for url in network.urls[:3]:
        found.append(ask(url, request, feed, LOCAL_RELAY, 30))
    return sorted(found, key=lambda item: (item.signed.value, item.signer_index))


def signed_for(network: Any, item: Collected, **changes: Any) -> Collected:
    """The same node's value, signed for another chain, contract or feed."""
    signed = item.signed.model_copy(update=changes)
    home = network.nodes[item.signer_index].config.parent
    key = Account.from_key((home / "key").read_text().strip())
    signature = sign(signed.observation.message(signed.domain), key)
    return replace(item, signed=signed.model_copy(update={"r": signature.r, "vs": signature.vs}))


def submit(
    network: Any, answers: list[Collected], feed: str | None = None, period: int = 0, version: int = 0
) -> Any:
    identity = bytes.fromhex((feed or network.at.feed)[2:])
    call = network.functions.submit(identity, period, version, submit_arguments(answers))
    return network.sender.send(call)


def relay_into(
    network: Any, folder: Path, period: int = 0, key: Any = LOCAL_RELAY, restate: bool = False
) -> dict[str, Any]:
    return run_relay(
        network.sender,
        network.at.oracle,
        network.at.feed,
        period,
        network.urls,
        folder,
        key=key,
        timeout_seconds=60,
        **({"restate": True} if restate else {}),
    )


# ------------------------------------------------------------------------------------------ digests


def test_digests_are_the_contracts(network: Any) -> None:
    domain = Domain(network.chain.chain_id, network.at.oracle)
    for value in (-(2**127), -1, 0, 299_500, 2**127 - 1):
        o = Observation(network.at.feed, 2**32 - 1, 7, value, 2**64 - 1, "0x" + "ab" * 32)
        arguments = (bytes.fromhex(o.feed[2:]), o.period, o.version, o.value)
        evidence = bytes.fromhex(o.evidence[2:])
        theirs = read(network.functions.observationDigest(*arguments, o.observed_at, evidence))
        assert "0x" + digest(o.message(domain)).hex() == theirs
        for verdict in Verdict:
            r = Ruling(o.feed, o.period, o.version, "0x" + "cd" * 32, verdict, o.value, o.evidence)
            said = (*arguments[:3], b"\xcd" * 32, int(verdict), o.value, evidence)
            theirs = read(network.functions.rulingDigest(*said))
            assert "0x" + digest(r.message(domain)).hex() == theirs


# ------------------------------------------------------------------------------------------ nodes


def test_nodes_answer_and_the_liar_says_that_it_misbehaves(network: Any) -> None:
    for index, node in enumerate(network.running):
        health = httpx.get(node.url + "/health", timeout=60).json()
        info = httpx.get(node.url + "/v1/info", timeout=60).json()
        assert health["status"] == "up"
        assert health["faults_injected"] == (["lie"] if index == 2 else [])
        assert info["address"] == node.address == health["address"]
        assert info["method_hash"] == network.feed.method_hash


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"period": -1}, 422, "request.period = -1"),
        ({"period": 7}, 404, "period 8: the node knows 2"),
        ({"feed": "0x12"}, 422, "request.feed = '0x12'"),
        ({"feed": "0x" + "33" * 32}, 503, "no such feed"),
        ({"version": 2**31}, 409, "version = 2147483648"),
        ({"chain_id": 0}, 422, "chain_id = 0"),
        ({"contract": None}, 422, "contract = None"),
        ({"more": 1}, 422, "more = 1"),
    ],
)
def test_bad_requests_get_one_line(network: Any, change: dict[str, Any], status: int, says: str) -> None:
    good = request_of(network)
    try:
        body = sign_request(ObservationRequest(**{**good.model_dump(), **change}), LOCAL_RELAY)
        content = body.model_dump(mode="json")
    except ValidationError:
        content = sign_request(good, LOCAL_RELAY).model_dump(mode="json")
        content["request"] |= change
    answer = httpx.post(network.urls[0] + "/v1/observation", json=content, timeout=60)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_bodies_that_are_not_requests(network: Any) -> None:
    url = network.urls[0] + "/v1/observation"
    assert httpx.post(url, content=b"\xff{", timeout=60).status_code == 422
    assert httpx.post(url, content=b"[" * 15_000, timeout=60).status_code == 422
    assert httpx.post(url, content=b"x" * 20_000, timeout=60).status_code == 413
    assert httpx.get(url, timeout=60).status_code == 405
    for root in ("0x00", "..", "0x" + "0" * 64, "%2e%2e%2fsigned.sqlite"):
        answer = httpx.get(f"{network.urls[0]}/v1/evidence/{root}", timeout=60)
        assert answer.status_code == 404
        assert "error" in answer.json()


def test_no_key_in_logs_or_answers(network: Any) -> None:
    answers_of(network)
    for node in network.nodes[:3]:
        key = (node.config.parent / "key").read_text().strip().removeprefix("0x")
        assert len(key) == 64
        for path in node.config.parent.rglob("*"):
            if path.is_file() and path.name != "key":
                assert key.encode() not in path.read_bytes(), path


def test_node_that_cannot_start_says_why(network: Any, tmp_path: Path) -> None:
    home = tmp_path / "node"
    shutil.copytree(network.nodes[3].config.parent, home)
    (home / "rain.csv").write_text("nonsense\n")
    broken = replace(network.nodes[3], config=home / "node.json")
    with pytest.raises(NodeStartError, match=r"rain\.csv: line 2"), run_nodes([broken]):
        pass


# ------------------------------------------------------------------------------------------ relay, verifier


def test_relay_with_a_liar_and_a_node_down_lands_among_the_honest(fresh: Any, tmp_path: Path) -> None:
    record = relay_into(fresh, tmp_path)
    values = [int(item["value"]) for item in record["observations"]]
    by_signer = {item["signer_index"]: int(item["value"]) for item in record["observations"]}
    honest = (by_signer[0], by_signer[1])
    assert values == sorted(values)
    assert set(by_signer) == {0, 1, 2}
    assert by_signer[2] > max(honest) + 100_000  # the lie is there
    assert min(honest) <= int(record["value"]) <= max(honest)
    (failure,) = record["failures"]
    assert failure["url"] == DOWN
    assert failure["reason"].startswith("down: ")
    held = read(fresh.functions.reportOf(bytes.fromhex(fresh.at.feed[2:]), 0))
    assert (held["value"], held["evidence"]) == (int(record["value"]), record["evidence"])
    assert json.loads((tmp_path / "report-0-0.json").read_text())["tx"] == record["tx"]
    assert (record["period"], record["period_number"], record["left_out"]) == (0, 1, [])
    assert not any("suspect" in item for item in record["observations"])
    with pytest.raises(RelayError, match="pending already"):
        relay_into(fresh, tmp_path)
    for period in (-1, 2):
        with pytest.raises(RelayError, match=f"period {period + 1}: the feed has 2, counted from 1"):
            relay_into(fresh, tmp_path, period)


def test_a_period_is_reported_from_the_second_in_which_it_ends(fresh: Any, tmp_path: Path) -> None:
    rpc(fresh.w3, "evm_mine", SECONDS_2021[1] - 1)
    with pytest.raises(
        RelayError, match=r"period 2 ends at (\S+ 00:00) UTC; the chain is at (?!\1)\S+ 23:59:59 UTC"
    ):
        relay_into(fresh, tmp_path, 1)
    rpc(fresh.w3, "evm_mine", SECONDS_2021[1])
    record = relay_into(fresh, tmp_path, 1)
    assert {item["observed_at"] for item in record["observations"]} == {SECONDS_2021[1]}


def test_a_value_too_far_from_the_others_is_left_out_and_shown(
    fresh: Any, feed_terms: FeedTerms, tmp_path: Path
) -> None:
    """The liar's, where the feed allows no such spread; three honest ones make the report without it."""
    oracle = contract(fresh.w3, "KpiOracle", fresh.at.oracle)
    narrow = replace(feed_terms, max_spread=20_000)
    signers, consumer = list(fresh.feed.signers), fresh.chain.accounts[1]
    feed = feed_at(fresh.sender, oracle, narrow, signers, fresh.panel, consumer, fresh.at.currency)
    with run_nodes([fresh.nodes[3]]) as last:
        urls = [*fresh.urls[:3], last[0].url]
        record = run_relay(fresh.sender, fresh.at.oracle, feed, 0, urls, tmp_path, key=LOCAL_RELAY)
    assert {item["signer_index"] for item in record["observations"]} == {0, 1, 3}
    assert [item["signer_index"] for item in record["left_out"]] == [2]
    assert [item["signer"] for item in record["absent"]] == [fresh.nodes[2].address]
    assert verify_report(record["file"], w3=fresh.w3).ok


def test_verifier_names_the_liar_and_nobody_else(fresh: Any, tmp_path: Path) -> None:
    record = relay_into(fresh, tmp_path)
    done = verify_report(record["file"], w3=fresh.w3)
    assert list(done.culprits) == [fresh.nodes[2].address]
    assert done.culprits[fresh.nodes[2].address].startswith("does not recompute: ")
    assert {check.name for check in done.checks if not check.ok} == {"recomputes"}
    names = {check.name for check in done.checks}
    assert names >= {"signature", "evidence", "median", "report evidence", "quorum", "chain", "feed on chain"}


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.oracle", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def run_command(*arguments: str) -> Any:
    """In this process: a new one takes a second to start."""
    from typer.testing import CliRunner

    from scripts.oracle import app

    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def test_commands_exit_0_1_2(fresh: Any, tmp_path: Path) -> None:
    config = {
        "network": fresh.chain.url,
        "feed": {"contract": fresh.at.oracle, "feed": fresh.at.feed},
        "account": {"address": fresh.sender.address},
        "identity": {"file": "relay-key"},
        "nodes": [fresh.urls[0], fresh.urls[1], fresh.urls[2]],
        "out": "reports",
    }
    write_secret(tmp_path / "relay-key", LOCAL_RELAY.key.hex())
    (tmp_path / "relay.json").write_text(json.dumps(config))
    relayed = run_process("relay", "--config", str(tmp_path / "relay.json"), "--json")
    assert relayed.returncode == 0, relayed.stderr
    report = Path(json.loads(relayed.stdout)["file"])
    assert report == tmp_path / "reports" / "report-0-0.json"
    verified = run_command("verify", str(report), "--rpc", fresh.chain.url)
    assert verified.exit_code == 1
    assert f"Node 2 ({fresh.nodes[2].address}) does not hold" in verified.stdout
    value = Decimal(json.loads(relayed.stdout)["value"]).scaleb(-6)
    assert f"pending, value {value:f}" in verified.stdout
    assert f"{value:f}, reported" in verified.stdout  # the rest may stand in the next line of a narrow table
    rebuilt = run_command("rebuild", "--config", str(tmp_path / "relay.json"))
    assert rebuilt.exit_code == 0, rebuilt.stderr
    # The numbers of the folders and of the verifier, and the notation of both.
    assert f"3 of 4 nodes signed; without {fresh.nodes[3].address} (node 3)" in rebuilt.stdout
    assert f"median {value:f}," in rebuilt.stdout
    for command in ("relay", "rebuild"):
        none = run_command(command, "--config", str(tmp_path / "relay.json"), "--period", "7")
        assert (none.exit_code, none.stderr) == (2, "period 7: the feed has 2, counted from 1\n")
    config["nodes"] = ["not a url"]
    (tmp_path / "relay.json").write_text(json.dumps(config))
    for arguments in (
        ("relay", "--config", str(tmp_path / "relay.json")),
        ("node", "--config", str(tmp_path / "relay.json")),
        ("verify", str(tmp_path / "relay.json")),
    ):
        bad = run_command(*arguments)
        assert bad.exit_code == 2, arguments
        assert len(bad.stderr.strip().splitlines()) == 1, bad.stderr


def test_tampered_reports_fail(fresh: Any, tmp_path: Path) -> None:
    record = relay_into(fresh, tmp_path)
    path = Path(record["file"])
    original = json.loads(path.read_text())

    def failed(change: Any, w3: Any = None) -> set[str]:
        report = json.loads(json.dumps(original))
        change(report)
        path.write_text(json.dumps(report))
        done = verify_report(path, w3=w3)
        assert not done.ok
        return {check.name for check in done.checks if not check.ok} - {"recomputes"}

    def other_value(report: dict[str, Any]) -> None:
        report["value"] = str(int(report["value"]) + 1)

    def other_observation(report: dict[str, Any]) -> None:
        report["observations"][0]["value"] = str(int(report["observations"][0]["value"]) - 1)

    def other_period(report: dict[str, Any]) -> None:
        report["period"] += 1

    def other_evidence(report: dict[str, Any]) -> None:
        report["evidence"] = "0x" + "ab" * 32

    def swapped(report: dict[str, Any]) -> None:
        report["observations"].reverse()

    def fewer(report: dict[str, Any]) -> None:
        del report["observations"][2]

    def impostor(report: dict[str, Any]) -> None:
        report["observations"][0]["signer"] = "0x" + "11" * 20

    assert failed(other_value) == {"median"}
    assert failed(other_value, fresh.w3) == {"median", "chain"}
    assert failed(other_evidence, fresh.w3) == {"report evidence", "chain"}
    assert failed(other_observation) == {"signature", "evidence is of this observation"}
    assert failed(other_period) == {"signature", "evidence is of this observation"}
    details = {c.detail for c in verify_report(path).checks if c.name == "evidence is of this observation"}
    assert details == {"it is of period 1"}
    assert failed(swapped) == {"median", "report evidence"}
    assert failed(fewer) == {"median", "report evidence", "quorum"}
    assert failed(impostor) == {"signature"}


def test_tampered_evidence_fails(fresh: Any, tmp_path: Path) -> None:
    record = relay_into(fresh, tmp_path)
    victim = record["observations"][0]
    file = tmp_path / "evidence" / victim["evidence"] / "rain.csv"
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    done = verify_report(record["file"])
    assert "changed" in done.culprits[victim["signer"]]


# ------------------------------------------------------------------------------------------ versions, loss


def test_what_a_node_sees_of_the_chain_is_there(fresh: Any, tmp_path: Path) -> None:
    view, at = ChainView(fresh.chain.url), fresh.at
    where = (fresh.chain.chain_id, at.oracle, at.feed, 0)
    for version, restate in ((0, False), (1, True)):
        relay_into(fresh, tmp_path, restate=restate)
        now = fresh.w3.eth.get_block("latest")["timestamp"]
        assert view.state(*where) == ChainState(now, "pending", version)
    assert view.state(*where[:3], 1).status == "none"


def test_a_relay_that_is_not_listed_gets_nothing(fresh: Any, tmp_path: Path) -> None:
    with pytest.raises(RelayError, match=r"(?s)0 usable answers.*HTTP 403: relay = "):
        relay_into(fresh, tmp_path, key=Account.from_key(keccak(text="nobody's relay")))
    assert relay_into(fresh, tmp_path, key=OTHER_RELAY)["version"] == 0


def test_killed_after_sending_it_leaves_a_file_to_verify(
    fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Sender, tx: str, operation: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sender, "_receipt", killed)
    with pytest.raises(KeyboardInterrupt):
        relay_into(fresh, tmp_path)
    monkeypatch.undo()
    (file,) = tmp_path.glob("report-0-0-*.json")
    done = verify_report(file, w3=fresh.w3)
    assert list(done.culprits) == [fresh.nodes[2].address]
    assert next(check for check in done.checks if check.name == "chain").ok


def test_a_report_is_rebuilt_from_the_chain(fresh: Any, tmp_path: Path) -> None:
    """Another machine, which has nothing but the chain and, the first time, the nodes."""
    record = relay_into(fresh, tmp_path / "relay")
    place = (fresh.w3, fresh.at.oracle, fresh.at.feed, 0)
    again = rebuild_report(*place, fresh.urls, tmp_path / "again")
    assert again["evidence_lost"] == []
    for name in ("value", "evidence", "version", "tx", "block", "signers", "absent"):
        assert again[name] == record[name], name
    without_url = [{k: v for k, v in item.items() if k != "url"} for item in record["observations"]]
    assert [{k: v for k, v in item.items() if k != "url"} for item in again["observations"]] == without_url
    assert list(verify_report(again["file"], w3=fresh.w3).culprits) == [fresh.nodes[2].address]
    assert again["rebuilt"] is True
    alone = rebuild_report(*place, [], tmp_path / "alone" / "in" / "a" / "folder")
    assert alone["evidence_lost"] == [item["evidence"] for item in record["observations"]]
    with pytest.raises(RelayError, match="period 2: the chain has no report"):
        rebuild_report(*place[:3], 1, [], tmp_path / "none")


def test_a_report_that_came_through_another_contract_is_found(fresh: Any, tmp_path: Path) -> None:
    """A wallet's transaction carries the call somewhere inside its own data."""
    call = "0x" + "ab" * 37 + calldata(fresh.functions.submit(*arguments_of(fresh)))[2:] + "00" * 27
    (found,) = calls_in(fresh.w3, fresh.at.oracle, bytes.fromhex(call[2:]))
    assert [item["value"] for item in found["observations"]] == [
        item.signed.value for item in answers_of(fresh)
    ]


def test_what_looks_like_the_report_is_not_taken_for_it(
    fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the call that counted, its sender's data have others: unsigned, by nobody, in another order."""
    relay_into(fresh, tmp_path)
    identity, period, version, observations = arguments_of(fresh)
    (value, *rest), others = observations[0], observations[1:]
    nobody = [(*item[:2], index, *item[3:]) for item, index in zip(observations, (0, 1, 4), strict=True)]
    decoys = [
        calldata(fresh.functions.submit(identity, period, version, false))[2:]
        for false in ([], [(value + 1, *rest), *others], nobody, observations[::-1])
    ]
    sent = rebuild.rpc

    def with_decoys(w3: Any, method: str, *arguments: Any) -> Any:
        found = sent(w3, method, *arguments)
        return {**found, "input": "0x" + "".join(decoys) + found["input"][2:]}

    monkeypatch.setattr(rebuild, "rpc", with_decoys)
    found = rebuild.from_chain(fresh.w3, fresh.at.oracle, fresh.at.feed, 0)
    assert [signed.value for _, signed in found.observations] == [item[0] for item in observations]
    monkeypatch.setattr(rebuild, "rpc", lambda *_: {"input": "0x" + "".join(decoys)})
    with pytest.raises(rebuild.RebuildError, match="do not hold the report"):
        rebuild.from_chain(fresh.w3, fresh.at.oracle, fresh.at.feed, 0)
    monkeypatch.setattr(rebuild, "rpc", lambda *_: None)  # a node that no longer has the transaction
    with pytest.raises(rebuild.RebuildError, match="do not hold the report"):
        rebuild.from_chain(fresh.w3, fresh.at.oracle, fresh.at.feed, 0)


def arguments_of(network: Any) -> tuple[Any, ...]:
    return bytes.fromhex(network.at.feed[2:]), 0, 0, submit_arguments(answers_of(network))


def test_a_fuller_report_takes_the_place_of_one_with_fewer(fresh: Any, tmp_path: Path) -> None:
    first = relay_into(fresh, tmp_path)
    assert [item["signer"] for item in first["absent"]] == [fresh.nodes[3].address]
    with run_nodes([fresh.nodes[3]]) as late:
        more = SimpleNamespace(**{**vars(fresh), "urls": [late[0].url]})  # the others need not be there
        full = relay_into(more, tmp_path)
        assert full["version"] == first["version"] == 0
        assert full["absent"] == []
        assert {item["signer_index"] for item in full["observations"]} == {0, 1, 2, 3}
        held = read(fresh.functions.reportOf(bytes.fromhex(fresh.at.feed[2:]), 0))
        assert (held["value"], held["evidence"]) == (int(full["value"]), full["evidence"])
        assert list(verify_report(full["file"], w3=fresh.w3).culprits) == [fresh.nodes[2].address]
        with pytest.raises(RelayError, match="pending already, and all 4 nodes have signed it"):
            relay_into(more, tmp_path)
    assert rebuild_report(fresh.w3, fresh.at.oracle, fresh.at.feed, 0, [], tmp_path)["absent"] == []


def test_a_failed_round_does_not_lock_the_period(fresh: Any, tmp_path: Path) -> None:
    """Two of four sign version 0, then the data are corrected: a round brings a higher version."""
    homes = [item.config.parent for item in fresh.nodes[:3]]
    kept = [(home / "rain.csv").read_text() for home in homes]
    hour = "2020-07-28T16:00:00Z,"
    for url in fresh.urls[:2]:
        ask(url, request_of(fresh), fresh.feed, LOCAL_RELAY, 60)
    try:
        for home, text in zip(homes, kept, strict=True):
            assert f"{hour}30.0" in text
            (home / "rain.csv").write_text(text.replace(f"{hour}30.0", f"{hour}60.0"))
        record = relay_into(fresh, tmp_path)
    finally:
        for home, text in zip(homes, kept, strict=True):
            (home / "rain.csv").write_text(text)
    assert record["version"] == 86_400 // 600
    assert len(record["observations"]) == 3
    assert record["equivocations"] == []
    held = read(fresh.functions.reportOf(bytes.fromhex(fresh.at.feed[2:]), 0))
    assert (held["version"], held["value"]) == (144, int(record["value"]))


# ------------------------------------------------------------------------------------------ replay


def test_a_report_counts_nowhere_else(fresh: Any, feed_terms: FeedTerms) -> None:
    """The same observations, brought to another period, version, feed, contract and chain."""
    answers = answers_of(fresh)
    oracle = contract(fresh.w3, "KpiOracle", fresh.at.oracle)
    consumer = fresh.chain.accounts[1]
    signers = list(fresh.feed.signers)
    longer = replace(feed_terms, dispute_window=feed_terms.dispute_window + 1)
    other_feed = feed_at(fresh.sender, oracle, longer, signers, fresh.panel, consumer, fresh.at.currency)
    with pytest.raises(ContractError, match="KpiOracle_BadSignature"):
        submit(fresh, answers, feed=other_feed)
    elsewhere = create_feed(fresh.sender, feed_terms, signers, fresh.panel, consumer)
    functions = contract(fresh.w3, "KpiOracle", elsewhere.oracle).functions
    moved = functions.submit(bytes.fromhex(elsewhere.feed[2:]), 0, 0, submit_arguments(answers))
    with pytest.raises(ContractError, match="KpiOracle_BadSignature"):
        fresh.sender.send(moved)
    elsewhere_signed = [signed_for(fresh, item, chain_id=fresh.chain.chain_id + 1) for item in answers]
    with pytest.raises(ContractError, match="KpiOracle_BadSignature"):
        submit(fresh, elsewhere_signed)
    submit(fresh, answers)  # here it counts
    with pytest.raises(ContractError, match="KpiOracle_BadSignature"):
        submit(fresh, answers, version=1)
    with pytest.raises(ContractError, match="KpiOracle_NotFuller"):
        submit(fresh, answers)  # once more
    rpc(fresh.w3, "evm_mine", SECONDS_2021[1] + 86_400)
    late = answers_of(fresh)  # of period 0, but not stale for period 1
    assert all(item.signed.observed_at > SECONDS_2021[1] for item in late)
    with pytest.raises(ContractError, match="KpiOracle_BadSignature"):
        submit(fresh, late, period=1)


def test_the_relay_takes_no_answer_for_something_else(network: Any) -> None:
    good = request_of(network)
    (one, *_), feed = answers_of(network), network.feed
    for change, says in (
        ({"chain_id": network.chain.chain_id + 1}, "is chain"),
        ({"contract": "0x" + "22" * 20}, "no oracle contract"),
        ({"feed": "0x" + "33" * 32}, "no such feed"),
    ):
        with pytest.raises(AnswerError, match=f"HTTP 503: nothing is signed.*({says})"):
            ask(network.urls[0], request_of(network, **change), feed, LOCAL_RELAY, 20)
        other = signed_for(network, one, **change).signed
        with pytest.raises(AnswerError, match="another feed, contract or chain"):
            check_signature(other, feed.chain_id, feed.contract, feed.id, feed.signers)
    strangers = replace(network.feed, signers=network.feed.signers[1:])
    with pytest.raises(AnswerError, match="not a signer"):
        ask(network.urls[0], good, strangers, LOCAL_RELAY, 20)
    with pytest.raises(AnswerError, match="not the feed's"):
        ask(network.urls[0], good, replace(network.feed, method_hash="0x" + "0" * 64), LOCAL_RELAY, 20)
    with pytest.raises(AnswerError, match="out of the feed's bounds"):
        ask(network.urls[0], good, replace(network.feed, maximum=10), LOCAL_RELAY, 20)
    found = collect([network.urls[0], network.urls[0] + "/"], good, network.feed, LOCAL_RELAY)
    assert len(found.answers) == 1
    assert "answered already" in found.failures[0].reason


def test_below_quorum_nothing_is_sent(fresh: Any, tmp_path: Path) -> None:
    block = fresh.w3.eth.block_number
    with pytest.raises(RelayError, match=r"(?s)2 usable answers; the quorum is 3.*down: "):
        relay_into(SimpleNamespace(**{**vars(fresh), "urls": [fresh.urls[0], fresh.urls[2], DOWN]}), tmp_path)
    assert fresh.w3.eth.block_number == block


# ------------------------------------------------------------------------------------------ dispute


def test_challenge_and_ruling_correct_the_value(fresh: Any, tmp_path: Path) -> None:
    record = relay_into(fresh, tmp_path)
    currency = contract(fresh.w3, "TestCurrency", fresh.at.currency).functions
    citizen = Sender(fresh.w3, fresh.chain.accounts[5])
    fresh.sender.send(currency.mint(citizen.address, fresh.feed.challenge_bond))
    reasons = record["observations"][0]["evidence"]
    config = tmp_path / "citizen.json"
    feed = {"contract": fresh.at.oracle, "feed": fresh.at.feed}
    account = {"address": citizen.address}
    config.write_text(json.dumps({"network": fresh.chain.url, "feed": feed, "account": account}))
    done = CliRunner().invoke(app, ["challenge", "--config", str(config), "--evidence", reasons])
    assert done.exit_code == 0, done.output
    bond = Decimal(fresh.feed.challenge_bond).scaleb(-read(currency.decimals()))
    words = f"challenged version 0 with a bond of {read(currency.symbol())} {bond:,}, tx 0x"
    assert done.stdout.startswith(words), done.stdout
    assert read(currency.balanceOf(citizen.address)) == 0
    corrected = int(record["observations"][0]["value"])
    held = read(fresh.functions.reportOf(bytes.fromhex(fresh.at.feed[2:]), 0))
    ruling = Ruling(fresh.at.feed, 0, 0, held["evidence"], Verdict.CORRECTED, corrected, reasons)
    domain = Domain(fresh.chain.chain_id, fresh.at.oracle)
    signatures = [sign_ruling(ruling, domain, key) for key in (PANEL[2], PANEL[0])]
    ordered = assemble(ruling, domain, signatures, fresh.feed.panel, fresh.feed.panel_quorum)
    assert [index for index, _ in ordered] == [0, 2]
    send_ruling(citizen, fresh.at.oracle, ruling, ordered)
    held = read(fresh.functions.reportOf(bytes.fromhex(fresh.at.feed[2:]), 0))
    assert (held["status"], held["value"], held["evidence"]) == (3, corrected, reasons)
    credit = read(fresh.functions.creditOf(fresh.at.currency, citizen.address))
    assert credit == fresh.feed.challenge_bond  # no reward: nobody has filled the pool


def test_a_ruling_needs_its_quorum_of_panellists(network: Any) -> None:
    domain = Domain(network.chain.chain_id, network.at.oracle)
    ruling = Ruling(network.at.feed, 0, 0, NO_REPORT, Verdict.VOID, 0, "0x" + "0" * 64)
    one = sign_ruling(ruling, domain, PANEL[0])
    panel = network.panel
    with pytest.raises(PanelError, match="1 signatures; the panel's quorum is 2"):
        assemble(ruling, domain, [one], panel, 2)
    with pytest.raises(PanelError, match="signed twice"):
        assemble(ruling, domain, [one, one], panel, 2)
    stranger = sign(ruling.message(domain), keccak(text="stranger"))
    with pytest.raises(PanelError, match="not on the panel"):
        assemble(ruling, domain, [one, stranger], panel, 2)
    for other in (replace(ruling, verdict=Verdict.STANDS), replace(ruling, report="0x" + "cd" * 32)):
        with pytest.raises(PanelError, match="not on the panel, or signed another ruling"):
            assemble(other, domain, [one], panel, 1)

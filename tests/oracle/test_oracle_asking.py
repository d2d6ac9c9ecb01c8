"""Asking nodes that are slow, hostile, or two at once: real HTTP, no chain."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, load_deal
from oracle import asking
from oracle.asking import AnswerError, ask, collect
from oracle.equivocation import EquivocationError, Memory, is_equivocation, load_equivocation
from oracle.feed import Feed
from oracle.local import LOCAL_RELAY, NodeFiles, prepare_nodes
from oracle.method import method_hash
from oracle.node import Node
from oracle.server import create_app
from scripts.oracle import app
from tests.oracle.conftest import ROOT
from tests.oracle.offline import CONTRACT, FEED, edit, request, start

Speech = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def enel() -> Deal:
    return load_deal(ROOT / "deals" / "enel-slb-2019.yaml")


@pytest.fixture(scope="module")
def terms(enel: Deal) -> FeedTerms:
    return feed_terms(enel, "renewable-share")


@pytest.fixture
def files(terms: FeedTerms, enel: Deal, tmp_path: Path) -> list[NodeFiles]:
    return prepare_nodes(tmp_path / "nodes", terms, deal=enel)


def feed_of(files: list[NodeFiles], terms: FeedTerms) -> Feed:
    return Feed(
        id=FEED,
        chain_id=1,
        contract=CONTRACT,
        kpi=terms.kpi,
        decimals=terms.decimals,
        minimum=terms.min_value,
        maximum=terms.max_value,
        max_spread=terms.max_spread,
        signers=tuple(item.address for item in files),
        quorum=terms.quorum,
        method_hash=method_hash(terms.method),
        period_ends=terms.period_ends,
        panel=(),
        panel_quorum=0,
        bond_currency=CONTRACT,
        challenge_bond=0,
    )


@contextmanager
def serving(node: Node) -> Iterator[str]:
    """The node on HTTP in a thread of this process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(node), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def speaking(speech: Speech) -> Iterator[str]:
    """A server that says `speech` to everybody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def talk() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=say, args=(connection,), daemon=True).start()

        def say(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65_536)
                speech(connection)

        threading.Thread(target=talk, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def drip(text: bytes) -> Speech:
    """A byte every 0.2 s: no single read waits long, and all of them take a minute."""

    def speech(connection: socket.socket) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)

    return speech


SLOW_HEADERS = drip(b"HTTP/1.1 200 OK\r\n" + b"X-Padding: " + b"x" * 300)


def slow_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")
    drip(b" " * 300)(connection)


def silent(connection: socket.socket) -> None:
    time.sleep(60)


@pytest.mark.parametrize("speech", [SLOW_HEADERS, slow_body, silent], ids=["headers", "body", "silence"])
def test_the_whole_of_an_answer_has_a_deadline(
    speech: Speech, files: list[NodeFiles], terms: FeedTerms
) -> None:
    begun = time.monotonic()
    with speaking(speech) as url, pytest.raises(AnswerError, match=r"no whole answer within 1 s"):
        ask(url, request(terms), feed_of(files, terms), LOCAL_RELAY, 1.0)
    assert time.monotonic() - begun < 6  # a read takes 0.2 s, all of them more than 60


def test_a_quorum_is_not_kept_waiting_for_one_that_is_slow(
    files: list[NodeFiles], terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "GRACE_SECONDS", 0.5)
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(start(item))) for item in files[:3]]
        slow = stack.enter_context(speaking(silent))
        begun = time.monotonic()
        found = collect(
            [slow, *urls], request(terms), feed_of(files, terms), LOCAL_RELAY, 60, lambda got: len(got) >= 3
        )
        assert time.monotonic() - begun < 30
    assert [item.signer_index for item in found.answers] == [0, 1, 2]
    assert [(item.url, item.reason.partition(":")[0]) for item in found.failures] == [(slow, "late")]


def test_one_that_is_a_little_late_still_counts(
    files: list[NodeFiles], terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More signatures make the median harder to move: a quorum waits a while for the rest."""
    edit(files[3], fault={"delay_seconds": 1.5})
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(start(item))) for item in files]
        found = collect(
            urls, request(terms), feed_of(files, terms), LOCAL_RELAY, 60, lambda got: len(got) >= 3
        )
    assert [item.signer_index for item in found.answers] == [0, 1, 2, 3]
    assert found.failures == []


def test_without_a_quorum_all_are_waited_for(
    files: list[NodeFiles], terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the grace of those that come after it."""
    monkeypatch.setattr(asking, "GRACE_SECONDS", 0.1)
    edit(files[1], fault={"delay_seconds": 1.0})
    with serving(start(files[0])) as one, serving(start(files[1])) as late:
        found = collect([one, late], request(terms), feed_of(files, terms), LOCAL_RELAY)
    assert [item.signer_index for item in found.answers] == [0, 1]


def says(status: str, body: bytes, *headers: str) -> Speech:
    """An answer of one's own making."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("speech", "words"),
    [
        (says("200 OK", b" " * 65_536), "answer: body = .*: invalid JSON"),
        (says("200 OK", b" " * 65_537), "answer: larger than 65536 bytes"),
        (says("200 OK", b"{}"), r"answer: feed: is required \(and 10 more\)"),
        (says("500 No", b'{"error": "' + b"x" * 400 + b'"}'), f"HTTP 500: {'x' * 300}$"),
        (says("201 Created", b"{}"), "HTTP 201: no reason given"),
        (says("503 No", b"[1]"), "HTTP 503: no reason given"),
        (says("409 Conflict", b'{"error": "taken"}'), "HTTP 409: taken"),
    ],
)
def test_an_answer_that_is_none(speech: Speech, words: str, files: list[NodeFiles], terms: FeedTerms) -> None:
    with speaking(speech) as url:
        with pytest.raises(AnswerError, match=words):
            ask(url, request(terms), feed_of(files, terms), LOCAL_RELAY, 20)
        found = collect([url], request(terms), feed_of(files, terms), LOCAL_RELAY, 20)
    assert [failure.conflict for failure in found.failures] == ["409" in words]
    assert found.signed == []


@pytest.mark.parametrize("name", ["feed", "period", "version", "chain_id", "contract"])
def test_an_honest_answer_to_another_question_is_none(
    name: str, files: list[NodeFiles], terms: FeedTerms
) -> None:
    """What a node has signed of another period, say, cannot be played again as its answer for this one."""
    feed = feed_of(files, terms)
    with serving(start(files[0])) as url:
        signed = ask(url, request(terms), feed, LOCAL_RELAY, 20).signed
    given = getattr(signed, name)
    other = given + 1 if isinstance(given, int) else given[:-1] + ("1" if given[-1] != "1" else "2")
    asked = request(terms).model_copy(update={name: other})
    replayed = says("200 OK", signed.model_dump_json().encode())
    with speaking(replayed) as url, pytest.raises(AnswerError, match=f"answer: {name} = {given}, asked for"):
        ask(url, asked, feed, LOCAL_RELAY, 20)


def test_a_node_is_asked_where_it_is_and_nowhere_else(
    files: list[NodeFiles], terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot send the relay on to another address, nor can a proxy of the environment come between."""
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(start(files[0])) as node:
        assert ask(node, request(terms), feed_of(files, terms), LOCAL_RELAY, 20).signer_index == 0
        moved = says("307 Elsewhere", b"", f"Location: {node}/v1/observation")
        with speaking(moved) as url, pytest.raises(AnswerError, match="HTTP 307: no reason given"):
            ask(url, request(terms), feed_of(files, terms), LOCAL_RELAY, 20)


def test_evidence_is_read_to_twice_its_limit(
    files: list[NodeFiles], terms: FeedTerms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JSON it is longer than its files, and no stranger's is read without end."""
    monkeypatch.setattr(asking.evidence, "MAX_BYTES", 1000)
    root = "0x" + "ab" * 32
    for size, words in ((2000, "evidence: "), (2001, "answer: larger than 2000 bytes")):
        with speaking(says("200 OK", b" " * size)) as url, pytest.raises(AnswerError, match=words):
            asking.fetch_bundle(url, root, 20)


def test_what_was_signed_is_kept_though_it_cannot_be_used(files: list[NodeFiles], terms: FeedTerms) -> None:
    """It may be the proof of a lie."""
    with serving(start(files[0])) as url:
        bounded = replace(feed_of(files, terms), maximum=579_999)
        found = collect([url], request(terms), bounded, LOCAL_RELAY, 20)
        at_its_bound = collect(
            [url], request(terms), replace(bounded, maximum=580_000, minimum=580_000), LOCAL_RELAY
        )
    assert [item.value for item in found.signed] == [580_000]
    assert (found.answers, found.failures[0].reason) == ([], "value 580000 is out of the feed's bounds")
    assert len(at_its_bound.answers) == len(at_its_bound.signed) == 1


def test_a_stranger_gets_nothing_over_http(files: list[NodeFiles], terms: FeedTerms) -> None:
    edit(files[0], relays=["0x" + "11" * 20])
    with serving(start(files[0])) as url, pytest.raises(AnswerError, match="HTTP 403: relay = "):
        ask(url, request(terms), feed_of(files, terms), LOCAL_RELAY, 30)


# -- two answers of one signer


@pytest.fixture
def proof(files: list[NodeFiles], terms: FeedTerms, tmp_path: Path) -> Path:
    """One key in two places, with other data: two values for one report."""
    twin = NodeFiles(tmp_path / "twin" / "node.json", files[0].address)
    shutil.copytree(files[0].config.parent, twin.config.parent)
    reports = twin.config.parent / "reports.csv"
    reports.write_text(reports.read_text().replace(",0.58,", ",0.59,"))
    with serving(start(files[0])) as one, serving(start(twin)) as other:
        found = collect([one, other], request(terms), feed_of(files, terms), LOCAL_RELAY)
    assert len(found.answers) == 1
    assert "answered already" in found.failures[0].reason
    assert not found.failures[0].conflict
    memory = Memory(tmp_path / "out")
    (path,) = memory.note(found.signed)
    assert memory.note(found.signed[:1]) == []  # what it said first is no proof
    return path


def test_a_file_that_says_nothing_of_the_kind_is_no_proof(proof: Path, tmp_path: Path) -> None:
    assert is_equivocation(proof)
    for text in ("{", "[]", "{}", '{"schema": "penstock/report/1"}'):
        (tmp_path / "other.json").write_text(text)
        assert not is_equivocation(tmp_path / "other.json")
    assert not is_equivocation(tmp_path / "absent.json")


def test_two_values_of_one_signer_are_kept_as_proof(proof: Path, files: list[NodeFiles]) -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["verify", str(proof)])
    assert done.exit_code == 0, done.output
    assert f"Node {files[0].address} has signed value " in done.stdout
    assert "580000" in done.stdout
    assert "590000" in done.stdout
    found = json.loads(CliRunner().invoke(app, ["verify", str(proof), "--json"]).stdout)
    assert found["equivocation"] == files[0].address


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value": "590001"}, "the signature is that of"),
        ({"version": 1}, "not about the same report"),
        ({"period": 1}, "not about the same report"),
        ({"signer": "0x" + "11" * 20}, "not about the same report"),
        ({"chain_id": 5}, "not about the same report"),
    ],
)
def test_a_proof_that_proves_nothing(proof: Path, change: dict[str, object], says: str) -> None:
    content = json.loads(proof.read_text())
    content["second"] |= change
    proof.write_text(json.dumps(content))
    with pytest.raises(EquivocationError, match=says):
        load_equivocation(proof).check()
    assert CliRunner().invoke(app, ["verify", str(proof)]).exit_code == 2


def test_the_same_value_twice_is_no_proof(proof: Path, files: list[NodeFiles], terms: FeedTerms) -> None:
    """At another time the same value has another signature, as it should."""
    content = json.loads(proof.read_text())
    proof.write_text(json.dumps({**content, "second": content["first"]}))
    with pytest.raises(EquivocationError, match="both say the same"):
        load_equivocation(proof).check()

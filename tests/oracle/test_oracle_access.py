"""Whom a node signs for, for which version and at what time: what strangers and hostile relays can do."""

from __future__ import annotations

import json
import random
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import keccak

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, load_deal
from oracle.access import MAX_AGE_SECONDS, sign_request
from oracle.chain_view import ChainState, ChainView
from oracle.local import LOCAL_RELAY, NodeFiles, prepare_nodes
from oracle.node import Node, RefusedError
from oracle.node_config import load_config
from oracle.versions import OPENS_EVERY_SECONDS, admitted, newest_version
from tests.oracle.conftest import ROOT
from tests.oracle.offline import Sky, edit, request, start

STRANGER = Account.from_key(keccak(text="a stranger"))


@pytest.fixture(scope="session")
def enel() -> Deal:
    return load_deal(ROOT / "deals" / "enel-slb-2019.yaml")


@pytest.fixture(scope="session")
def terms(enel: Deal) -> FeedTerms:
    return feed_terms(enel, "renewable-share")


@pytest.fixture
def files(terms: FeedTerms, enel: Deal, tmp_path: Path) -> NodeFiles:
    return prepare_nodes(tmp_path, terms, deal=enel)[0]


def refused(node: Node, asked: Any) -> str:
    with pytest.raises(RefusedError) as refusal:
        node.answer(asked)
    assert refusal.value.status == 403
    return str(refusal.value)


def signed_versions(node: Node) -> list[int]:
    with node.ledger._open() as connection:
        return [row[0] for row in connection.execute("SELECT version FROM signed ORDER BY version")]


def test_only_listed_relays_are_answered(files: NodeFiles, terms: FeedTerms) -> None:
    node, wanted = start(files), request(terms)
    assert "relay = " in refused(node, sign_request(wanted, STRANGER))
    posing = sign_request(wanted, STRANGER).model_copy(update={"relay": LOCAL_RELAY.address})
    assert f"that of {STRANGER.address}" in refused(node, posing)
    assert signed_versions(node) == []
    assert node.answer(sign_request(wanted, LOCAL_RELAY)).signer == node.address


def test_a_request_counts_once_and_for_a_minute(files: NodeFiles, terms: FeedTerms) -> None:
    node, wanted, now = start(files), request(terms), int(time.time())
    asked = sign_request(wanted, LOCAL_RELAY)
    node.answer(asked)
    assert "made before" in refused(node, asked)
    assert "made before" in refused(start(files), asked)  # a restart forgets nothing
    for when in (now - MAX_AGE_SECONDS - 5, now + MAX_AGE_SECONDS + 5):
        assert "clock" in refused(node, sign_request(wanted, LOCAL_RELAY, when))
    # Nothing of a request can be changed: not what is asked for, and not its nonce or its time.
    for change in (
        {"request": wanted.model_copy(update={"version": 1})},
        {"request": wanted.model_copy(update={"contract": "0x" + "0b" * 20})},
        {"request": wanted.model_copy(update={"chain_id": 2})},
        {"nonce": "0x" + "00" * 32},
        {"issued_at": now + 1},
    ):
        fresh = sign_request(wanted, LOCAL_RELAY, now)
        assert "signature" in refused(node, fresh.model_copy(update=change)), change


def test_the_time_that_is_signed_is_the_chains(files: NodeFiles, terms: FeedTerms) -> None:
    ends = terms.period_ends[0]
    assert start(files, Sky(time=ends + 77)).observe(request(terms)).observed_at == ends + 77
    with pytest.raises(RefusedError, match="the period ends at"):
        start(files, Sky(time=ends - 1)).observe(request(terms))


def test_without_a_chain_nothing_is_signed(files: NodeFiles, terms: FeedTerms) -> None:
    with socket.socket() as free:  # bound, and nobody listens
        free.bind(("127.0.0.1", 0))
        edit(files, rpc=f"http://127.0.0.1:{free.getsockname()[1]}")
        node = Node(load_config(files.config))
        with pytest.raises(RefusedError, match="nothing is signed without a view of the chain") as refusal:
            node.observe(request(terms))
    assert refusal.value.status == 503
    assert signed_versions(node) == []


@pytest.mark.parametrize(
    ("sky", "taken"),
    [
        # Nothing reported, half an hour after the period's end: 0, and three more every ten minutes.
        (Sky(status="none"), range(4)),
        (Sky(status="pending", version=5), range(5, 7)),  # more may sign 5; 6 restates it
        (Sky(status="pending", version=1), range(1, 4)),
    ],
)
def test_versions_are_those_the_chain_is_at(
    files: NodeFiles, terms: FeedTerms, sky: Sky, taken: range
) -> None:
    node = start(files, replace(sky, time=terms.period_ends[0] + 3 * OPENS_EVERY_SECONDS))
    for version in (*range(9), 10, 10**6, 2**32 - 1):
        wanted = request(terms).model_copy(update={"version": version})
        if version in taken:
            assert node.observe(wanted).version == version
        else:
            with pytest.raises(RefusedError, match="the chain now takes versions") as refusal:
                node.observe(wanted)
            assert refusal.value.status == 409
    assert signed_versions(node) == list(taken)


def correct(files: NodeFiles) -> None:
    """The document is read again, and says 59 %."""
    reports = files.config.parent / "reports.csv"
    text = reports.read_text()
    assert ",0.58," in text
    reports.write_text(text.replace(",0.58,", ",0.59,"))


def test_corrected_data_go_under_a_higher_version_and_no_version_has_two_values(
    files: NodeFiles, terms: FeedTerms
) -> None:
    """The round of version 0 failed after this node had signed; then its data are corrected."""
    sky = Sky(time=terms.period_ends[0] + 60)
    node, wanted = start(files, sky), request(terms)
    first = node.observe(wanted)
    correct(files)
    with pytest.raises(RefusedError, match="already signed") as refusal:
        node.observe(wanted)
    assert refusal.value.status == 409
    sky.time += OPENS_EVERY_SECONDS
    again = node.observe(wanted.model_copy(update={"version": 1}))
    assert (first.value, again.value) == (580_000, 590_000)
    with pytest.raises(RefusedError, match="already signed"):
        node.observe(wanted)


def test_no_relay_can_lock_a_period(seed: int) -> None:
    """Whatever is asked of whom: ten minutes later there is a version that every node may sign and none has
    signed. A node is here what it has signed, by version; `admitted` is what it goes by."""
    rng = random.Random(seed)
    for _ in range(300):
        ends = rng.randrange(10**9)
        state = ChainState(ends + rng.randrange(10**6), "none", 0)
        if rng.random() < 0.5:
            state = ChainState(state.time, "pending", rng.randrange(3000))
        nodes: list[set[int]] = [set() for _ in range(4)]
        for _ in range(rng.randrange(60)):
            state = replace(state, time=state.time + rng.choice([0, 0, 1, 60]))
            lowest, highest = admitted(state, ends)
            nodes[rng.randrange(4)].add(rng.choice([highest, lowest, rng.randint(lowest, highest)]))
        waited = max(OPENS_EVERY_SECONDS, ends + OPENS_EVERY_SECONDS * (state.version + 2) - state.time)
        later = replace(state, time=state.time + waited)
        free = newest_version(later, ends)
        assert all(free not in signed for signed in nodes), (seed, state)
        assert admitted(later, ends)[1] == free
        assert later.status == "none" or free > later.version


def test_bad_configurations_of_relays_and_chain(files: NodeFiles) -> None:
    original = files.config.read_text()
    for change in ({"relays": []}, {"relays": ["0x12"]}, {"rpc": "development"}):
        files.config.write_text(json.dumps({**json.loads(original), **change}))
        with pytest.raises(ValueError, match=next(iter(change))):
            load_config(files.config)


def test_an_rpc_that_talks_nonsense(files: NodeFiles) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        view = ChainView(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.5)
        with pytest.raises(RuntimeError, match="eth_chainId"):  # it accepts, and says nothing
            view.state(1, "0x" + "0a" * 20, "0x" + "01" * 32, 0)

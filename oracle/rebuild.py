"""A report's observations back from the chain: the data of the transaction that brought them.

What is on chain is enough to know who signed what; the evidence behind it comes from the nodes. A report that
came through another contract (a wallet's, a router's) is found too, wherever in the data its call stands:
the signatures say whether it is the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from web3 import Web3

from chain.bindings import contract, decode_log, event_abis, named, type_of
from chain.events import PAGE
from chain.log_reader import paged_logs
from chain.network import rpc
from oracle import evidence
from oracle.asking import AnswerError, check_signature, fetch_bundle
from oracle.feed import Feed, read_feed
from oracle.observation import report_evidence
from oracle.wire import SignedObservation

FROM_CHAIN = "chain"
"""Stands for the address of a node in a report that was rebuilt."""


class RebuildError(RuntimeError):
    """The chain does not give the observations; the message says why."""


@dataclass(frozen=True)
class SubmittedReport:
    """A report as its transaction brought it. `observations`: signer index and what it signed, in the
    report's order."""

    feed: Feed
    period: int
    version: int
    value: int
    tx: str
    block: int
    observations: tuple[tuple[int, SignedObservation], ...]


def from_chain(w3: Web3, oracle: str, feed_id: str, period: int, from_block: int = 0) -> SubmittedReport:
    """The observations of the report that the chain holds of a period. from_block: before which there is
    none. Raises RebuildError, chain.errors.ChainError."""
    feed = read_feed(w3, oracle, feed_id)
    events = event_abis("IKpiOracle")
    topic = next(topic for topic, entry in events.items() if entry["name"] == "ReportSubmitted")
    topics = ["0x" + topic.hex(), feed_id, f"0x{period:064x}"]
    filters = [{"address": oracle, "topics": topics}]
    logs = list(paged_logs(w3, filters, from_block, w3.eth.block_number, PAGE))
    if not logs:
        raise RebuildError(f"period {period + 1}: the chain has no report that nodes signed")
    log = logs[-1]  # the last one is what stands: a fuller report, or a restatement
    raw = {"topics": [bytes.fromhex(item[2:]) for item in log.topics], "data": bytes.fromhex(log.data[2:])}
    decoded = decode_log(raw, events)
    assert decoded is not None
    event = decoded[1]
    transaction = rpc(w3, "eth_getTransactionByHash", log.tx)
    data = bytes.fromhex(str((transaction or {}).get("input") or "0x")[2:])
    for arguments in calls_in(w3, oracle, data):
        observations = _signed(feed, period, event["version"], arguments["observations"])
        roots = report_evidence([signed.evidence for _, signed in observations])
        if observations and roots == event["evidence"]:
            return SubmittedReport(
                feed, period, event["version"], event["value"], log.tx, log.block, tuple(observations)
            )
    raise RebuildError(f"period {period + 1}: the data of transaction {log.tx} do not hold the report")


def calls_in(w3: Web3, oracle: str, data: bytes) -> list[dict[str, Any]]:
    """Everything in `data` that can be read as the arguments of submit."""
    entry: Any = contract(w3, "IKpiOracle", oracle).get_function_by_name("submit").abi
    types = [type_of(item) for item in entry["inputs"]]
    selector = function_abi_to_4byte_selector(entry)
    calls, at = [], data.find(selector)
    while at >= 0:
        try:
            values = decode(types, data[at + 4 :], strict=False)
            calls.append({i["name"]: named(i, v) for i, v in zip(entry["inputs"], values, strict=True)})
        except (DecodingError, ValueError, OverflowError):
            pass
        at = data.find(selector, at + 1)
    return calls


def _signed(
    feed: Feed, period: int, version: int, items: Sequence[dict[str, Any]]
) -> list[tuple[int, SignedObservation]]:
    """The observations with their signers; empty if one of them is not signed by the signer it names."""
    found = []
    for item in items:
        if not item["signer"] < len(feed.signers):
            return []
        signed = SignedObservation(
            feed=feed.id,
            period=period,
            version=version,
            chain_id=feed.chain_id,
            contract=feed.contract,
            value=item["value"],
            observed_at=item["observedAt"],
            evidence=item["evidence"],
            signer=feed.signers[item["signer"]],
            r=item["r"],
            vs=item["vs"],
        )
        try:
            if check_signature(signed, feed.chain_id, feed.contract, feed.id, feed.signers) != item["signer"]:
                return []
        except AnswerError:
            return []
        found.append((item["signer"], signed))
    return found


def gather_evidence(
    roots: Sequence[str], urls: Sequence[str], folder: Path, timeout_seconds: float
) -> list[str]:
    """Have the bundles `roots` in `folder`, from it or from the nodes; those that nobody gave."""
    lost = []
    for root in roots:
        try:
            evidence.load(folder / root)
            continue
        except evidence.EvidenceError:
            pass
        for url in urls:
            try:
                fetch_bundle(url, root, timeout_seconds).save(folder)
                break
            except AnswerError:
                continue
        else:
            lost.append(root)
    return lost

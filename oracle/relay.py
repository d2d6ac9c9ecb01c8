"""The relay: asks the nodes, checks what they answer, and brings a quorum on chain.

It is trusted with nothing: it holds no node's key, and a report says who signed what. Nodes that are down,
slow or wrong are left out with a reason (oracle.asking). It does not recompute values; oracle.verifier does.

What it is about to send is on its disk before it is sent: killed after that, it leaves a file that anyone can
verify. Even without one the chain gives the report back (oracle.rebuild).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from chain.bindings import contract, read
from chain.errors import ContractError
from chain.sender import Sender
from finance.settlement.median import median
from finance.terms import InputError
from oracle.asking import Collected, Failure, Round, collect
from oracle.chain_view import STATUS, ChainState, moment
from oracle.dispute import commitment
from oracle.equivocation import Memory
from oracle.evidence import write_whole
from oracle.feed import Feed, read_feed
from oracle.observation import Ruling, Signature, report_evidence
from oracle.rebuild import FROM_CHAIN, RebuildError, from_chain, gather_evidence
from oracle.versions import newest_version, next_version
from oracle.wire import ObservationRequest, SignedObservation

SCHEMA = "penstock/report/1"
BLOCK_WAIT_SECONDS = 15.0
"""How long the relay waits for its own chain client to reach the time that a node has seen."""


class RelayError(RuntimeError):
    """No report can be made; the message says why."""


class NoPeriodError(RelayError, InputError):
    """The feed has no such period: for the user to put right."""


@dataclass(frozen=True)
class ChainObservation:
    """An observation of the report on chain, whose node need not be there to have it counted again."""

    signer_index: int
    signed: SignedObservation
    url: str = FROM_CHAIN
    suspicions: tuple[str, ...] = ()


def choose(
    answers: Sequence[Collected | ChainObservation],
    quorum: int,
    max_spread: int,
    signers: frozenset[int] = frozenset(),
) -> list[Collected | ChainObservation]:
    """The observations to submit, ascending by value, ties by signer index; `signers` are among them.

    All of them if their spread allows; otherwise the largest set that does, and of equal sets the closest
    one, then the lowest. In ascending order such a set is always a run of neighbours. Raises RelayError if
    no quorum fits.
    """
    ranked = sorted(answers, key=lambda item: (item.signed.value, item.signer_index))
    if len(ranked) < quorum:
        raise RelayError(f"{len(ranked)} usable answers; the quorum is {quorum}")
    for size in range(len(ranked), quorum - 1, -1):
        runs = [ranked[first : first + size] for first in range(len(ranked) - size + 1)]
        fitting = [
            run
            for run in runs
            if _spread(run) <= max_spread and signers <= {item.signer_index for item in run}
        ]
        if fitting:
            return min(fitting, key=_spread)  # of equals min takes the first, which is the lowest
    values = [item.signed.value for item in ranked]
    raise RelayError(f"no {quorum} of the values {values} lie within the spread {max_spread}")


def _spread(run: Sequence[Collected | ChainObservation]) -> int:
    return run[-1].signed.value - run[0].signed.value


def submit_arguments(
    chosen: Sequence[Collected | ChainObservation],
) -> list[tuple[int, int, int, bytes, bytes, bytes]]:
    """The `observations` argument of IKpiOracle.submit."""
    return [
        (
            item.signed.value,
            item.signed.observed_at,
            item.signer_index,
            bytes.fromhex(item.signed.evidence[2:]),
            bytes.fromhex(item.signed.r[2:]),
            bytes.fromhex(item.signed.vs[2:]),
        )
        for item in chosen
    ]


@dataclass(frozen=True)
class PreparedReport:
    """A report that can be brought on chain: its record, without the transaction, and the arguments of
    IKpiOracle.submit."""

    record: dict[str, Any]
    arguments: tuple[bytes, int, int, list[tuple[int, int, int, bytes, bytes, bytes]]]


def run_relay(
    sender: Sender,
    oracle: str,
    feed_id: str,
    period: int,
    urls: Sequence[str],
    out: str | Path,
    *,
    key: LocalAccount,
    timeout_seconds: float = 30,
    restate: bool = False,
) -> dict[str, Any]:
    """Collect, choose, submit; returns the report record, which is also in OUT/report-<period>-<version>.json
    with the bundles in OUT/evidence/<root>/. `period`: its index, from 0.

    `key`: signs the requests to the nodes, which list its address. A report that is pending already is
    completed, if more nodes sign it now; `restate`: supersede it by a higher version. Raises RelayError when
    no report can be made, chain.errors.ChainError when the chain refuses.
    """
    ready = prepare_report(
        sender.w3,
        oracle,
        feed_id,
        period,
        urls,
        out,
        key=key,
        timeout_seconds=timeout_seconds,
        restate=restate,
    )
    mark = f"-{ready.record['evidence'][2:18]}"
    written = Path(save_report({**ready.record, "tx": None}, out, mark)["file"])
    functions = contract(sender.w3, "IKpiOracle", oracle).functions
    try:
        receipt = sender.send(functions.submit(*ready.arguments), "oracle submit")
    except ContractError:
        written.unlink()  # the contract has refused it: it is no report
        raise
    done = save_report(
        {
            **ready.record,
            "tx": receipt["transactionHash"].to_0x_hex(),
            "block": receipt["blockNumber"],
            "gas_used": receipt["gasUsed"],
        },
        out,
    )
    written.unlink()
    return done


def save_report(record: dict[str, Any], out: str | Path, mark: str = "") -> dict[str, Any]:
    """Write a report record to its file in OUT, with a `mark` in its name; the record with the file's
    name."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"report-{record['period']}-{record['version']}{mark}.json"
    write_whole(path, json.dumps(record, indent=2) + "\n")
    return {**record, "file": str(path)}


def rebuild_report(
    w3: Web3,
    oracle: str,
    feed_id: str,
    period: int,
    urls: Sequence[str],
    out: str | Path,
    *,
    timeout_seconds: float = 30,
    from_block: int = 0,
) -> dict[str, Any]:
    """The record of the report that the chain holds of a period, written as run_relay writes it, from the
    transaction that brought it; its evidence from OUT or from the nodes at `urls`. `evidence_lost` lists the
    roots that nobody gave. Raises RelayError, chain.errors.ChainError."""
    _require_period(read_feed(w3, oracle, feed_id), period)
    try:
        brought = from_chain(w3, oracle, feed_id, period, from_block)
    except RebuildError as error:
        raise RelayError(str(error)) from None
    observations = [_observation_record(ChainObservation(*each)) for each in brought.observations]
    roots = [signed.evidence for _, signed in brought.observations]
    lost = gather_evidence(roots, urls, Path(out) / "evidence", timeout_seconds)
    record = _record(brought.feed, period, brought.version, observations)
    record |= {"left_out": [], "failures": [], "rebuilt": True, "evidence_lost": lost}
    return save_report({**record, "tx": brought.tx, "block": brought.block}, out)


def prepare_report(
    w3: Web3,
    oracle: str,
    feed_id: str,
    period: int,
    urls: Sequence[str],
    out: str | Path,
    *,
    key: LocalAccount,
    timeout_seconds: float,
    restate: bool,
) -> PreparedReport:
    """As `run_relay`, but for the transaction: collect and choose, and keep the bundles in OUT/evidence.
    Sends nothing. Raises RelayError when no report can be made."""
    folder = Path(out)
    feed = read_feed(w3, oracle, feed_id)
    _require_period(feed, period)
    state, ends = _state(w3, oracle, feed_id, period), feed.period_ends[period]
    if state.time < ends:
        raise RelayError(f"period {period + 1} ends at {moment(ends)}; the chain is at {moment(state.time)}")
    held = _to_complete(w3, oracle, feed, period, state) if state.reported and not restate else []
    version = state.version if held else next_version(state)
    memory = Memory(folder)
    proofs = memory.note(held)

    def ask_all(version: int) -> Round:
        request = ObservationRequest(
            feed=feed_id, period=period, version=version, chain_id=feed.chain_id, contract=oracle
        )
        found = collect(urls, request, feed, key, timeout_seconds, lambda got: _enough(got, feed))
        proofs.extend(memory.note(found.signed))
        return _in_time(w3, found, ends)

    found = ask_all(version)
    newest = newest_version(state, ends)
    conflict = any(failure.conflict for failure in found.failures)
    if not held and conflict and version < newest and not _enough(found.answers, feed):
        # A round that failed has taken this version from nodes whose data were corrected since.
        found, version = ask_all(newest), newest
    for item in found.answers:  # evidence first: a report without it cannot be verified
        item.bundle.save(folder / "evidence")
    chosen = _chosen(feed, period, found, held)
    kept = [item.signed.evidence for item in chosen if isinstance(item, ChainObservation)]
    gather_evidence(kept, urls, folder / "evidence", timeout_seconds)
    record = {
        **_record(feed, period, version, [_observation_record(item) for item in chosen]),
        "left_out": [_observation_record(item) for item in found.answers if item not in chosen],
        "failures": [{"url": failure.url, "reason": failure.reason} for failure in found.failures],
        "equivocations": [path.name for path in dict.fromkeys(proofs)],
    }
    return PreparedReport(record, (bytes.fromhex(feed_id[2:]), period, version, submit_arguments(chosen)))


def _require_period(feed: Feed, period: int) -> None:
    """Raise NoPeriodError for a period, counted from 0, that the feed does not have."""
    count = len(feed.period_ends)
    if not 0 <= period < count:
        has = "only 1" if count == 1 else f"{count}, counted from 1"
        raise NoPeriodError(f"period {period + 1}: the feed has {has}")


def _state(w3: Web3, oracle: str, feed_id: str, period: int) -> ChainState:
    held = read(contract(w3, "IKpiOracle", oracle).functions.reportOf(bytes.fromhex(feed_id[2:]), period))
    return ChainState(_time(w3), STATUS[held["status"]], held["version"])


def _time(w3: Web3) -> int:
    return int(w3.eth.get_block("latest")["timestamp"])


def _to_complete(
    w3: Web3, oracle: str, feed: Feed, period: int, state: ChainState
) -> list[SignedObservation]:
    """What the report on chain was made of, if a fuller one may take its place. Raises RelayError."""
    words = f"period {period + 1} is {state.status} already"
    if state.status != "pending":
        raise RelayError(words if state.status == "missing" else f"{words}; a new report restates it")
    try:
        held = from_chain(w3, oracle, feed.id, period).observations
    except RebuildError as error:
        raise RelayError(f"{words}, and cannot be completed: {error}") from None
    if len(held) == len(feed.signers):
        raise RelayError(f"{words}, and all {len(held)} nodes have signed it; a new report restates it")
    return [signed for _, signed in held]


def _enough(answers: Sequence[Collected], feed: Feed) -> bool:
    """Whether the answers make a report, so that the rest are waited for only so long."""
    try:
        return bool(choose(answers, feed.quorum, feed.max_spread))
    except RelayError:
        return False


def _in_time(w3: Web3, found: Round, period_end: int) -> Round:
    """The answers whose times the contract takes, at the present of the relay's own chain client, which may
    be a block or two behind a node's."""
    until = time.monotonic() + BLOCK_WAIT_SECONDS
    latest = max((item.signed.observed_at for item in found.answers), default=0)
    while _time(w3) < latest and time.monotonic() < until:
        time.sleep(0.5)
    now = _time(w3)
    late = {item.url: item for item in found.answers if not period_end <= item.signed.observed_at <= now}
    failures = [
        Failure(url, f"observed at {moment(item.signed.observed_at)}; the chain is at {moment(now)}")
        for url, item in late.items()
    ]
    answers = [item for item in found.answers if item.url not in late]
    return replace(found, answers=answers, failures=[*found.failures, *failures])


def _chosen(
    feed: Feed, period: int, found: Round, held: Sequence[SignedObservation]
) -> list[Collected | ChainObservation]:
    """The observations to submit: of the answers, and of the report that they complete. Raises RelayError
    with the reason of every node that is not among them."""
    places = {address.lower(): index for index, address in enumerate(feed.signers)}
    before = {places[signed.signer.lower()]: signed for signed in held}
    answered = {item.signer_index for item in found.answers}
    kept = [ChainObservation(index, signed) for index, signed in before.items() if index not in answered]
    try:
        chosen = choose([*found.answers, *kept], feed.quorum, feed.max_spread, frozenset(before))
        if held and len(chosen) <= len(held):
            raise RelayError(
                f"period {period + 1} is pending already, signed by {len(held)} of {len(feed.signers)}, and "
                "no other node signs it now; a new report restates it"
            )
    except RelayError as error:
        reasons = "".join(f"\n  {failure.url}: {failure.reason}" for failure in found.failures)
        raise RelayError(f"{error}{reasons}") from None
    return chosen


def _record(
    feed: Feed, period: int, version: int, observations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a report's file says of it, however it was come by. `period` is its index, from 0, as on chain;
    `period_number` is what people call it, from 1."""
    signed = {item["signer"].lower() for item in observations}
    absent = [
        {"signer_index": index, "signer": address}
        for index, address in enumerate(feed.signers)
        if address.lower() not in signed
    ]
    return {
        "schema": SCHEMA,
        "chain_id": feed.chain_id,
        "contract": feed.contract,
        "feed": feed.id,
        "kpi": feed.kpi,
        "decimals": feed.decimals,
        "signers": list(feed.signers),
        "quorum": feed.quorum,
        "period": period,
        "period_number": period + 1,
        "version": version,
        "value": str(median([int(item["value"]) for item in observations])),
        "evidence": report_evidence([item["evidence"] for item in observations]),
        "observations": list(observations),
        "absent": absent,
    }


def _observation_record(item: Collected | ChainObservation) -> dict[str, Any]:
    fields = item.signed.model_dump(
        mode="json", include={"value", "observed_at", "evidence", "signer", "r", "vs"}
    )
    record = {"url": item.url, "signer_index": item.signer_index, **fields}
    return {**record, "suspect": list(item.suspicions)} if item.suspicions else record


def send_challenge(
    sender: Sender, oracle: str, feed_id: str, period: int, evidence_root: str
) -> dict[str, Any]:
    """Challenge the report of a period, or petition the panel where there is none: approve the bond, commit
    to the challenge, then make it.

    evidence_root: root of the challenger's bundle, or any 32 bytes that stand for its reasons.
    Raises chain.errors.ChainError, and NoPeriodError for a period that the feed does not have.
    """
    feed = read_feed(sender.w3, oracle, feed_id)
    _require_period(feed, period)
    functions = contract(sender.w3, "IKpiOracle", oracle).functions
    identity = bytes.fromhex(feed_id[2:])
    report = read(functions.reportOf(identity, period))
    value = None if STATUS[report["status"]] == "none" else report["value"]
    salt = "0x" + secrets.token_hex(32)
    currency = contract(sender.w3, "IERC20", feed.bond_currency).functions
    if read(currency.allowance(sender.address, oracle)) < feed.challenge_bond:
        sender.send(currency.approve(oracle, feed.challenge_bond), "oracle challenge approve")
    sealed = commitment(sender.address, feed_id, period, value, evidence_root, salt)
    sender.send(functions.commitChallenge(sealed), "oracle challenge commit")
    if value is None:
        receipt = sender.send(functions.petition(identity, period, evidence_root, salt), "oracle petition")
    else:
        call = functions.challenge(identity, period, value, evidence_root, salt)
        receipt = sender.send(call, "oracle challenge")
    return {
        "feed": feed_id,
        "period": period,
        "version": None if value is None else report["version"],
        "challenger": sender.address,
        "bond": str(feed.challenge_bond),
        "bond_currency": feed.bond_currency,
        "evidence": evidence_root,
        "tx": receipt["transactionHash"].to_0x_hex(),
        "gas_used": receipt["gasUsed"],
    }


def send_ruling(
    sender: Sender, oracle: str, ruling: Ruling, signatures: Sequence[tuple[int, Signature]]
) -> dict[str, Any]:
    """Bring the panel's signed ruling on chain; see oracle.panel. Raises chain.errors.ChainError."""
    call = contract(sender.w3, "IKpiOracle", oracle).functions.rule(
        bytes.fromhex(ruling.feed[2:]),
        ruling.period,
        int(ruling.verdict),
        ruling.value,
        bytes.fromhex(ruling.evidence[2:]),
        [(index, bytes.fromhex(s.r[2:]), bytes.fromhex(s.vs[2:])) for index, s in signatures],
    )
    receipt = sender.send(call, "oracle rule")
    return {"tx": receipt["transactionHash"].to_0x_hex(), "gas_used": receipt["gasUsed"]}

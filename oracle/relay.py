"""The relay: asks the nodes, checks what they answer, and brings a quorum on chain.

It is trusted with nothing: it holds no node's key, and a report says who signed what. Nodes that are down,
slow or wrong are left out with a reason. It does not recompute values; oracle.verifier does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError
from web3 import Web3

from chain.bindings import contract, read
from chain.sender import Sender
from finance.settlement.median import median
from oracle import evidence
from oracle.method import MethodError, bundle_method, method_hash
from oracle.observation import Ruling, Signature, SignatureError, recover, report_evidence
from oracle.wire import ObservationRequest, SignedObservation, one_line

SCHEMA = "penstock/report/1"
STATUS = ("none", "pending", "challenged", "final", "missing")
"""IKpiOracle.Status by number."""

MAX_ANSWER_BYTES = 65_536


class RelayError(RuntimeError):
    """No report can be made; the message says why."""


class AnswerError(ValueError):
    """One node's answer cannot be used; the message says why."""


@dataclass(frozen=True)
class Feed:
    """A feed as the chain has it."""

    id: str
    chain_id: int
    contract: str
    kpi: str
    decimals: int
    minimum: int
    maximum: int
    max_spread: int
    signers: tuple[str, ...]
    quorum: int
    method_hash: str
    period_ends: tuple[int, ...]
    panel: tuple[str, ...]
    panel_quorum: int
    bond_currency: str
    challenge_bond: int


@dataclass(frozen=True)
class Collected:
    """A usable answer of a node, with the evidence behind it."""

    url: str
    signer_index: int
    signed: SignedObservation
    bundle: evidence.Bundle


@dataclass(frozen=True)
class Failure:
    """A node that could not be used, and why."""

    url: str
    reason: str


def read_feed(w3: Web3, oracle: str, feed: str) -> Feed:
    """Read a feed's configuration from the contract. Raises chain.errors.ChainError."""
    config = read(contract(w3, "IKpiOracle", oracle).functions.configOf(bytes.fromhex(feed[2:])))
    return Feed(
        id=feed,
        chain_id=w3.eth.chain_id,
        contract=oracle,
        kpi=bytes.fromhex(config["kpi"][2:]).rstrip(b"\0").decode(errors="replace"),
        decimals=config["decimals"],
        minimum=config["minValue"],
        maximum=config["maxValue"],
        max_spread=config["maxSpread"],
        signers=tuple(config["signers"]),
        quorum=config["quorum"],
        method_hash=config["methodHash"],
        period_ends=tuple(config["periodEnds"]),
        panel=tuple(config["panel"]),
        panel_quorum=config["panelQuorum"],
        bond_currency=config["bondCurrency"],
        challenge_bond=config["challengeBond"],
    )


def check_signature(
    signed: SignedObservation, chain_id: int, oracle: str, feed_id: str, signers: Sequence[str]
) -> int:
    """Index of the signer in `signers`. Raises AnswerError if it is not one, or the signature is not for that
    feed of that contract on that chain."""
    meant = (chain_id, oracle.lower(), feed_id)
    if (signed.chain_id, signed.contract.lower(), signed.feed) != meant:
        raise AnswerError("signed for another feed, contract or chain")
    try:
        address = recover(signed.observation.message(signed.domain), signed.signature)
    except SignatureError as error:
        raise AnswerError(str(error)) from None
    if address.lower() != signed.signer.lower():
        raise AnswerError(f"signature is that of {address}, not of {signed.signer}")
    known = [signer.lower() for signer in signers]
    if address.lower() not in known:
        raise AnswerError(f"{address} is not a signer of the feed")
    return known.index(address.lower())


def check_bundle(signed: SignedObservation, bundle: evidence.Bundle, feed: Feed) -> None:
    """Raises AnswerError if the bundle is not evidence of exactly this observation by the feed's method."""
    try:
        context, method = bundle.context, bundle_method(bundle)
    except (MethodError, evidence.EvidenceError) as error:
        raise AnswerError(f"evidence: {error}") from None
    if bundle.root != signed.evidence:
        raise AnswerError(f"evidence: its files hash to {bundle.root}, not to the signed {signed.evidence}")
    expected = {
        "feed": signed.feed,
        "period": signed.period,
        "version": signed.version,
        "value": signed.value,
        "kpi": feed.kpi,
        "decimals": feed.decimals,
        "period_end": feed.period_ends[signed.period],
    }
    for name, value in expected.items():
        if getattr(context, name) != value:
            raise AnswerError(f"evidence: {name} = {getattr(context, name)}, not {value}")
    if method_hash(method.id) != feed.method_hash:
        raise AnswerError(f"evidence: method {method.id} is not the feed's")


def ask(url: str, request: ObservationRequest, feed: Feed, timeout_seconds: float) -> Collected:
    """Ask one node for its observation and evidence, and check both. Raises AnswerError."""
    base = url.rstrip("/")
    try:
        with httpx.Client(timeout=timeout_seconds, follow_redirects=False, trust_env=False) as client:
            body = request.model_dump(mode="json")
            answer = _fetch(client, "POST", f"{base}/v1/observation", MAX_ANSWER_BYTES, json=body)
            try:
                signed = SignedObservation.model_validate_json(answer)
            except ValidationError as error:
                raise AnswerError(f"answer: {one_line(error)}") from None
            for name, wanted in request.model_dump().items():
                given = getattr(signed, name)
                if str(given).lower() != str(wanted).lower():
                    raise AnswerError(f"answer: {name} = {given}, asked for {wanted}")
            index = check_signature(signed, feed.chain_id, feed.contract, feed.id, feed.signers)
            if not feed.minimum <= signed.value <= feed.maximum:
                raise AnswerError(f"value {signed.value} is out of the feed's bounds")
            link = f"{base}/v1/evidence/{signed.evidence}"
            files = _fetch(client, "GET", link, 2 * evidence.MAX_BYTES)
    except httpx.TimeoutException:
        raise AnswerError(f"no answer within {timeout_seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AnswerError(f"down: {error}") from None
    try:
        bundle = evidence.Bundle.from_wire(json.loads(files), signed.evidence)
    except (evidence.EvidenceError, ValueError, RecursionError) as error:
        raise AnswerError(f"evidence: {error}") from None
    check_bundle(signed, bundle, feed)
    return Collected(url, index, signed, bundle)


def _fetch(client: httpx.Client, method: str, url: str, limit: int, **arguments: Any) -> bytes:
    with client.stream(method, url, **arguments) as response:
        content = b""
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > limit:
                raise AnswerError(f"answer: larger than {limit} bytes")
    if response.status_code != 200:
        try:
            reason = str(json.loads(content)["error"])[:300]
        except (ValueError, KeyError, TypeError):
            reason = "no reason given"
        raise AnswerError(f"HTTP {response.status_code}: {reason}")
    return content


def collect(
    urls: Sequence[str], request: ObservationRequest, feed: Feed, timeout_seconds: float = 30
) -> tuple[list[Collected], list[Failure]]:
    """Ask all nodes at once. Returns the usable answers, ascending by value and signer index, and the rest.

    A signer that answers at two addresses counts once.
    """

    def attempt(url: str) -> Collected | Failure:
        try:
            return ask(url, request, feed, timeout_seconds)
        except AnswerError as error:
            return Failure(url, str(error))

    with ThreadPoolExecutor(max(1, len(urls))) as pool:
        outcomes = list(pool.map(attempt, urls))
    good: dict[int, Collected] = {}
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    for outcome in outcomes:
        if isinstance(outcome, Collected) and good.setdefault(outcome.signer_index, outcome) is not outcome:
            failures.append(Failure(outcome.url, f"signer {outcome.signer_index} has answered already"))
    return sorted(good.values(), key=_order), failures


def _order(item: Collected) -> tuple[int, int]:
    return item.signed.value, item.signer_index


def choose(answers: Sequence[Collected], quorum: int, max_spread: int) -> list[Collected]:
    """The observations to submit, ascending by value, ties by signer index.

    All of them if their spread allows; otherwise the largest set that does, and of equal sets the closest
    one, then the lowest. In ascending order such a set is always a run of neighbours. Raises RelayError if
    no quorum fits.
    """
    ranked = sorted(answers, key=_order)
    if len(ranked) < quorum:
        raise RelayError(f"{len(ranked)} usable answers; the quorum is {quorum}")
    for size in range(len(ranked), quorum - 1, -1):
        runs = [ranked[first : first + size] for first in range(len(ranked) - size + 1)]
        fitting = [run for run in runs if _spread(run) <= max_spread]
        if fitting:
            return min(fitting, key=_spread)  # of equals min takes the first, which is the lowest
    values = [item.signed.value for item in ranked]
    raise RelayError(f"no {quorum} of the values {values} lie within the spread {max_spread}")


def _spread(run: Sequence[Collected]) -> int:
    return run[-1].signed.value - run[0].signed.value


def submit_arguments(chosen: Sequence[Collected]) -> list[tuple[int, int, int, bytes, bytes, bytes]]:
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
    timeout_seconds: float = 30,
    restate: bool = False,
) -> dict[str, Any]:
    """Collect, choose, submit; returns the report record, which is also in OUT/report-<period>-<version>.json
    with the bundles in OUT/evidence/<root>/.

    observed_at is the latest block's time. `restate`: supersede an existing report. Raises RelayError when no
    report can be made, chain.errors.ChainError when the chain refuses.
    """
    ready = prepare_report(
        sender.w3, oracle, feed_id, period, urls, out, timeout_seconds=timeout_seconds, restate=restate
    )
    functions = contract(sender.w3, "IKpiOracle", oracle).functions
    receipt = sender.send(functions.submit(*ready.arguments), "oracle submit")
    return save_report(
        {
            **ready.record,
            "tx": receipt["transactionHash"].to_0x_hex(),
            "block": receipt["blockNumber"],
            "gas_used": receipt["gasUsed"],
        },
        out,
    )


def save_report(record: dict[str, Any], out: str | Path, mark: str = "") -> dict[str, Any]:
    """Write a report record to its file in OUT, with a `mark` in its name; the record with the file's
    name."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"report-{record['period']}-{record['version']}{mark}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return {**record, "file": str(path)}


def prepare_report(
    w3: Web3,
    oracle: str,
    feed_id: str,
    period: int,
    urls: Sequence[str],
    out: str | Path,
    *,
    timeout_seconds: float = 30,
    restate: bool = False,
) -> PreparedReport:
    """As `run_relay`, but for the transaction: collect and choose, and keep the bundles in OUT/evidence.
    Sends nothing. Raises RelayError when no report can be made."""
    folder = Path(out)
    feed = read_feed(w3, oracle, feed_id)
    if not 0 <= period < len(feed.period_ends):
        raise RelayError(f"period = {period}: the feed has {len(feed.period_ends)}")
    functions = contract(w3, "IKpiOracle", oracle).functions
    before = read(functions.reportOf(bytes.fromhex(feed_id[2:]), period))
    reported = STATUS[before["status"]] != "none"
    if reported and not restate:
        raise RelayError(f"period {period} is {STATUS[before['status']]} already; a new report restates it")
    version = before["version"] + 1 if reported else 0
    now = int(w3.eth.get_block("latest")["timestamp"])
    if now < feed.period_ends[period]:
        raise RelayError(f"period {period} ends at {feed.period_ends[period]}; the chain is at {now}")
    request = ObservationRequest(
        feed=feed_id,
        period=period,
        version=version,
        chain_id=feed.chain_id,
        contract=oracle,
        observed_at=now,
    )
    answers, failures = collect(urls, request, feed, timeout_seconds)
    try:
        chosen = choose(answers, feed.quorum, feed.max_spread)
    except RelayError as error:
        reasons = "".join(f"\n  {failure.url}: {failure.reason}" for failure in failures)
        raise RelayError(f"{error}{reasons}") from None
    for item in answers:  # evidence first: a report without it cannot be verified
        item.bundle.save(folder / "evidence")
    record = {
        "schema": SCHEMA,
        "chain_id": feed.chain_id,
        "contract": feed.contract,
        "feed": feed_id,
        "kpi": feed.kpi,
        "decimals": feed.decimals,
        "signers": list(feed.signers),
        "quorum": feed.quorum,
        "period": period,
        "version": version,
        "value": str(median([item.signed.value for item in chosen])),
        "evidence": report_evidence([item.signed.evidence for item in chosen]),
        "observations": [_observation_record(item) for item in chosen],
        "left_out": [_observation_record(item) for item in answers if item not in chosen],
        "failures": [{"url": failure.url, "reason": failure.reason} for failure in failures],
    }
    return PreparedReport(record, (bytes.fromhex(feed_id[2:]), period, version, submit_arguments(chosen)))


def _observation_record(item: Collected) -> dict[str, Any]:
    fields = item.signed.model_dump(
        mode="json", include={"value", "observed_at", "evidence", "signer", "r", "vs"}
    )
    return {"url": item.url, "signer_index": item.signer_index, **fields}


def send_challenge(
    sender: Sender, oracle: str, feed_id: str, period: int, evidence_root: str
) -> dict[str, Any]:
    """Challenge the pending report of a period: approve the bond, then challenge that version.

    evidence_root: root of the challenger's bundle, or any 32 bytes that stand for its reasons.
    Raises chain.errors.ChainError.
    """
    feed = read_feed(sender.w3, oracle, feed_id)
    functions = contract(sender.w3, "IKpiOracle", oracle).functions
    identity = bytes.fromhex(feed_id[2:])
    version = read(functions.reportOf(identity, period))["version"]
    currency = contract(sender.w3, "IERC20", feed.bond_currency).functions
    if read(currency.allowance(sender.address, oracle)) < feed.challenge_bond:
        sender.send(currency.approve(oracle, feed.challenge_bond), "oracle challenge approve")
    call = functions.challenge(identity, period, version, bytes.fromhex(evidence_root[2:]))
    receipt = sender.send(call, "oracle challenge")
    return {
        "feed": feed_id,
        "period": period,
        "version": version,
        "challenger": sender.address,
        "bond": str(feed.challenge_bond),
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

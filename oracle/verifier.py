"""The verifier: anyone repeats a report from its evidence and says which node's value does not follow.

It needs the report record and the evidence folder beside it. With an RPC it takes the feed from the
chain and compares what the chain holds; without, the signers and the method are the report's own claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError
from web3 import Web3

from chain.bindings import contract, read
from finance.settlement.median import median
from finance.settlement.widths import SettlementError
from finance.terms import InputError
from oracle import evidence
from oracle.asking import AnswerError, check_signature
from oracle.chain_view import STATUS
from oracle.feed import Feed, read_feed
from oracle.kpi import kpi_text
from oracle.method import (
    METHODS,
    MethodError,
    bundle_method,
    inputs_of,
    method_hash,
    recompute,
    suspicions_of,
)
from oracle.methods.base import Inputs, Reading
from oracle.observation import report_evidence
from oracle.wire import Address, ChainId, Int128, Message, SignedObservation, Uint32, UnixTime, Word, one_line


class ReportError(InputError):
    """A report file that cannot be read: `FILE: FIELD: REASON`."""


class ObservationRecord(Message):
    """One observation in a report file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str
    signer_index: Annotated[int, Field(strict=True, ge=0, lt=32)]
    value: Int128
    observed_at: UnixTime
    evidence: Word
    signer: Address
    r: Word
    vs: Word


class ReportRecord(Message):
    """A report file as the relay writes it. Fields that the verifier does not need are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_id: Literal["penstock/report/1"] = Field(alias="schema")
    chain_id: ChainId
    contract: Address
    feed: Word
    kpi: str
    decimals: Annotated[int, Field(ge=0, le=18)]
    signers: Annotated[list[Address], Field(min_length=1, max_length=32)]
    quorum: Annotated[int, Field(ge=1)]
    period: Uint32
    version: Uint32
    value: Int128
    evidence: Word
    observations: Annotated[list[ObservationRecord], Field(min_length=1, max_length=32)]


@dataclass(frozen=True)
class Check:
    """One thing looked at. `node`: the signer it is about, if one."""

    name: str
    ok: bool
    detail: str
    node: str | None = None


@dataclass
class Verification:
    """All checks of a report. `culprits`: nodes with a failed check, and why."""

    report: ReportRecord
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def culprits(self) -> dict[str, str]:
        """Signer address -> first reason."""
        found: dict[str, str] = {}
        for check in self.checks:
            if not check.ok and check.node:
                # The name of this check says what holds when it is passed.
                failed = "does not recompute" if check.name == "recomputes" else check.name
                found.setdefault(check.node, f"{failed}: {check.detail}")
        return found

    def add(self, name: str, ok: bool, detail: str, node: str | None = None) -> None:
        self.checks.append(Check(name, ok, detail, node))


def load_report(path: str | Path) -> ReportRecord:
    """Read a report file. Raises ReportError."""
    file = Path(path)
    try:
        return ReportRecord.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ReportError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise ReportError(f"{file}: {one_line(error)}") from None


def verify_report(
    path: str | Path, *, evidence_folder: str | Path | None = None, w3: Web3 | None = None
) -> Verification:
    """Repeat a report. `evidence_folder`: default the folder `evidence` beside the file. Raises ReportError
    for a file that is not a report, and where the method is not installed; chain.errors.ChainError if the
    RPC does not answer for it."""
    report = load_report(path)
    folder = Path(evidence_folder) if evidence_folder else Path(path).parent / "evidence"
    done = Verification(report)
    feed = _feed_on_chain(done, w3) if w3 is not None else None
    looked = [(item, _check_observation(done, item, feed, folder)) for item in report.observations]
    intact = [(item, bundle) for item, bundle in looked if bundle is not None]
    _require_method(path, [bundle for _, bundle in intact], feed)
    for item, bundle in intact:
        _check_value(done, item, bundle, feed)
    _check_inputs_agree(done, {item.signer: bundle for item, bundle in intact})
    _check_report(done)
    if w3 is not None:
        _check_chain(done, w3)
    return done


def _feed_on_chain(done: Verification, w3: Web3) -> Feed:
    report = done.report
    if w3.eth.chain_id != report.chain_id:
        raise ReportError(f"chain_id = {report.chain_id}: the RPC's chain is {w3.eth.chain_id}")
    feed = read_feed(w3, report.contract, report.feed)
    claimed = (report.kpi, report.decimals, [x.lower() for x in report.signers], report.quorum)
    actual = (feed.kpi, feed.decimals, [x.lower() for x in feed.signers], feed.quorum)
    same = claimed == actual and report.period < len(feed.period_ends)
    done.add("feed on chain", same, "KPI, decimals, signers and quorum" + ("" if same else f" are {actual}"))
    return feed


def _check_observation(
    done: Verification, item: ObservationRecord, feed: Feed | None, folder: Path
) -> evidence.Bundle | None:
    report, node = done.report, item.signer
    signed = SignedObservation(
        feed=report.feed,
        period=report.period,
        version=report.version,
        chain_id=report.chain_id,
        contract=report.contract,
        **item.model_dump(exclude={"url", "signer_index"}),
    )
    signers = feed.signers if feed else tuple(report.signers)
    try:
        index = check_signature(signed, report.chain_id, report.contract, report.feed, signers)
        right = index == item.signer_index
        done.add(
            "signature", right, f"of node {index}" + ("" if right else f", not {item.signer_index}"), node
        )
    except AnswerError as error:
        done.add("signature", False, str(error), node)
    try:
        bundle = evidence.load(folder / item.evidence)
        done.add("evidence", True, f"{item.evidence[:10]}… intact", node)
    except evidence.EvidenceError as error:
        done.add("evidence", False, str(error), node)
        return None
    return bundle


def _require_method(path: str | Path, bundles: Iterable[evidence.Bundle], feed: Feed | None) -> None:
    """Raise ReportError where no node can be blamed for what is not recomputed: the feed's method, or without
    a chain that of most bundles, is in a package that is not installed here."""
    named: Counter[str] = Counter()
    for bundle in bundles:
        with suppress(evidence.EvidenceError):  # its node is told of it
            name = str(bundle.document(evidence.METHOD_FILE).get("id"))
            named[name] += name.isprintable()
    for method, count in (+named).items():
        its = 2 * count > named.total() if feed is None else method_hash(method) == feed.method_hash
        if its and method not in METHODS:
            raise ReportError(f"{path}: its method {method} is not installed here; install its package")


def _check_value(
    done: Verification, item: ObservationRecord, bundle: evidence.Bundle, feed: Feed | None
) -> None:
    report, node = done.report, item.signer
    try:
        context = bundle.context
        about = {name: getattr(context, name) for name in ("feed", "period", "version", "kpi", "decimals")}
        signed = {name: getattr(report, name) for name in about} | {"value": item.value}
        about["value"] = context.value
        if about != signed:
            of = [
                f"{name} {value + (name == 'period')}"
                for name, value in about.items()
                if value != signed[name]
            ]
            done.add("evidence is of this observation", False, f"it is of {', '.join(of)}", node)
            return
        if feed and report.period < len(feed.period_ends):
            ends = feed.period_ends[report.period]
            if context.period_end != ends:
                done.add("period", False, f"data end at {context.period_end}, the period at {ends}", node)
        method = bundle_method(bundle)
        if feed and method_hash(method.id) != feed.method_hash:
            done.add("method", False, f"{method.id} is not the feed's", node)
        again = kpi_text(recompute(bundle), report.decimals)  # raises where the value does not follow
        for suspicion in suspicions_of(bundle):
            done.add("quality", True, f"suspect: {suspicion}", node)
        words = f"signed {kpi_text(item.value, report.decimals)}, {method.engine()} gives {again}"
        done.add("recomputes", True, words, node)
    except (MethodError, evidence.EvidenceError) as error:
        done.add("recomputes", False, str(error), node)


def _check_inputs_agree(done: Verification, bundles: dict[str, evidence.Bundle]) -> None:
    """Cooked inputs recompute well: so what is shared must be the same, and instruments near each other."""
    inputs: dict[str, Inputs] = {}
    for node, bundle in bundles.items():
        try:
            inputs[node] = inputs_of(bundle)
        except (MethodError, evidence.EvidenceError):
            continue  # already a failed check
    if len(inputs) < 2:
        return
    covered = {node: bundles[node].context for node in inputs}
    _check_shared(
        done, "period", {n: f"{c.period_start} {c.period_end}".encode() for n, c in covered.items()}
    )
    for name in sorted({name for found in inputs.values() for name in found.shared}):
        _check_shared(done, name, {node: found.shared.get(name, b"") for node, found in inputs.items()})
    for name in sorted({name for found in inputs.values() for name in found.readings}):
        readings = {node: found.readings[name] for node, found in inputs.items() if name in found.readings}
        _check_readings(done, name, readings)


def _check_shared(done: Verification, name: str, held: Mapping[str, bytes]) -> None:
    common, votes = Counter(held.values()).most_common(1)[0]
    if 2 * votes <= len(held):
        done.add(f"same {name}", False, f"no majority of the nodes has the same {name}")
        return
    for node, content in held.items():
        same = content == common
        done.add(f"same {name}", same, "as most nodes" if same else "not as most nodes", node)


def _check_readings(done: Verification, name: str, readings: Mapping[str, Reading]) -> None:
    lengths = Counter(len(reading.values) for reading in readings.values())
    length = lengths.most_common(1)[0][0]
    steps = {node: np.asarray(item.values) for node, item in readings.items() if len(item.values) == length}
    middle = np.median(np.array(list(steps.values())), axis=0)
    found: list[tuple[bool, str, str]] = []
    for node, reading in readings.items():
        if node not in steps:
            found.append((False, f"{len(reading.values)} values where most nodes have {length}", node))
            continue
        off = float(np.abs(steps[node] - middle).sum())
        total, most = (float(x.mean() if reading.mean else x.sum()) for x in (steps[node], middle))
        detail = f"{total:.6g} {reading.unit}, median of the nodes {most:.6g} {reading.unit}"
        found.append((off <= reading.limit * float(np.abs(middle).sum()), detail, node))
    if 2 * sum(not ok for ok, _, _ in found) >= len(found):
        # With half of them on each side, the median is nobody's, and who is wrong is for people to find out.
        shown = "; ".join(detail.partition(",")[0] for _, detail, _ in found)
        done.add(name, False, f"the nodes lie too far apart to say whose is wrong: {shown}")
        return
    for ok, detail, node in found:
        done.add(name, ok, detail, node)


def _check_report(done: Verification) -> None:
    report = done.report
    values = [item.value for item in report.observations]
    try:
        found = median(values)
        shown = (kpi_text(each, report.decimals) for each in (found, report.value))
        done.add("median", found == report.value, ", reported ".join(shown))
    except SettlementError as error:
        done.add("median", False, str(error))
    roots = report_evidence([item.evidence for item in report.observations])
    done.add("report evidence", roots == report.evidence, "keccak256 of the observations' roots")
    nodes = len({item.signer.lower() for item in report.observations})
    done.add("quorum", nodes >= report.quorum, f"{nodes} nodes, {report.quorum} needed")


def _check_chain(done: Verification, w3: Web3) -> None:
    report = done.report
    functions = contract(w3, "IKpiOracle", report.contract).functions
    held = read(functions.reportOf(bytes.fromhex(report.feed[2:]), report.period))
    status = STATUS[held["status"]]
    if held["version"] != report.version:
        done.add("chain", False, f"holds version {held['version']}, this is {report.version}")
        return
    same = (held["value"], held["evidence"]) == (report.value, report.evidence)
    detail = f"{status}, value {kpi_text(held['value'], report.decimals)}"
    if not same and status in ("final", "missing"):
        detail += "; the panel has ruled on it"
    done.add("chain", same and status in ("pending", "challenged", "final"), detail)

"""The verifier: anyone repeats a report from its evidence and says which node's value does not follow.

It needs the report record, the evidence folder beside it and, for the stormwater method, SWMM. With an RPC it
takes the feed from the chain and compares what the chain holds; without, the signers and the method are the
report's own claim.
"""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError
from web3 import Web3

from chain.bindings import contract, read
from finance.settlement.median import median
from finance.settlement.widths import SettlementError
from finance.terms import InputError
from oracle import evidence
from oracle.kpi import to_decimal
from oracle.method import MethodError, method_of, raw_rain, recompute, tolerance, twin_parameters
from oracle.observation import report_evidence
from oracle.relay import STATUS, AnswerError, Feed, check_signature, read_feed
from oracle.twins.reported import METHOD as REPORTED
from oracle.twins.stormwater import TwinError
from oracle.wire import Address, ChainId, Int128, Message, SignedObservation, Uint32, UnixTime, Word, one_line

GAUGE_LIMIT = 0.2
"""Assumed: a gauge further from the median of the nodes' yearly rain than this fraction is suspect."""


class ReportError(InputError):
    """A report file that cannot be read: `FILE: FIELD: REASON`."""


class ObservationRecord(Message):
    """One observation in a report file."""

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
                found.setdefault(check.node, f"{check.name}: {check.detail}")
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
    for a file that is not a report, chain.errors.ChainError if the RPC does not answer for it."""
    report = load_report(path)
    folder = Path(evidence_folder) if evidence_folder else Path(path).parent / "evidence"
    done = Verification(report)
    feed = _feed_on_chain(done, w3) if w3 is not None else None
    bundles = {item.signer: _check_observation(done, item, feed, folder) for item in report.observations}
    _check_inputs_agree(done, {node: bundle for node, bundle in bundles.items() if bundle is not None})
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
            "signature", right, f"of signer {index}" + ("" if right else f", not {item.signer_index}"), node
        )
    except AnswerError as error:
        done.add("signature", False, str(error), node)
    try:
        bundle = evidence.load(folder / item.evidence)
        done.add("evidence", True, f"{item.evidence[:10]}… intact", node)
    except evidence.EvidenceError as error:
        done.add("evidence", False, str(error), node)
        return None
    _check_value(done, item, bundle, feed)
    return bundle


def _check_value(
    done: Verification, item: ObservationRecord, bundle: evidence.Bundle, feed: Feed | None
) -> None:
    report, node = done.report, item.signer
    try:
        context = bundle.context
        about = (context.feed, context.period, context.version, context.kpi, context.decimals, context.value)
        signed = (report.feed, report.period, report.version, report.kpi, report.decimals, item.value)
        if about != signed:
            done.add("evidence is of this observation", False, f"it is of {about}", node)
            return
        if feed and bundle.document("method.json").get("hash") != feed.method_hash:
            done.add("method", False, "not the feed's", node)
        if feed and report.period < len(feed.period_ends):
            ends = feed.period_ends[report.period]
            if context.period_end != ends:
                done.add("period", False, f"data end at {context.period_end}, the period at {ends}", node)
        value = recompute(bundle)
        off = abs(value - item.value)
        ok = off <= tolerance(bundle) * 10**report.decimals
        signed_value, found = to_decimal(item.value, report.decimals), to_decimal(value, report.decimals)
        how = "the publication says" if method_of(bundle) == REPORTED else "SWMM gives"
        detail = f"signed {signed_value}, {how} {found}"
        done.add("recomputes", ok, detail, node)
    except (MethodError, TwinError, evidence.EvidenceError) as error:
        done.add("recomputes", False, str(error), node)


def _check_inputs_agree(done: Verification, bundles: dict[str, evidence.Bundle]) -> None:
    """Cooked inputs recompute well: so publications and twins must be the same, gauges near each other."""
    publications = {n: b.files["reported.json"] for n, b in bundles.items() if "reported.json" in b.files}
    _check_same(done, "publication", publications)
    twins: dict[str, bytes] = {}
    depths: dict[str, float] = {}
    for node, bundle in bundles.items():
        try:
            twins[node] = evidence.canonical(twin_parameters(bundle).to_dict())
            depths[node] = raw_rain(bundle).total_mm
        except MethodError:
            continue  # already a failed check
    if len(twins) < 2:
        return
    _check_same(done, "twin", twins)
    middle = statistics.median(depths.values())
    for node, depth in depths.items():
        ok = abs(depth - middle) <= GAUGE_LIMIT * middle
        done.add("gauge", ok, f"{depth:.0f} mm, median of the nodes {middle:.0f} mm", node)


def _check_same(done: Verification, what: str, given: dict[str, bytes]) -> None:
    """What every node must have alike: whoever has another than most is to blame."""
    if len(given) < 2:
        return
    common, votes = Counter(given.values()).most_common(1)[0]
    if 2 * votes <= len(given):
        done.add(f"same {what}", False, f"the nodes' {what}s have no majority")
        return
    for node, own in given.items():
        same = own == common
        done.add(f"same {what}", same, "as most nodes" if same else "not as most nodes", node)


def _check_report(done: Verification) -> None:
    report = done.report
    values = [item.value for item in report.observations]
    try:
        found = median(values)
        done.add("median", found == report.value, f"{found}, reported {report.value}")
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
    detail = f"{status}, value {held['value']}"
    if not same and status in ("final", "missing"):
        detail += "; the panel has ruled on it"
    done.add("chain", same and status in ("pending", "challenged", "final"), detail)

"""What lies in a deployment's folder: reports as the relay wrote them, and evidence bundles. What is there
counts only if the chain says the same."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.instruments import Case
from api.instruments.slots import Slot, Submission
from api.problems import ProblemError, not_found
from api.views.cases import require_kpi
from chain.errors import RecordError
from chain.records import read_json
from oracle import evidence
from oracle.verifier import ReportError, ReportRecord, load_report

if TYPE_CHECKING:
    from api.services import Services

log = logging.getLogger("penstock.reports")
KEPT = 64
MAX_REPORT_BYTES = 1_000_000


@dataclass(frozen=True)
class ReportFile:
    """A report as the relay wrote it. `left_out`: (url, signer index, reason) of nodes that it did not
    use."""

    path: Path
    report: ReportRecord
    left_out: tuple[tuple[str, int | None, str], ...]


def folder_of(services: Services, case: Case, kpi: str) -> Path:
    """Where a KPI's reports and evidence lie. Raises ProblemError (404) for a KPI that the deployment has
    not."""
    require_kpi(case, kpi)
    return services.settings.data / case.deployment.id / kpi


_lock = threading.Lock()
_reports: OrderedDict[tuple[Path, int], ReportFile | None] = OrderedDict()


def report_file(services: Services, case: Case, slot: Slot, submission: Submission) -> ReportFile | None:
    """The file of a report on chain; None when there is none, or it is another report."""
    name, folder = f"report-{slot.period}-{submission.version}", folder_of(services, case, slot.feed.kpi)
    # As the relay names it, or as a round that the service prepared.
    for path in (folder / f"{name}.json", folder / f"{name}-{submission.evidence[2:18]}.json"):
        found = _read(path)
        if found is not None and _is_of(found, case, slot, submission):
            return found
    return None


def _is_of(found: ReportFile, case: Case, slot: Slot, submission: Submission) -> bool:
    report = found.report
    said = (report.chain_id, report.contract.lower(), report.feed, report.period, report.version)
    meant = (
        case.record.chain_id,
        case.record.addresses["oracle"].lower(),
        slot.feed_id,
        slot.period,
        submission.version,
    )
    return said == meant and (report.evidence, report.value) == (submission.evidence, submission.value)


def _read(path: Path) -> ReportFile | None:
    try:
        state = path.stat()
    except OSError:
        return None
    key = (path, state.st_mtime_ns)
    with _lock:
        if key in _reports:
            _reports.move_to_end(key)
            return _reports[key]
    found: ReportFile | None = None
    try:
        if state.st_size > MAX_REPORT_BYTES:
            raise ReportError(f"{path}: larger than {MAX_REPORT_BYTES} bytes")
        found = ReportFile(path, load_report(path), _left_out(read_json(path)))
    except (ReportError, RecordError) as error:
        log.warning("%s", error)
    with _lock:
        _reports[key] = found
        while len(_reports) > 16 * KEPT:
            _reports.popitem(last=False)
    return found


def _left_out(content: Any) -> tuple[tuple[str, int | None, str], ...]:
    """Nodes whose answers were beyond the spread, and those that gave none."""
    found: list[tuple[str, int | None, str]] = []
    for name in ("left_out", "failures"):
        for item in content.get(name) or []:
            if isinstance(item, dict):
                reason = item.get("reason") or "too far from the others' values"
                found.append((str(item.get("url")), item.get("signer_index"), str(reason)[:300]))
    return tuple(found)


# -- evidence

_bundles: OrderedDict[tuple[Path, tuple[tuple[str, int, int], ...]], evidence.Bundle] = OrderedDict()


def bundle_of(services: Services, case: Case, kpi: str, root: str) -> evidence.Bundle:
    """An evidence bundle, every byte compared with its root.

    Raises ProblemError: 404 for a root that is none or not held here, 410 `evidence-damaged` when the stored
    copy is not what was signed, so that nobody takes it for evidence."""
    folder = folder_of(services, case, kpi) / "evidence"
    path = folder / root
    # A root has no slash and no dot, so what is asked for is in this folder.
    if not evidence.is_root(root) or not path.is_dir():
        raise not_found(f"no evidence {root[:80]} of {kpi} is held here")
    try:
        bundle = _loaded(path)
        if bundle.context.feed != case.deployment.feeds[kpi]:
            raise not_found(f"{root}: is evidence for another feed")
    except evidence.EvidenceError as error:
        log.error("%s", error)
        detail = f"{root}: the copy held here is damaged, and not given out as evidence"
        raise ProblemError(410, "evidence-damaged", detail) from None
    return bundle


def _loaded(path: Path) -> evidence.Bundle:
    """A bundle read and checked, again whenever a file of it has changed."""
    try:
        stamps = tuple(
            (item.name, (found := item.stat()).st_mtime_ns, found.st_size) for item in sorted(path.iterdir())
        )
    except OSError as error:
        raise evidence.EvidenceError(f"{path}: {error.strerror}") from None
    if sum(size for _, _, size in stamps) > 2 * evidence.MAX_BYTES:
        raise evidence.EvidenceError(f"{path}: larger than a bundle can be")
    key = (path, stamps)
    with _lock:
        if key in _bundles:
            _bundles.move_to_end(key)
            return _bundles[key]
    bundle = evidence.load(path)
    with _lock:
        _bundles[key] = bundle
        while len(_bundles) > KEPT:
            _bundles.popitem(last=False)
    return bundle


def holds(services: Services, case: Case, kpi: str, root: str) -> bool:
    """Whether a folder for that root is there; what is in it is checked when it is asked for."""
    return evidence.is_root(root) and (folder_of(services, case, kpi) / "evidence" / root).is_dir()

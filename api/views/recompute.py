"""A report repeated by the service, as anybody can: signatures, hashes, the method run again on the raw
data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from api.jobs import Job, Progress, apart
from api.models.oracle import CheckView, CulpritView, RecomputeView
from api.problems import not_found
from api.views.cases import case_of, slot_of, submission_of
from api.views.files import report_file
from chain.network import connect
from finance.settlement.median import median
from oracle import evidence
from oracle.kpi import to_decimal
from oracle.method import MethodError, bundle_method
from oracle.observation import report_evidence
from oracle.verifier import ReportRecord, Verification, verify_report

if TYPE_CHECKING:
    from api.jobs import Jobs
    from api.services import Services

KIND = "recompute"
MOST = 256
Subject = tuple[str, str, int, int]
"""Deployment, KPI, period, version."""

_FOUND: WeakKeyDictionary[Jobs, dict[Subject, dict[str, str]]] = WeakKeyDictionary()


def last_found(services: Services, id: str, kpi: str, period: int, version: int) -> dict[str, str]:
    """Nodes (addresses in lower case) that did not recompute when somebody last had this report repeated,
    and why."""
    kept = _FOUND.get(services.jobs) if services.jobs is not None else None
    return {} if kept is None else kept.get((id, kpi, period, version), {})


def begin(services: Services, id: str, kpi: str, period: int, version: int | None = None) -> Job:
    """A job that repeats a report, by default the newest version; its result is a RecomputeView. The same
    report in the same state is not repeated twice. Raises ProblemError: 404 when there is no report, or its
    file and evidence are not held here; 503 when too much is waiting."""
    case = case_of(services, id)
    slot = slot_of(case, kpi, period)
    submission = submission_of(slot, version)
    file = report_file(services, case, slot, submission)
    if file is None:
        raise not_found(
            f"{id}: the report of {kpi}, period {period}, is on chain, but its evidence is not held here"
        )
    subject = (id, kpi, period, submission.version)
    repeat = apart(repeated, id, str(file.path), services.settings.network)

    def work(progress: Progress, cancelled: Any) -> RecomputeView:
        view = RecomputeView.model_validate(repeat(progress, cancelled))
        kept = _FOUND.setdefault(services.jobs, {})
        kept[subject] = {culprit.node.lower(): culprit.reason for culprit in view.culprits}
        while len(kept) > MOST:
            kept.pop(next(iter(kept)))
        return view

    key = "/".join(map(str, (*subject, slot.status)))
    return services.jobs.submit(KIND, work, key)


def repeated(id: str, path: str, network: str, progress: Progress) -> dict[str, Any]:
    """Repeat the report at `path` against the chain; a RecomputeView as plain data, for it runs in another
    process.

    Raises InputError for a file that is no report, or a chain that does not answer."""
    begun = time.monotonic()
    progress(0.05, "reads the feed from the chain")
    w3 = connect(network)
    head = w3.eth.get_block("latest")
    progress(0.1, "runs the method again on every node's raw data")
    done = verify_report(path, w3=w3)
    progress(0.7, "works out what honest nodes would have said")
    value, root = _engineer(done.report, Path(path).parent / "evidence")
    view = view_of(id, done, int(head["number"]), int(head["timestamp"]))
    view.honest, view.evidence = value, root
    view.seconds = round(time.monotonic() - begun, 3)
    return view.model_dump(mode="json")


def view_of(id: str, done: Verification, block: int, at: int) -> RecomputeView:
    """What a verification says, in the API's words."""
    report = done.report
    places = {item.signer: item.signer_index for item in report.observations}
    return RecomputeView(
        deployment=id,
        kpi=report.kpi,
        period=report.period,
        version=report.version,
        ok=done.ok,
        holds=any(
            item.value == report.value and item.signer not in done.culprits for item in report.observations
        ),
        value=float(to_decimal(report.value, report.decimals)),
        checks=[CheckView(name=c.name, ok=c.ok, detail=c.detail, node=c.node) for c in done.checks],
        culprits=[
            CulpritView(node=node, signer_index=places.get(node), reason=reason)
            for node, reason in done.culprits.items()
        ],
        block=block,
        time=at,
        seconds=0.0,
    )


def _engineer(report: ReportRecord, folder: Path) -> tuple[float | None, str | None]:
    """What follows from the raw data alone, whatever the results claim: the median over the bundles that can
    be read, and the root that stands for that evidence in a challenge."""
    values, roots = [], []
    for item in report.observations:
        try:
            bundle = evidence.load(folder / item.evidence)
            values.append(bundle_method(bundle).raw_value(bundle))
            roots.append(item.evidence)
        except (MethodError, evidence.EvidenceError, ValueError, TypeError, ArithmeticError):
            continue  # what cannot be read says nothing
    if not values:
        return None, None
    return float(to_decimal(median(sorted(values)), report.decimals)), report_evidence(roots)

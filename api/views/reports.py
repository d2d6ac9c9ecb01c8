"""Reports, their evidence, and disputes: what the chain has, with what is held here of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from api.instruments import Case
from api.instruments.base import trace_of
from api.instruments.slots import Dispute, Slot, Submission
from api.models.oracle import (
    DisputeView,
    EvidenceFile,
    EvidenceView,
    LeftOut,
    ObservationView,
    ReportView,
)
from api.problems import ProblemError, not_found
from api.views.cases import case_of, require_kpi, slot_of
from api.views.files import ReportFile, bundle_of, holds, report_file
from api.views.recompute import last_found
from chain.bindings import contract, read
from finance.settlement.feed_report import VERDICTS
from oracle.evidence import METHOD_FILE, Bundle

if TYPE_CHECKING:
    from api.services import Services


# -- reports


def report_views(
    services: Services, id: str, kpi: str | None = None, status: str | None = None
) -> list[ReportView]:
    """Every report that was brought, newest first. Raises ProblemError (404) for a KPI that is not there."""
    case = case_of(services, id)
    if kpi is not None:
        require_kpi(case, kpi)
    found = [
        report_view(services, case, slot, submission)
        for (name, _), slot in case.slots.items()
        if kpi is None or name == kpi
        for submission in slot.submissions
    ]
    found = [view for view in found if status is None or view.status == status]
    return sorted(found, key=lambda view: (view.trace.block, view.trace.log), reverse=True)


def period_reports(services: Services, id: str, kpi: str, period: int) -> list[ReportView]:
    """The versions of a period's report, newest first. Raises ProblemError (404) when there is none."""
    case = case_of(services, id)
    slot = slot_of(case, kpi, period)
    if not slot.submissions:
        raise not_found(f"{id}: nothing is reported for {kpi}, period {period}")
    return [report_view(services, case, slot, each) for each in reversed(slot.submissions)]


def report_view(services: Services, case: Case, slot: Slot, submission: Submission) -> ReportView:
    in_force = submission is slot.last
    file = report_file(services, case, slot, submission)
    scale = 10**slot.feed.decimals
    settled = slot.settled_value if in_force else None
    disputes = [each for each in slot.disputes if each.report is submission]
    status = slot.status if in_force else "superseded"
    assert status != "none"
    final_at = slot.final_at if in_force and slot.final_at is not None else submission.final_at
    used = [event for event in slot.uses if event.arguments["version"] == submission.version]
    return ReportView(
        kpi=slot.feed.kpi,
        period=slot.period,
        version=submission.version,
        status=status,
        in_force=in_force,
        value=submission.value / scale,
        raw=str(submission.value),
        settled=None if settled is None else settled / scale,
        evidence=submission.evidence,
        supersedes=submission.supersedes,
        final_at=final_at,
        can_challenge=status == "pending",
        used=bool(used),
        used_trace=trace_of(used[0]) if used else None,
        observations=_observations(services, case, slot, submission, file),
        left_out=_left_out(services, case, slot, submission, file),
        recomputable=file is not None
        and all(holds(services, case, slot.feed.kpi, item.evidence) for item in file.report.observations),
        dispute=dispute_view(slot, disputes[-1]) if disputes else None,
        trace=trace_of(submission.event),
    )


def signers_of(case: Case, slot: Slot) -> Sequence[str]:
    """Addresses of a feed's signers by index: a feed takes the first of the deal's nodes."""
    found: list[str] = case.record.wallets.nodes[: slot.feed.nodes]
    return found


def _observations(
    services: Services, case: Case, slot: Slot, submission: Submission, file: ReportFile | None
) -> list[ObservationView]:
    """As the file has them; without it, who signed is all that the chain says."""
    addresses = signers_of(case, slot)
    if file is None:
        return [ObservationView(signer=addresses[index], signer_index=index) for index in submission.signers]
    id, kpi = case.deployment.id, slot.feed.kpi
    culprits = last_found(services, id, kpi, slot.period, submission.version)
    return [
        ObservationView.of(
            item,
            value=item.value / 10**slot.feed.decimals,
            raw=str(item.value),
            href=evidence_href(id, kpi, slot.period, item.evidence)
            if holds(services, case, kpi, item.evidence)
            else None,
            culprit=culprits.get(item.signer.lower()),
        )
        for item in file.report.observations
    ]


def _left_out(
    services: Services, case: Case, slot: Slot, submission: Submission, file: ReportFile | None
) -> list[LeftOut]:
    addresses = signers_of(case, slot)
    missing = [index for index in range(len(addresses)) if index not in submission.signers]
    known = {state.url: state.address for state in services.nodes.nodes(case.deployment.id)} if file else {}
    places = {address.lower(): index for index, address in enumerate(addresses)}
    found = []
    for url, index, reason in file.left_out if file else ():
        address = known.get(url)
        if index is None and address is not None:
            index = places.get(address.lower())
        if index in missing:
            missing.remove(index)
        signer = addresses[index] if index is not None and index < len(addresses) else None
        found.append(LeftOut(signer=signer, signer_index=index, url=url, reason=reason))
    if len(found) == 1 and len(missing) == 1 and found[0].signer is None:
        # One node gave no answer and one signer is missing: it is that one.
        found = [found[0].model_copy(update={"signer": addresses[missing[0]], "signer_index": missing[0]})]
    elif not any(each.signer is None for each in found):
        found += [
            LeftOut(signer=addresses[index], signer_index=index, reason="is not in the report")
            for index in missing
        ]
    return found


# -- evidence


def evidence_href(id: str, kpi: str, period: int, root: str, file: str | None = None) -> str:
    """The path of a bundle, or of a file of it."""
    path = f"/v1/deployments/{quote(id)}/reports/{quote(kpi)}/{period}/evidence/{root}"
    return path if file is None else f"{path}/{quote(file)}"


def bundle_of_period(services: Services, id: str, kpi: str, period: int, root: str) -> Bundle:
    """A bundle that is evidence for that period. Raises ProblemError (404, 410)."""
    case = case_of(services, id)
    slot_of(case, kpi, period)
    bundle = bundle_of(services, case, kpi, root)
    if bundle.context.period != period:
        raise not_found(f"{root}: is evidence for period {bundle.context.period}")
    return bundle


def evidence_view(services: Services, id: str, kpi: str, period: int, root: str) -> EvidenceView:
    bundle = bundle_of_period(services, id, kpi, period, root)
    context, manifest = bundle.context, bundle.manifest()
    return EvidenceView(
        root=bundle.root,
        kpi=context.kpi,
        period=context.period,
        version=context.version,
        gauge=context.gauge,
        value=context.value / 10**context.decimals,
        raw=str(context.value),
        period_start=context.period_start,
        period_end=context.period_end,
        method=str(bundle.document(METHOD_FILE).get("id")),
        files=[
            EvidenceFile(name=name, href=evidence_href(id, kpi, period, root, name), **facts)
            for name, facts in manifest["files"].items()
        ],
    )


# -- disputes


def dispute_views(services: Services, id: str) -> list[DisputeView]:
    """Every challenge, newest first."""
    case = case_of(services, id)
    found = [dispute_view(slot, each) for slot in case.slots.values() for each in slot.disputes]
    found = [view.model_copy(update={"unpaid": _unpaid(services, case, view)}) for view in found]
    return sorted(found, key=lambda view: (view.challenged.block, view.challenged.log), reverse=True)


def _unpaid(services: Services, case: Case, view: DisputeView) -> str | None:
    """What the oracle has credited to the challenger and not paid: it says so itself, for withdrawals are
    not by feed."""
    if view.credited is None:
        return None
    at = case.record.addresses
    try:
        return str(
            services.chain.call(
                lambda w3: read(
                    contract(w3, "KpiOracle", at["oracle"]).functions.creditOf(
                        at["currency"], view.challenger
                    )
                )
            )
        )
    except ProblemError:
        return None


def dispute_view(slot: Slot, dispute: Dispute) -> DisputeView:
    """A challenge of a period's report, or a petition for one."""
    scale, feed, report, ruling = 10**slot.feed.decimals, slot.feed, dispute.report, dispute.ruling
    verdict = None if ruling is None else VERDICTS[ruling.arguments["verdict"]]
    return DisputeView(
        kpi=feed.kpi,
        period=slot.period,
        version=None if report is None else report.version,
        status=_how(slot, dispute),
        challenger=dispute.challenger,
        evidence=dispute.opened.arguments["evidence"],
        value=None if report is None else report.value / scale,
        rule_until=slot.rule_until(dispute),
        challenged=trace_of(dispute.opened),
        verdict=verdict,
        ruled=None if ruling is None or verdict != "corrected" else ruling.arguments["value"] / scale,
        ruling=None if ruling is None else trace_of(ruling),
        credited=None if dispute.settled is None else str(dispute.settled.arguments["credited"]),
        bond=str(feed.challenge_bond),
        reward=str(feed.challenge_reward),
    )


def _how(slot: Slot, dispute: Dispute) -> Literal["open", "ruled", "silent", "restated", "replaced"]:
    if dispute.ruling is not None:
        return "ruled"
    if dispute.replaced:
        return "replaced"
    ended = dispute.settled
    if ended is not None and any(each.event.tx == ended.tx for each in slot.submissions):
        return "restated"
    return "open" if ended is None and slot.now < slot.rule_until(dispute) else "silent"

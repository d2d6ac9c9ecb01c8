"""Reports, evidence and disputes; and a report repeated from its raw data, as anybody may."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from api.access import Principal, requires
from api.listing import DEFAULT_LIMIT, LISTED, Cursor, Format, Limit, decode_cursor, encode_cursor, listed
from api.models import Page, Resource
from api.models.examples import EXAMPLES
from api.models.oracle import DisputeView, EvidenceView, ReportView
from api.problems import documented, not_found
from api.routes.deployments import Id
from api.routes.jobs import ACCEPTED, accepted
from api.routes.kpis import Kpi
from api.services import ServicesDep
from api.views import recompute, relay_round
from api.views.cases import as_of, case_of
from api.views.reports import (
    bundle_of_period,
    dispute_views,
    evidence_view,
    period_reports,
    report_views,
)

router = APIRouter(tags=["reports"])

Period = Annotated[int, Path(ge=0, le=10_000, description="Measurement period, from 0.")]
Version = Annotated[
    int | None, Query(ge=0, le=10_000, description="Of a restated report; the newest if left out.")
]
Root = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="Root of the bundle.")]
MEDIA = {"csv": "text/csv", "json": "application/json"}
Reporter = Annotated[Principal, Depends(requires(scope="oracle:write", role=("issuer", "node")))]
STATUSES = "^(pending|challenged|final|missing|superseded)$"


@router.get(
    "/deployments/{id}/reports",
    response_model=Page[ReportView],
    responses={**LISTED, **documented(404, 406, 422)},
)
def list_reports(
    request: Request,
    services: ServicesDep,
    id: Id,
    kpi: Annotated[str | None, Query(max_length=64, description="Only of this KPI.")] = None,
    status: Annotated[str | None, Query(pattern=STATUSES, description="Only with this status.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Every report that was brought on chain, newest first: who signed what, where the evidence is, its
    status by the chain's clock, and its dispute."""
    rows = report_views(services, id, kpi, status)
    key = decode_cursor(cursor, int, int)
    if key is not None:
        rows = [row for row in rows if (row.trace.block, row.trace.log) < key]
    last = rows[limit - 1] if len(rows) > limit else None
    return listed(
        request,
        rows[:limit],
        name=f"{id}-reports",
        model=ReportView,
        next=None if last is None else encode_cursor(last.trace.block, last.trace.log),
        as_of=as_of(case_of(services, id)),
        format=format,
    )


class RoundRequest(Resource):
    """Which period is to be reported. `restate`: supersede the report that there is."""

    kpi: str = Field(max_length=64)
    period: int = Field(ge=0, le=10_000)
    restate: bool = False


@router.post(
    "/deployments/{id}/reports",
    status_code=202,
    responses={**ACCEPTED, **documented(401, 403, 404, 409, 413, 415, 422)},
)
def prepare_report(services: ServicesDep, id: Id, _principal: Reporter, wanted: RoundRequest) -> Response:
    """Ask the nodes about a period and make a report of a quorum of their answers. The job's result has the
    transaction that brings it on chain, for a wallet to sign; the evidence is kept here."""
    return accepted(relay_round.begin(services, id, wanted.kpi, wanted.period, wanted.restate))


@router.get("/deployments/{id}/reports/{kpi}/{period}", responses=documented(404, 422))
def get_report(
    services: ServicesDep, id: Id, kpi: Kpi, period: Period, version: Version = None
) -> ReportView:
    """The report of a period, by default its newest version."""
    found = period_reports(services, id, kpi, period)
    for view in found:
        if version is None or view.version == version:
            return view
    raise not_found(f"{id}: {kpi}, period {period}, has versions 0 to {found[0].version}, not {version}")


@router.post(
    "/deployments/{id}/reports/{kpi}/{period}/recompute",
    status_code=202,
    responses={**ACCEPTED, **documented(404, 422)},
)
def recompute_report(
    services: ServicesDep, id: Id, kpi: Kpi, period: Period, version: Version = None
) -> Response:
    """Repeat a report: every signature and hash, the method run again on every node's raw data, the nodes
    held beside each other. The job's result says which node's value does not follow, and what the raw data
    give."""
    return accepted(recompute.begin(services, id, kpi, period, version))


@router.get("/deployments/{id}/reports/{kpi}/{period}/evidence/{root}", responses=documented(404, 410, 422))
def get_evidence(services: ServicesDep, id: Id, kpi: Kpi, period: Period, root: Root) -> EvidenceView:
    """An evidence bundle: its files, compared with the signed root just now."""
    return evidence_view(services, id, kpi, period, root)


@router.get(
    "/deployments/{id}/reports/{kpi}/{period}/evidence/{root}/{file}",
    response_class=Response,
    responses={
        200: {
            "description": "The file, byte for byte as it was signed.",
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": EXAMPLES["rain.csv"]},
                "application/json": {"schema": {"type": "object"}, "example": EXAMPLES["observation.json"]},
                "text/plain": {"schema": {"type": "string"}, "example": EXAMPLES["after.inp"]},
            },
        },
        **documented(404, 410, 422),
    },
)
def get_evidence_file(
    services: ServicesDep,
    id: Id,
    kpi: Kpi,
    period: Period,
    root: Root,
    file: Annotated[str, Path(max_length=80, description="Name of a file of the bundle.")],
) -> Response:
    """A file of an evidence bundle."""
    bundle = bundle_of_period(services, id, kpi, period, root)
    content = bundle.files.get(file)
    if content is None:
        raise not_found(f"{root[:10]}… has no file {file}; it has {', '.join(sorted(bundle.files))}")
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(content, media_type=MEDIA.get(file.rpartition(".")[2], "text/plain"), headers=headers)


@router.get(
    "/deployments/{id}/disputes",
    response_model=Page[DisputeView],
    responses={**LISTED, **documented(404, 406, 422)},
)
def list_disputes(request: Request, services: ServicesDep, id: Id, format: Format = None) -> Any:
    """Challenges of reports and how the panel ruled, newest first."""
    rows, now = dispute_views(services, id), as_of(case_of(services, id))
    return listed(request, rows, name=f"{id}-disputes", model=DisputeView, as_of=now, format=format)

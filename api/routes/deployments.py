"""Deployments: what they are, where they stand, what they have paid and will pay, and whether the money is
right."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, RootModel

from api.access import Principal, requires
from api.listing import DEFAULT_LIMIT, LISTED, Cursor, Format, Limit, decode_cursor, encode_cursor, listed
from api.models import Page, Resource
from api.models.deployment import DeploymentRow, DeploymentView, PaymentView, ReconciliationView, StateView
from api.models.examples import EXAMPLES
from api.problems import Flaw, bad_input, documented
from api.routes.bodies import PostedBytes, described, read_model, require_json
from api.services import ServicesDep
from api.views.cases import as_of, case_of
from api.views.deployments import deployment_rows, deployment_view, payment_views, state_view
from api.views.documents import reading, remembered_deal
from api.views.reconcile import reconciliation_view
from chain.errors import RecordError
from chain.records import DeploymentRecord
from chain.records import record_of as read_record
from finance.terms.canonical import canonical_json

router = APIRouter(tags=["deployments"])

Id = Annotated[str, Path(max_length=96, description="Deployment.", examples=["dc-water-eib-2016-1a2b3c4d"])]
Writer = Annotated[Principal, Depends(requires(scope="deployments:write"))]
MOST_NODES = 32
_Object = RootModel[dict[str, Any]]


@router.get(
    "/deployments",
    response_model=Page[DeploymentRow],
    responses={**LISTED, **documented(406, 422)},
)
def list_deployments(
    request: Request,
    services: ServicesDep,
    deal: Annotated[str | None, Query(max_length=64, description="Only of this deal.")] = None,
    kind: Annotated[
        str | None, Query(max_length=32, description="Only of this kind: kpi_bond, kpi_payment.")
    ] = None,
    state: Annotated[str | None, Query(max_length=32, description="Only in this state.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Every deal on this chain, in the order they were deployed."""
    rows = [row for row in deployment_rows(services, deal, kind) if state is None or row.state == state]
    key = decode_cursor(cursor, int, str)
    if key is not None:
        rows = [row for row in rows if (row.block, row.id) > key]
    following = encode_cursor(rows[limit - 1].block, rows[limit - 1].id) if len(rows) > limit else None
    return listed(
        request, rows[:limit], name="deployments", model=DeploymentRow, next=following, format=format
    )


@router.get("/deployments/{id}", responses=documented(404, 422))
def get_deployment(services: ServicesDep, id: Id) -> DeploymentView:
    """A deployment: its contracts and wallets, its state, what comes next, and what else can be asked about
    it."""
    return deployment_view(services, id)


@router.get("/deployments/{id}/state", responses=documented(404, 422))
def get_state(services: ServicesDep, id: Id) -> StateView:
    """Where it stands by the chain's clock, its figures, and what comes next."""
    return state_view(services, id)


@router.get(
    "/deployments/{id}/payments",
    response_model=Page[PaymentView],
    responses={**LISTED, **documented(404, 406, 422)},
)
def list_payments(
    request: Request,
    services: ServicesDep,
    id: Id,
    status: Annotated[
        str | None, Query(pattern="^(paid|due|expected|late)$", description="Only with this status.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Every payment, made and to come, by date: what was paid has its log, what waits for a KPI its
    bounds."""
    rows = [row for row in payment_views(services, id) if status is None or row.status == status]
    key = decode_cursor(cursor, int)
    start = 0 if key is None else max(0, key[0])
    following = encode_cursor(start + limit) if start + limit < len(rows) else None
    return listed(
        request,
        rows[start : start + limit],
        name=f"{id}-payments",
        model=PaymentView,
        next=following,
        as_of=as_of(case_of(services, id)),
        format=format,
    )


@router.get("/deployments/{id}/reconciliation", responses=documented(404, 422))
def get_reconciliation(services: ServicesDep, id: Id) -> ReconciliationView:
    """Every payment twice: by the deal's terms on the reported KPIs, and by the chain. Read from the chain
    itself, not from the index."""
    return reconciliation_view(services, id)


# -- registering


_RECORD = {
    "type": "object",
    "additionalProperties": True,
    "title": "Record",
    "description": "The deployment record as `penstock deploy` writes it.",
    "examples": [EXAMPLES["DeploymentRecord"]],
}


@router.post(
    "/deployments",
    status_code=201,
    responses=documented(401, 403, 409, 413, 415, 422),
    openapi_extra=described(_RECORD),
)
def register_deployment(
    request: Request, services: ServicesDep, _principal: Writer, response: Response, body: PostedBytes
) -> DeploymentView:
    """Take in a deployment on this chain, after its contracts were compared with its terms field by field.
    Again is no change."""
    require_json(request)
    with reading(len(body)):
        record = read_model(_Object, body).root
    read = record_of(record)
    deployment = services.index.register(read, services.chain)
    path = services.settings.data / deployment.id / "deployment.json"
    if not path.exists():
        read.save(path)
    response.headers["Location"] = f"/v1/deployments/{deployment.id}"
    response.headers["Cache-Control"] = "no-store"
    return deployment_view(services, deployment.id)


def record_of(content: dict[str, Any]) -> DeploymentRecord:
    """A deployment record whose terms are as good as a posted deal's: what is on chain under
    their hash anybody may have put there. Raises ProblemError (413, 422 with every problem, 503)."""
    try:
        record = read_record(content)
        record.load_deal()
        remembered_deal(canonical_json(record.terms).encode())
        return record
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise bad_input(f"deployment record: terms: {error}") from None
    except RecordError as error:
        lines = [line.removeprefix("deployment record: ") for line in str(error).splitlines()[:50]]
        flaws = [Flaw(field=line.partition(": ")[0], reason=line.partition(": ")[2]) for line in lines]
        raise bad_input(f"deployment record: {lines[0]}", flaws) from None


class NodeUrls(Resource):
    """Where a feed's nodes listen, by KPI, in the order of the feed's signers."""

    nodes: dict[
        Annotated[str, Field(max_length=64)],
        Annotated[
            list[Annotated[str, Field(pattern=r"^https?://[^\s]{1,200}$")]], Field(max_length=MOST_NODES)
        ],
    ]


@router.put("/deployments/{id}/nodes", responses=documented(401, 403, 404, 413, 415, 422))
def set_nodes(
    services: ServicesDep, id: Id, _principal: Writer, wanted: NodeUrls, response: Response
) -> NodeUrls:
    """Say where a deployment's nodes listen, so that they are watched and asked for reports."""
    case = case_of(services, id)
    unknown = sorted(wanted.nodes.keys() - case.deployment.feeds.keys())
    if unknown:
        raise bad_input(f"nodes.{unknown[0][:64]}: {id} has no such KPI")
    path = services.settings.data / id / "nodes.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("nodes.json.part")
    beside.write_text(json.dumps(wanted.nodes, indent=2) + "\n")
    beside.replace(path)
    response.headers["Cache-Control"] = "no-store"
    return wanted

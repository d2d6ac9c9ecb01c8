"""What-if valuations: at once in closed form, or as a job with simulation."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.models.valuation import ValuationRequest, ValuationView
from api.problems import bad_input, documented
from api.routes.bodies import described, read_model, require_json
from api.routes.jobs import ACCEPTED, accepted
from api.services import Services, ServicesDep
from api.views.documents import reading
from api.views.valuations import closed_value, deal_of, deployed_value, full_value, require_valued
from finance.terms.reader import exact_json

router = APIRouter(tags=["valuations"])

_NO_STORE = {"Cache-Control": "no-store"}
AT_ONCE = 2_000
"""Bytes of a body that is read on the event loop; a larger one is read in a thread."""


@router.post(
    "/valuations",
    responses={**ACCEPTED, **documented(404, 413, 415, 422)},
    response_model=ValuationView,
    openapi_extra=described(ValuationRequest),
)
async def value_deal(request: Request, services: ServicesDep) -> Response:
    """What a deal would be worth if. In closed form the value is the answer; the method `full` simulates and
    answers 202 with a job, whose result is then a value of the same shape."""
    require_json(request)
    body = await request.body()
    small = len(body) <= AT_ONCE
    asked = request_of(body) if small else await run_in_threadpool(request_of, body)
    by_formula = asked.deal is not None and asked.method == "closed_form"
    if by_formula and require_valued(services.deals.get(asked.deal or "")).at_once:
        return answer(asked, services)  # a millisecond: less than handing it to a thread costs
    return await run_in_threadpool(answer, asked, services)


def request_of(body: bytes) -> ValuationRequest:
    """What is asked. Raises RequestValidationError and ProblemError (422, 503)."""
    with reading(len(body)):
        asked = read_model(ValuationRequest, body)
        if isinstance(asked.document, dict):
            asked.document = exact_document(body)
    return asked


def exact_document(body: bytes) -> dict[str, Any]:
    """The posted deal with every digit that was sent. Raises ProblemError (422)."""
    try:
        found: dict[str, Any] = exact_json(body)["document"]
    except (ValueError, RecursionError) as error:
        raise bad_input(f"document: {str(error)[:200]}") from None
    return found


def answer(asked: ValuationRequest, services: Services) -> Response:
    """The value, or 202 with the job that finds it."""
    if asked.deployment is not None:
        return _as_json(deployed_value(asked, services))
    deal = deal_of(asked, services.deals.get)
    if asked.method == "full":
        return accepted(full_value(deal, asked, services.jobs))
    return _as_json(closed_value(deal, asked, services.jobs))


def _as_json(value: ValuationView) -> Response:
    return Response(value.model_dump_json(), media_type="application/json", headers=_NO_STORE)

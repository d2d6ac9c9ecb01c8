"""What-if valuations: at once in closed form, or as a job with simulation."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import ValidationError

from api.problems import Flaw, ProblemError, bad_input, documented
from api.routes.jobs import ACCEPTED, accepted
from api.services import Parts, Services
from api.views.deployed_valuations import deployed_value
from api.views.full_valuations import full_value
from api.views.outlooks import is_bond
from api.views.valuation_models import ValuationRequest, ValuationView
from api.views.valuations import closed_value, deal_of
from finance.terms.reader import exact_json

router = APIRouter(tags=["valuations"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ValuationRequest.model_json_schema()}},
    }
}
_NO_STORE = {"Cache-Control": "no-store"}


@router.post(
    "/valuations",
    openapi_extra=_BODY,
    responses={**ACCEPTED, **documented(404, 413, 415, 422)},
    response_model=ValuationView,
)
async def value_deal(request: Request, parts: Parts) -> Response:
    """What a deal would be worth if. In closed form the value is the answer; the method `full` simulates and
    answers 202 with a job, whose result is then a value of the same shape."""
    asked = read_request(request.headers.get("content-type", ""), await request.body())
    if asked.deal is not None and asked.method == "closed_form" and is_bond(parts.deals.get(asked.deal)):
        return answer(asked, parts)  # a millisecond: less than handing it to a thread costs
    return await run_in_threadpool(answer, asked, parts)


def read_request(kind: str, body: bytes) -> ValuationRequest:
    """What is asked, with the numbers of a posted deal exact. Raises ProblemError (415, 422)."""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "unsupported-media-type", "send JSON (application/json)")
    try:
        return ValuationRequest.model_validate(exact_json(body))
    except ValidationError as error:
        found = [
            Flaw(
                field=".".join(str(part) for part in each["loc"]) or "body",
                value=str(each.get("input"))[:200],
                reason=each["msg"].removeprefix("Value error, "),
            )
            for each in error.errors(include_url=False, include_context=False)[:50]
        ]
        raise bad_input(f"{found[0].field}: {found[0].reason}", found) from None
    except (ValueError, RecursionError) as error:
        raise bad_input(f"not JSON: {str(error)[:200]}") from None


def answer(asked: ValuationRequest, parts: Services) -> Response:
    """The value, or 202 with the job that finds it."""
    if asked.deployment is not None:
        return _as_json(deployed_value(asked, parts))
    deal = deal_of(asked, parts.deals.get)
    if asked.method == "full":
        return accepted(full_value(deal, asked, parts.jobs))
    return _as_json(closed_value(deal, asked, parts.jobs))


def _as_json(value: ValuationView) -> Response:
    return Response(value.model_dump_json(), media_type="application/json", headers=_NO_STORE)

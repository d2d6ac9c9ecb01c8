"""Jobs: long work by its id. Whoever was given the id may watch it, stop it and fetch the result."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.jobs import Job
from api.models import Resource
from api.models.examples import EXAMPLES
from api.problems import documented
from api.services import ServicesDep

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(description="As the answer that made the job gave it.", max_length=64)]
PRIVATE = {"Cache-Control": "no-store"}


class JobView(Resource):
    """A job. `progress` goes from 0 to 1; `word` says what is done now; times are unix seconds. `result` is
    where the result is, once it is done."""

    id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    word: str
    created: float
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    result: str | None = None


def job_view(job: Job) -> JobView:
    """A job as the API gives it."""
    return JobView(
        id=job.id,
        kind=job.kind,
        state=job.state,
        progress=round(job.progress, 4),
        word=job.word,
        created=job.created,
        started=job.started,
        finished=job.finished,
        error=job.error,
        result=f"/v1/jobs/{job.id}/result" if job.state == "done" else None,
    )


def accepted(job: Job) -> JSONResponse:
    """202 with the job, and where it is watched in the Location header."""
    headers = PRIVATE | {"Location": f"/v1/jobs/{job.id}"}
    return JSONResponse(job_view(job).model_dump(mode="json"), 202, headers)


ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": JobView, "description": "A job was begun; Location says where it is watched."}
}
"""`responses` of a route that answers with `accepted`."""


@router.get("/jobs/{id}", responses=documented(404, 422))
def get_job(id: JobId, services: ServicesDep, response: Response) -> JobView:
    """How far a job is."""
    response.headers.update(PRIVATE)
    return job_view(services.jobs.get(id))


@router.delete("/jobs/{id}", responses=documented(404, 422))
def cancel_job(id: JobId, services: ServicesDep, response: Response) -> JobView:
    """Stop a job; its state is `cancelled` once it has stopped, within a second or so. One that is over stays
    as it is."""
    response.headers.update(PRIVATE)
    return job_view(services.jobs.cancel(id))


@router.get(
    "/jobs/{id}/result",
    responses={
        200: {
            "description": "What the work gave; its shape is that of the route which began it.",
            "content": {"application/json": {"example": EXAMPLES["recomputed"]}},
        },
        **documented(404, 409, 422),
    },
    response_model=dict[str, Any],
)
def get_job_result(id: JobId, services: ServicesDep) -> JSONResponse:
    """The result of a job that is done; kept for a while."""
    return JSONResponse(_plain(services.jobs.result(id)), headers=PRIVATE)


def _plain(result: Any) -> Any:
    content = result.model_dump(mode="json") if isinstance(result, BaseModel) else jsonable_encoder(result)
    content = _finite(content)
    return content if isinstance(content, dict) else {"result": content}


def _finite(value: Any) -> Any:
    """JSON has no infinity and no not-a-number; they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value

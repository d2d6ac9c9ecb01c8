"""The service as one ASGI app: API, pages, and the threads behind them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from api import pages, routes
from api.problems import MEDIA_TYPE, Flaw, Problem, ProblemError, documented
from api.services import Services
from chain.errors import ChainError, ContractError
from finance.terms import InputError

log = logging.getLogger("penstock.api")
STATIC = Path(__file__).parent / "pages" / "static"


def create_app(parts: Services) -> FastAPI:
    """The app over parts that are there already; `build` makes both."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(
        title="Penstock",
        version="1",
        description="Infrastructure deals: terms, prices, KPIs, payments and holders, from files and chain.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.services = parts
    _errors(app)
    for router in routes.routers():
        app.include_router(router, prefix="/v1", responses=documented(400, 429, 503))
    for router in pages.routers():
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _errors(app: FastAPI) -> None:
    def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
        problem.instance = request.url.path
        content = problem.model_dump(exclude_defaults=True, exclude_none=True)
        return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)

    @app.exception_handler(ProblemError)
    async def known(request: Request, error: ProblemError) -> JSONResponse:
        return answer(request, error.problem(), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        flaws = [
            Flaw(
                field=".".join(str(part) for part in each["loc"]) or "body",
                value=None if each.get("input") is None else str(each["input"])[:200],
                reason=each["msg"].removeprefix("Value error, "),
            )
            for each in error.errors()[:50]
        ]
        detail = f"{flaws[0].field}: {flaws[0].reason}" if flaws else "the request is not valid"
        return answer(request, ProblemError(422, "invalid-input", detail, flaws).problem())

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        name = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        problem = ProblemError(error.status_code, name, str(error.detail)).problem()
        return answer(request, problem, dict(error.headers or {}))

    @app.exception_handler(ContractError)
    async def refused(request: Request, error: ContractError) -> JSONResponse:
        return answer(request, ProblemError(409, "contract-refused", str(error)).problem())

    @app.exception_handler(InputError)
    async def given(request: Request, error: InputError) -> JSONResponse:
        if isinstance(error, ChainError):
            return answer(request, ProblemError(503, "chain-unavailable", str(error)).problem())
        return answer(request, ProblemError(422, "invalid-input", str(error)).problem())

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.exception("unexpected error: %s %s", request.method, request.url.path, exc_info=error)
        detail = "an error of ours; it is in the log under the request's id"
        return answer(request, ProblemError(500, "internal", detail).problem())

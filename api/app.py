"""The service as one ASGI app: API, pages, and the threads behind them."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from api import pages, routes
from api.access import Access
from api.chain_link import ChainLink
from api.deal_book import DealBook
from api.demo import Demo
from api.i18n import Translator, filled, language_of
from api.index.database import Database
from api.index.follower import Follower
from api.index.reader import Index
from api.index.stream import Stream
from api.instruments import is_shown
from api.instruments.refusals import template
from api.jobs import Jobs
from api.keeper import Keeper
from api.models.valuation import ValuationRequest
from api.node_watch import NodeWatch
from api.pages.render import error_page, wants_page
from api.problems import MEDIA_TYPE, Flaw, Problem, ProblemError, documented, shown
from api.routes import bodies, health
from api.services import Services
from api.settings import Settings
from api.views.transaction_models import RelayRequest
from api.web.cache import Cache
from api.web.front import Front
from api.web.limits import Bodies, RateLimit
from api.web.logs import Secrets
from api.web.metrics import Metrics
from chain.errors import ChainError, ContractError, RecordError
from finance.terms import InputError

log = logging.getLogger("penstock.api")
STATIC = Path(__file__).parent / "pages" / "static"


def build(settings: Settings, demo: Demo | None = None) -> FastAPI:
    """The service as `settings` say. Nothing is asked of chain or database before it starts, and it starts
    even when they are down: /health/ready says so, and it needs no restart when they are back.

    Raises InputError for settings that can never work.
    """
    database = Database(settings.database)
    chain = ChainLink(settings.network)
    index = Index(database, is_shown)
    stream = Stream(database, settings.limits.streams, index)
    services = Services(
        settings=settings,
        database=database,
        chain=chain,
        deals=DealBook(settings.deals, is_shown),
        index=index,
        stream=stream,
        jobs=Jobs(settings.limits.jobs),
        nodes=NodeWatch(settings, index),
        access=Access(database, chain, settings),
        demo=demo,
    )
    return create_app(services, Keeper(services, Follower(database, chain, index, stream)))


def create_app(services: Services, keeper: Keeper | None = None) -> FastAPI:
    """The app over services that are there already; `build` makes both. `keeper` runs while the app does."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if keeper is not None:
            await run_in_threadpool(keeper.start)
        try:
            yield
        finally:
            if keeper is not None:
                await run_in_threadpool(keeper.stop)

    app = FastAPI(
        title="Penstock",
        version="1",
        description="Infrastructure deals: terms, prices, KPIs, payments and holders, from files and chain.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    app.state.keeper = keeper
    app.state.checks = health.Checks(services, keeper)
    app.state.metrics = Metrics(lambda: health.gauges(app.state.checks))
    _errors(app, Secrets.of(services.settings))
    for router in routes.routers():
        app.include_router(router, prefix="/v1", responses=documented(400, 429, 503))
    app.include_router(health.unversioned, include_in_schema=False)
    for router in pages.routers():
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _middleware(app, services)
    _description(app)
    return app


def _description(app: FastAPI) -> None:
    """Problems are answered as problem+json only; FastAPI adds plain JSON wherever a model is named. What
    routes read for themselves it does not know of."""
    made = app.openapi

    def described() -> dict[str, Any]:
        found = made()
        bodies.describe(found, ValuationRequest, RelayRequest)
        for item in found["paths"].values():
            for operation in item.values():
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if MEDIA_TYPE in content:
                        content.pop("application/json", None)
        return found

    app.openapi = described  # type: ignore[method-assign]


def _middleware(app: FastAPI, services: Services) -> None:
    """From the innermost to the outermost: what is added last is passed first."""
    settings, metrics = services.settings, app.state.metrics

    def version() -> Hashable | None:
        if not services.index.watched:  # nobody would tell us of a change
            return None
        return (
            services.index.generation,
            services.deals.version,
            services.nodes.version,
            services.chain.silent_since,
        )

    app.add_middleware(Bodies, limits=settings.limits)
    app.add_middleware(RateLimit, limits=settings.limits)
    app.add_middleware(Cache, version=version, metrics=metrics)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"],
            expose_headers=["ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Front, settings=settings, metrics=metrics)


class _Answer(JSONResponse):
    """A problem may quote what was sent, and that may hold half a character (JSON's \\ud800)."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _errors(app: FastAPI, secrets: Secrets) -> None:
    def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
        problem.instance = request.url.path
        problem.detail = secrets.strike(problem.detail)
        if wants_page(request):
            return error_page(request, problem, headers)
        content = problem.model_dump(exclude_defaults=True, exclude_none=True)
        return _Answer(content, problem.status, headers, media_type=MEDIA_TYPE)

    @app.exception_handler(ProblemError)
    async def known(request: Request, error: ProblemError) -> Response:
        return answer(request, error.problem(), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("", bodies.JSON) and any(each["loc"][:1] == ("body",) for each in error.errors()):
            return answer(request, bodies.another_kind(kind).problem())
        flaws = [
            Flaw(
                field=".".join(str(part) for part in each["loc"]) or "body",
                value=None if each.get("input") is None else shown(each["input"]),
                reason=each["msg"].removeprefix("Value error, "),
            )
            for each in error.errors()[:50]
        ]
        detail = f"{flaws[0].field}: {flaws[0].reason}" if flaws else "the request is not valid"
        return answer(request, ProblemError(422, "invalid-input", detail, flaws).problem())

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        name = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        problem = ProblemError(error.status_code, name, str(error.detail)).problem()
        return answer(request, problem, dict(error.headers or {}))

    @app.exception_handler(ContractError)
    async def refused(request: Request, error: ContractError) -> Response:
        words, fields = template(error)
        told = filled(Translator(language_of(request))(words), fields)
        return answer(request, ProblemError(409, "contract-refused", f"{told} ({error.name})").problem())

    @app.exception_handler(ChainError)
    async def away(request: Request, error: ChainError) -> Response:
        return answer(request, ProblemError(503, "chain-unavailable", str(error)).problem())

    # Of all errors about the chain this one is about what was given: a record.
    @app.exception_handler(RecordError)
    @app.exception_handler(InputError)
    async def given(request: Request, error: InputError) -> Response:
        return answer(request, ProblemError(422, "invalid-input", str(error)).problem())

"""Whether the service lives and is ready, and what it measures; under no version, for those who watch it."""

from __future__ import annotations

import time
from threading import Lock

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.keeper import Keeper
from api.problems import ProblemError
from api.services import Services
from api.web.metrics import CONTENT_TYPE

unversioned = APIRouter(tags=["health"])

MOST_LAG_BLOCKS = 50
REMEMBER_SECONDS = 1.0  # a probe that asks more often gets the last answer


class Checks:
    """What was found when somebody last looked. `keeper` is None where nothing follows the chain."""

    def __init__(self, services: Services, keeper: Keeper | None = None) -> None:
        self.services, self._keeper = services, keeper
        self._lock = Lock()
        self._seen, self._found = 0.0, {"": ""}
        self._level = False

    def now(self) -> dict[str, str]:
        """What is wrong, by part; an empty text is well."""
        with self._lock:
            if time.monotonic() - self._seen > REMEMBER_SECONDS:
                self._found = check(self.services)
                if not any(self._found.values()) and not self._level:
                    self._found["index"] = self._first_reading()
                if not any(self._found.values()) and self._keeper is not None:
                    self._found["index"] = self._keeper.trouble or ""
                self._seen = time.monotonic()
            return self._found

    def _first_reading(self) -> str:
        """What is wrong until every deal has been read once; those that come later are read meanwhile."""
        head = self.services.index.head()
        behind = 0 if head is None else head.behind
        self._level = not behind
        return f"{behind} deployments are still being read" if behind else ""


def check(services: Services) -> dict[str, str]:
    """What is wrong, by part; an empty text is well."""
    found = {"chain": "", "database": "", "index": ""}
    try:
        services.chain.probe()
    except ProblemError as error:
        found["chain"] = error.detail
    try:
        head = services.index.head()
        if head is None:
            found["index"] = "no block has been read yet"
        elif head.lag_blocks > MOST_LAG_BLOCKS:
            found["index"] = f"{head.lag_blocks} blocks behind the chain"
    except ProblemError as error:
        found["database"] = found["index"] = error.detail
    if services.demo is not None:
        found["demonstration"] = " ".join(services.demo.trouble())
    return found


def gauges(checks: Checks) -> dict[str, tuple[str, float]]:
    """The figures of now, for Prometheus."""
    services, found = checks.services, checks.now()
    jobs = services.jobs.counts()
    figures = {
        "chain_up": ("Whether the chain answers.", float(not found["chain"])),
        "database_up": ("Whether the database answers.", float(not found["database"])),
        "streams": ("Open event streams.", float(services.stream.clients)),
        "jobs": ("Jobs queued or running.", float(jobs.get("queued", 0) + jobs.get("running", 0))),
    }
    try:
        head = services.index.head()
    except ProblemError:
        head = None
    if head is not None:
        figures["index_block"] = ("The block up to which the index has read.", float(head.block))
        figures["index_lag_blocks"] = ("Blocks that the index is behind the chain.", float(head.lag_blocks))
        figures["index_lag_seconds"] = ("Seconds that the index is behind.", float(head.lag_seconds))
    return figures


@unversioned.get("/health/live")
async def live() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"}, headers={"Cache-Control": "no-store"})


@unversioned.get("/health/ready")
def ready(request: Request) -> JSONResponse:
    """Chain and database answer, the index is near the chain's head, and every deployment that was there at
    the start has been read: 200, else 503 with what is wrong."""
    found = request.app.state.checks.now()
    well = not any(found.values())
    body = {
        "status": "ready" if well else "not ready",
        "checks": {name: words or "ok" for name, words in found.items()},
    }
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(body, 200 if well else 503, headers)


@unversioned.get("/metrics")
def metrics(request: Request) -> Response:
    """Measurements in Prometheus' text format."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)

"""The first and last thing of every request: its id, the Host it asked for, the headers that every answer
has, a line in the log, and a problem when something of ours breaks."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.jobs import asking
from api.problems import ProblemError
from api.settings import Settings
from api.web.answers import send_problem
from api.web.limits import client_of
from api.web.logs import request_id
from api.web.metrics import Metrics

log = logging.getLogger("penstock.requests")
errors = logging.getLogger("penstock.api")

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: a form sent with that has the origin `null`, and would look like another site's.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin-allow-popups",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
YEAR = 31_536_000
VERSION = "/v1"


def hosts_of(settings: Settings) -> frozenset[str]:
    """The names under which the service is reached, without ports."""
    own = urlsplit(settings.origin).hostname or ""
    return frozenset(host.lower() for host in (own, *settings.hosts, *_LOCAL) if host)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, for measurements: never a path that somebody chose."""
    if (known := scope.get("penstock.route")) is not None:
        return str(known)
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return "/static" if scope["path"].startswith("/static/") else "(none)"
    # The route knows its path in its own router, which may be one of the versioned ones.
    versioned = scope["path"].startswith(f"{VERSION}/") and not path.startswith(f"{VERSION}/")
    return VERSION + path if versioned else str(path)


class Front:
    """Outermost of all. Answers 400 for a Host that is not ours, so that no name that somebody else points at
    this machine becomes an origin of its own here."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._hosts = hosts_of(settings)
        always = dict(ALWAYS)
        if settings.origin.startswith("https:"):
            always["strict-transport-security"] = f"max-age={YEAR}"
        self._always = [(name.encode(), value.encode()) for name, value in always.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        id, host = self._read(scope["headers"])
        known, asked = request_id.set(id), asking.set(client_of(scope))
        extra = [*self._always, (b"x-request-id", id.encode())]
        status, sent = 0, 0

        async def finish(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message.get("headers", ())}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name, value) for name, value in extra if name not in given),
                ]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            if host not in self._hosts and not scope["path"].startswith("/health/"):
                await send_problem(scope, finish, self._wrong_host(host))
            else:
                await self._app(scope, receive, finish)
        except Exception as error:
            errors.exception("unexpected error: %s %s", scope["method"], scope["path"], exc_info=error)
            if status == 0:
                detail = "an error of ours; it is in the log under the request's id"
                await send_problem(scope, finish, ProblemError(500, "internal", detail))
            else:  # the answer has begun: only cutting it off tells the client
                raise
        finally:
            self._note(scope, id, status, sent, time.perf_counter() - began)
            request_id.reset(known)
            asking.reset(asked)

    def _read(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
        id, host = None, b""
        for name, value in headers:
            if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
                id = value.decode()
            elif name == b"host":
                host = value
        asked = host.decode("latin-1").lower()
        if not asked.endswith("]"):  # an IPv6 address without a port ends so
            asked = asked.rpartition(":")[0] or asked
        return id or secrets.token_hex(8), asked

    def _wrong_host(self, host: str) -> ProblemError:
        return ProblemError(400, "wrong-host", f"Host {host[:100]!r} is not served here")

    def _note(self, scope: Scope, id: str, status: int, sent: int, seconds: float) -> None:
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._metrics.answered(method, route, status, seconds)
        if log.isEnabledFor(logging.INFO):
            client = scope.get("client")
            log.info(
                "%s",
                status,
                extra={
                    "request": id,
                    "method": method,
                    "path": scope["path"][:300],
                    "status": status,
                    "milliseconds": round(1000 * seconds, 2),
                    "bytes": sent,
                    "client": client[0] if client else None,
                    "cache": scope.get("penstock.cache"),
                },
            )

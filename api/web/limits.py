"""What one client may ask for: how often, how much, and how slowly."""

from __future__ import annotations

import asyncio
import math
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError
from api.settings import Limits
from api.web.answers import header, send_problem

FREE = ("/static/", "/health/", "/metrics")
LARGE = ("/v1/deals/validate", "/v1/deployments", "/v1/transactions", "/v1/valuations")
"""What deals and transactions are posted to: read in threads, few at a time."""
MOST_PLAIN = 100_000
"""Bytes of any other body: it is read on the event loop, and everybody waits meanwhile."""
_NETWORK = 64  # an IPv6 customer has a whole /64 to choose addresses from
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


def client_of(scope: Scope) -> str:
    """Who is asking, for limits: an IPv4 address, or an IPv6 network."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> (128 - _NETWORK))
    return str(address)


class RateLimit:
    """Over time at most `per_second`, and at most `burst` at once. 429 says when to come again."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._item = None
        if limits.per_second > 0:
            burst = max(limits.burst, limits.per_second)
            self._item = RateLimitItemPerSecond(burst, math.ceil(burst / limits.per_second))
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._item is not None and scope["type"] == "http" and not scope["path"].startswith(FREE):
            client = client_of(scope)
            if not self._limiter.hit(self._item, client):
                reset = self._limiter.get_window_stats(self._item, client).reset_time
                wait = max(1, math.ceil(reset - time.time()))
                words = (
                    f"more than {self._item.amount} requests in {self._item.get_expiry()} s; wait {wait} s"
                )
                error = ProblemError(429, "too-many-requests", words, headers={"Retry-After": str(wait)})
                await send_problem(scope, send, error)
                return
        await self._app(scope, receive, send)


class Bodies:
    """Reads a request's body before its route runs, so that a slow or endless one costs neither a thread nor
    more than `body_bytes`, or MOST_PLAIN where no deal is posted. 413 and 408 end the connection."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app, self._most, self._seconds = app, limits.body_bytes, limits.body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(scope, receive)
        except ProblemError as error:
            await send_problem(scope, send, error, close=True)
            return
        except TimeoutError:
            words = f"the body did not arrive within {self._seconds:g} s"
            await send_problem(scope, send, ProblemError(408, "body-too-slow", words), close=True)
            return
        if body is None:
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()  # which tells of the client's leaving
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _has_body(self, scope: Scope) -> bool:
        length = header(scope["headers"], b"content-length")
        if length is not None:
            return length != b"0"
        return scope["method"] not in _BODILESS or header(scope["headers"], b"transfer-encoding") is not None

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client left."""
        most = self._most if scope["path"] in LARGE else min(self._most, MOST_PLAIN)
        length = header(scope["headers"], b"content-length") or b"0"
        if not length.isdigit() or int(length[:20]) > most:
            raise _too_large(most)
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise _too_large(most)
            if not message.get("more_body"):
                return b"".join(parts)


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "body-too-large", f"the body is larger than {most} bytes")

"""Answers of public reads, kept for a moment: a page that a thousand people look at is made once.

What a GET answers depends on its path, query, Accept and language, and on the state behind it. An answer is
used again while that state has not changed, and for at most `MOST_SECONDS`, because some answers go by the
clock. Requests with credentials, and answers that say `no-store`, never come here. Every other answer gets an
ETag, and 304 when the client has it already.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.answers import Headers, header
from api.web.front import route_of
from api.web.metrics import Metrics

log = logging.getLogger("penstock.cache")

MOST_SECONDS, RENEW_SECONDS = 2.0, 1.0
MOST_BYTES, MOST_ENTRIES, LARGEST = 64_000_000, 4_096, 2_000_000
PRIVATE = ("/v1/auth", "/v1/demo", "/v1/jobs", "/v1/stream", "/v1/transactions", "/health/", "/metrics")
FILES = ("/static/",)  # they come with ETags of their own
STREAM = "/v1/stream"  # has no end, so nothing of it can be asked for without its body
SESSION, LANGUAGE = b"penstock_session", b"lang"

Version = Callable[[], Hashable | None]


@dataclass(slots=True)
class Entry:
    """One answer. `version` is the state it was made from."""

    headers: Headers
    body: bytes
    etag: bytes
    route: str
    version: Hashable
    born: float

    @property
    def size(self) -> int:
        return len(self.body) + 2_000


class Cache:
    """Stands before limits and routing. `version` names the state behind the answers, None for the moment
    if that is not known; it is asked with every request, so it must be quick."""

    def __init__(self, app: ASGIApp, *, version: Version, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._version = version
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, asyncio.Event] = {}
        self._renewing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and scope["path"] != STREAM:
            scope["method"], send = "GET", _without_body(send)
        if scope["path"].startswith(FILES):
            # An address with a mark of the content (?v=) never changes what it means.
            policy = b"public, max-age=31536000, immutable" if b"v=" in scope["query_string"] else b"no-cache"
            await self._app(scope, receive, _with_policy(send, policy))
            return
        key, etags, public = _key(scope)
        state = None
        if public and not scope["path"].startswith(PRIVATE):
            state = self._version()
        if state is None:
            scope["penstock.cache"] = "passed"
            await self._app(scope, receive, _with_policy(send, b"no-store"))
            return
        entry = self._fresh(key, state)
        if entry is None and (making := self._making.get(key)) is not None:
            await making.wait()
            entry = self._fresh(key, state)
        if entry is not None:
            scope["penstock.cache"], scope["penstock.route"] = "hit", entry.route
            self._metrics.cached("hit")
            if time.monotonic() - entry.born > RENEW_SECONDS and key not in self._making:
                self._renew(key, dict(scope), state)
            await _answer(send, entry, etags)
            return
        scope["penstock.cache"] = "miss"
        self._metrics.cached("miss")
        made = await self._make(key, scope, receive, send, state)
        if made is not None:
            await _answer(send, made, etags)

    async def _make(
        self, key: Hashable, scope: Scope, receive: Receive, send: Send, state: Hashable
    ) -> Entry | None:
        """Have the answer made, and keep it; None if it went to the client directly."""
        event = self._making[key] = asyncio.Event()
        try:
            making = _Making(send, event.set)
            await self._app(scope, receive, making.send)
            entry = making.entry(route_of(scope), state)
            if entry is not None:
                self._keep(key, entry)
            return entry
        finally:
            event.set()
            if self._making.get(key) is event:
                del self._making[key]

    def _renew(self, key: Hashable, scope: Scope, state: Hashable) -> None:
        """Make an answer again before it is too old, so that nobody waits for it."""
        del scope["penstock.route"]

        async def nobody(_message: Message) -> None:
            """Whatever cannot be kept is dropped."""

        async def work() -> None:
            try:
                await self._make(key, scope, _nothing, nobody, state)
            except Exception:  # whoever asks next is told
                log.debug("an answer could not be renewed", exc_info=True)

        task = asyncio.create_task(work())
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    def _fresh(self, key: Hashable, state: Hashable) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.version != state or time.monotonic() - entry.born > MOST_SECONDS:
            return None
        self._entries.move_to_end(key)
        return entry

    def _keep(self, key: Hashable, entry: Entry) -> None:
        before = self._entries.pop(key, None)
        self._entries[key] = entry
        self._bytes += entry.size - (before.size if before else 0)
        while self._bytes > MOST_BYTES or len(self._entries) > MOST_ENTRIES:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.size


class _Making:
    """Takes an answer in as its route sends it, as long as it can be kept, and else lets it through."""

    def __init__(self, send: Send, release: Callable[[], None]) -> None:
        """`release` lets those go who wait for the answer to be kept."""
        self._send, self._release = send, release
        self._start: Message | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._through = self._whole = False

    async def send(self, message: Message) -> None:
        if self._through:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
            if not _keepable(message):
                _said(message["headers"], b"cache-control", b"no-store")
                await self._let_through()
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self._size += len(self._parts[-1])
            self._whole = not message.get("more_body", False)
            if self._size > LARGEST:
                await self._let_through(more=not self._whole)
        else:
            await self._let_through()
            await self._send(message)

    async def _let_through(self, more: bool = True) -> None:
        self._through = True
        # It lasts as long as this client likes; nobody else shall wait for that.
        self._release()
        if self._start is not None:
            _said(self._start["headers"], b"cache-control", b"no-cache")
            await self._send(self._start)
        if self._parts or not more:
            body = b"".join(self._parts)
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
            self._parts = []

    def entry(self, route: str, version: Hashable) -> Entry | None:
        """The answer, unless it went through."""
        if self._through or self._start is None or not self._whole:
            return None
        body = b"".join(self._parts)
        given = self._start["headers"]
        etag = (
            header(given, b"etag") or b'"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        )
        headers = [(k.lower(), v) for k, v in given if k.lower() not in (b"etag", b"content-length", b"vary")]
        _said(headers, b"cache-control", b"no-cache")
        said = (header(given, b"vary") or b"").split(b",")
        vary = dict.fromkeys([b"Accept", b"Accept-Language", b"Cookie", *(each.strip() for each in said)])
        headers += [
            (b"etag", etag),
            (b"vary", b", ".join(each for each in vary if each)),
            (b"content-length", str(len(body)).encode()),
        ]
        return Entry(headers, body, etag, route, version, time.monotonic())


async def _nothing() -> Message:
    """A client that has said everything and stays."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def _key(scope: Scope) -> tuple[Hashable, bytes | None, bool]:
    """What an answer depends on; the client's ETags; whether the request is anybody's."""
    accept = language = chosen = host = part = b""
    etags, public = None, True
    for name, value in scope["headers"]:
        if name == b"accept":
            accept = value
        elif name == b"accept-language":
            language = value
        elif name == b"host":
            host = value
        elif name == b"if-none-match":
            etags = value
        elif name in (b"authorization", b"range"):
            public = False
        elif name == b"hx-request":
            part = value
        elif name == b"cookie":
            for each in value.split(b";"):
                cookie, _, content = each.strip().partition(b"=")
                if cookie == SESSION:
                    public = False
                elif cookie == LANGUAGE:
                    chosen = content
    key = (scope["path"], scope["query_string"], accept, language, chosen, part, host, scope.get("scheme"))
    return key, etags, public


def _keepable(start: Message) -> bool:
    headers = start["headers"]
    policy = header(headers, b"cache-control") or b""
    return (
        start["status"] == 200
        and b"no-store" not in policy
        and b"private" not in policy
        and header(headers, b"set-cookie") is None
        and not (header(headers, b"content-type") or b"").startswith(b"text/event-stream")
    )


def _matches(etags: bytes | None, etag: bytes) -> bool:
    if etags is None:
        return False
    known = {each.strip().removeprefix(b"W/") for each in etags.split(b",")}
    return b"*" in known or etag.removeprefix(b"W/") in known


async def _answer(send: Send, entry: Entry, etags: bytes | None) -> None:
    if _matches(etags, entry.etag):
        headers = [(k, v) for k, v in entry.headers if k in (b"etag", b"vary", b"cache-control", b"link")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": list(entry.headers)})
    await send({"type": "http.response.body", "body": entry.body})


def _said(headers: Headers, name: bytes, value: bytes) -> None:
    if header(headers, name) is None:
        headers.append((name, value))


def _with_policy(send: Send, policy: bytes) -> Send:
    """Says how long an answer may be kept, unless the route has said so; of errors always not at all."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = list(message.get("headers", ()))
            _said(message["headers"], b"cache-control", policy if message["status"] < 400 else b"no-store")
        await send(message)

    return sending


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending

"""Answers made before or outside a route, and the headers that are looked at there."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Scope, Send

from api.problems import MEDIA_TYPE, ProblemError

Headers = list[tuple[bytes, bytes]]


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first header of that (lower-case) name."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def cookie(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The value of a cookie."""
    for key, value in headers:
        if key == b"cookie":
            for part in value.split(b";"):
                found, _, content = part.strip().partition(b"=")
                if found == name:
                    return content
    return None


async def send_problem(scope: Scope, send: Send, error: ProblemError, *, close: bool = False) -> None:
    """Answer with a problem. `close`: end the connection, because the rest of its body is not wanted."""
    body = error.problem(scope["path"]).model_dump_json(exclude_defaults=True, exclude_none=True).encode()
    headers: Headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

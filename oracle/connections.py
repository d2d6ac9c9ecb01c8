"""HTTP connections whose other end must say what it wants: a limit on the time that request headers take,
which uvicorn does not have."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
"""From a connection's first moment, or the first byte of its next request, to the end of its headers."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol that closes connections whose headers do not arrive in `header_seconds`, however
    many bytes of them come meanwhile. Bodies are the app's to limit; idle connections between two requests
    end by uvicorn's own keep-alive."""

    header_seconds = HEADER_SECONDS
    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        answered = self.cycle is not None and self.cycle.response_complete
        if answered and not self.pipeline:
            self._await_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._have_headers()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_headers()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        if self._headers_due is None:
            self._headers_due = self.loop.call_later(self.header_seconds, self._too_slow)

    def _have_headers(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _too_slow(self) -> None:
        self._headers_due = None
        if not self.transport.is_closing():
            self.transport.write(TOO_SLOW)
            self.transport.close()


def timed(header_seconds: float) -> Any:
    """The protocol with another limit, for `uvicorn.Config(http=...)`."""
    return type("Timed", (TimedProtocol,), {"header_seconds": header_seconds})

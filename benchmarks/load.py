"""A load generator for HTTP on this machine: requests at a steady rate, or as many as come back, and streams.

Only for loopback addresses. Latencies at a steady rate count from when a request was due, so that a server
that stalls cannot hide the requests that it kept waiting.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

HEAD_END = b"\r\n\r\n"


@dataclass
class Outcome:
    """What came back: seconds of each answer, answers by status, and seconds that the whole took."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Latency, in milliseconds, that this share of answers stays within."""
        return 1e3 * float(np.quantile(self.latencies, share))

    @property
    def failures(self) -> int:
        """Answers that were not 200, and requests without one."""
        return sum(n for status, n in self.statuses.items() if status != 200) + sum(self.errors.values())


def get(path: str, host: str, accept: str = "application/json") -> bytes:
    """The bytes of a GET that keeps its connection."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n".encode()


def post(path: str, host: str, body: bytes) -> bytes:
    """The bytes of a POST of JSON that keeps its connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request and read its whole answer; the status."""
    writer.write(request)
    head = await reader.readuntil(HEAD_END)
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ConnectionError("an answer without a length")
    length = int(lower[at + 15 : lower.index(b"\r\n", at)])
    if length:
        await reader.readexactly(length)
    return status


def _require_loopback(host: str) -> None:
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host}: load is sent to this machine only")


async def hammer(
    host: str,
    port: int,
    requests: Iterator[bytes],
    seconds: float,
    connections: int = 16,
    rate: float | None = None,
) -> Outcome:
    """Send `requests`, which never end, over so many connections for so long: at `rate` a second in all, or
    each connection its next one as soon as it has the answer to the last."""
    _require_loopback(host)
    outcome = Outcome()
    began = perf_counter()
    sent = 0

    def due() -> float | None:
        """When the next request is to be sent; None when the time is over."""
        nonlocal sent
        at = perf_counter() if rate is None else began + sent / rate
        if at >= began + seconds:
            return None
        sent += 1
        return at

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            while (at := due()) is not None:
                wait = at - perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                try:
                    status = await _exchange(reader, writer, next(requests))
                except (ConnectionError, asyncio.IncompleteReadError, OSError) as error:
                    outcome.errors[type(error).__name__] += 1
                    writer.close()
                    reader, writer = await asyncio.open_connection(host, port)
                    continue
                outcome.latencies.append(perf_counter() - at)
                outcome.statuses[status] += 1
        finally:
            writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    outcome.seconds = perf_counter() - began
    return outcome


@dataclass
class Listener:
    """What one stream has received: ids and when, in seconds of perf_counter."""

    ids: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


async def listen(
    host: str, port: int, path: str, clients: int, ready: asyncio.Event, until: asyncio.Event
) -> list[Listener]:
    """Open so many event streams, set `ready` when all have begun, and read them `until` set."""
    _require_loopback(host)
    listeners = [Listener() for _ in range(clients)]
    open_ones = 0

    async def follow(listener: Listener) -> None:
        nonlocal open_ones
        reader, writer = await asyncio.open_connection(host, port)
        try:
            ask = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n"
            writer.write(ask.encode())
            head = await reader.readuntil(HEAD_END)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise ConnectionError(head.split(b"\r\n", 1)[0].decode())
            open_ones += 1
            if open_ones == clients:
                ready.set()
            while True:
                line = await reader.readline()
                if not line:
                    return
                if line.startswith(b"id:"):
                    listener.ids.append(line[3:].strip().decode())
                    listener.at.append(perf_counter())
        finally:
            writer.close()

    tasks = [asyncio.create_task(follow(listener)) for listener in listeners]
    ended = asyncio.create_task(until.wait())
    failed = asyncio.gather(*tasks)
    await asyncio.wait([ended, failed], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ended.cancel()
    if failed.done() and not failed.cancelled() and failed.exception() is not None and not until.is_set():
        raise ConnectionError(f"a stream ended: {failed.exception()}")
    return listeners

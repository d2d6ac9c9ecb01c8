"""Connections that say nothing, or not enough, are closed; those that speak are served meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from oracle.connections import TimedProtocol, timed
from oracle.server import settings_of
from scripts.serve.service import config_of

SECONDS = 0.6


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        import asyncio

        await asyncio.sleep(2 * SECONDS)
        return "done"

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=timed(SECONDS), log_level="warning", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[:2]
    running.should_exit = True
    thread.join(10)


def ends(connection: socket.socket, seconds: float) -> tuple[bytes, float]:
    """What arrives until the other end closes, and when it did."""
    began, found = time.monotonic(), b""
    connection.settimeout(seconds)
    while data := connection.recv(4096):
        found += data
    return found, time.monotonic() - began


def test_three_hundred_half_open_requests_are_closed_and_hold_up_nobody(server: tuple[str, int]) -> None:
    with ExitStack() as rest:
        half = [rest.enter_context(socket.create_connection(server)) for _ in range(300)]
        for place, each in enumerate(half):
            if place % 3:
                each.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nX-" + b"a" * (place % 7))
        answer = httpx.get(f"http://{server[0]}:{server[1]}/slow", timeout=10)
        assert answer.json() == "done"  # longer under way than headers may be
        for each in half:
            found, _ = ends(each, 3)
            assert b"408" in found


def test_a_byte_now_and_then_does_not_keep_a_connection(server: tuple[str, int]) -> None:
    with socket.create_connection(server) as drip:
        drip.sendall(b"GET /slow HTTP/1.1\r\nX-")
        began, closed = time.monotonic(), False
        while not closed and time.monotonic() - began < 5 * SECONDS:
            time.sleep(0.05)
            try:
                drip.sendall(b"a")
            except OSError:
                closed = True
        assert closed
        assert time.monotonic() - began > SECONDS * 0.8


def test_the_second_request_of_a_connection_is_timed_too(server: tuple[str, int]) -> None:
    with socket.create_connection(server) as kept:
        kept.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * SECONDS)
        assert b"done" in kept.recv(4096)
        kept.sendall(b"GET /slow HT")
        found, spent = ends(kept, 3)
        assert b"408" in found
        assert spent < 3 * SECONDS


@pytest.mark.parametrize("config", [config_of, settings_of])
def test_service_and_nodes_have_the_limit(config: Any) -> None:
    assert issubclass(config(FastAPI()).http, TimedProtocol)

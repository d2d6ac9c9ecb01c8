"""Runs the app on a port until somebody stops it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import httpx
import uvicorn
from fastapi import FastAPI

from finance.terms import InputError
from oracle.connections import TimedProtocol

DRAIN_SECONDS = 3
"""How long a request may go on after the service is told to stop; event streams end then."""
READY_SECONDS = 60.0
AGAIN_SECONDS = 0.05
"""Long enough for a destructor to end."""
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to tell a user what they mean


def listen(host: str, port: int) -> socket.socket:
    """The port, taken before anything slow begins. Raises InputError when it cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise InputError(f"--host = {host}: {error.strerror or error}") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"--port = {port}: is taken: something else listens there") from None
        raise InputError(f"--host = {host}, --port = {port}: {error.strerror}") from None
    return listener


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the service."""
    shown = "127.0.0.1" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


class StoppedError(KeyboardInterrupt):
    """Somebody wants the command to end; no Exception, so that nothing on the way takes it for a failure."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block by StoppedError, and what is left of it is not disturbed by more.

    Python drops what a handler raises while a destructor or the callback of a weak reference runs, of which
    an import has many: an error that is gone before the block has ended is raised again.
    """
    ended = threading.Event()
    raised: weakref.ref[StoppedError] | None = None

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal raised
        if ended.is_set() or (raised is not None and raised() is not None):
            return
        error = StoppedError()
        raised = weakref.ref(error, lambda _: dropped(number))
        try:
            raise error
        finally:
            del error  # else the error holds this frame, and the frame the error

    def dropped(number: int) -> None:
        timer = threading.Timer(AGAIN_SECONDS, again, (number,))
        timer.daemon = True
        timer.start()

    def again(number: int) -> None:
        if not ended.is_set():  # else it would reach whoever handles it after the block
            os.kill(os.getpid(), number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def run(app: FastAPI, listener: socket.socket, url: str, ready: Callable[[bool], None]) -> None:
    """Serve until a signal, which is passed on. `ready` is called once: with True when everything is up and
    read, with False when that takes long."""
    server = uvicorn.Server(config_of(app))
    waiting = threading.Thread(target=_wait, args=(server, url, ready), name="ready", daemon=True)
    waiting.start()
    server.run(sockets=[listener])


def config_of(app: FastAPI) -> uvicorn.Config:
    """How the app is served."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=TimedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _wait(server: uvicorn.Server, url: str, ready: Callable[[bool], None]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(timeout=5, trust_env=False) as client:
        while not server.should_exit and time.monotonic() < deadline:
            if server.started and _is_ready(client, url):
                ready(True)
                return
            time.sleep(0.1)
    if not server.should_exit:
        ready(False)


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health/ready").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False

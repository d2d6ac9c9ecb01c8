"""An oracle node on HTTP: GET /health, GET /v1/info, POST /v1/observation, GET /v1/evidence/<root>.

Errors are JSON with one line: {"error": "field = value: reason"}. Four routes that describe themselves to
nobody need no more than Starlette, on which FastAPI stands: so a node starts in three quarters of the time.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oracle.connections import TimedProtocol
from oracle.node import Node, RefusedError, log
from oracle.node_config import ConfigError, load_config
from oracle.wire import SignedRequest, one_line

MAX_REQUEST_BYTES = 16_384


def create_app(node: Node) -> Starlette:
    """The node's HTTP interface."""

    async def refused(_request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, RefusedError)
        return JSONResponse({"error": str(refusal)}, refusal.status)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": f"{request.method} {request.url.path}: not served"}, error.status_code)

    async def health(_request: Request) -> Response:
        return JSONResponse(node.health())

    async def info(_request: Request) -> Response:
        return JSONResponse(node.info())

    async def observation(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_REQUEST_BYTES:
                raise RefusedError(413, f"body: larger than {MAX_REQUEST_BYTES} bytes")
        try:
            asked = SignedRequest.model_validate_json(body)
        except ValidationError as error:
            raise RefusedError(422, one_line(error)) from None
        signed = await run_in_threadpool(node.answer, asked)
        return JSONResponse(signed.model_dump(mode="json"))

    async def bundle(request: Request) -> Response:
        found = await run_in_threadpool(node.evidence, request.path_params["root"])
        return JSONResponse(found.to_wire())

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/v1/info", info, methods=["GET"]),
            Route("/v1/observation", observation, methods=["POST"]),
            Route("/v1/evidence/{root}", bundle, methods=["GET"]),
        ],
        exception_handlers={RefusedError: refused, 404: unknown, 405: unknown},
    )


def serve(path: str | Path, port: int | None = None) -> None:
    """Run the node of a configuration file until it is stopped; prints one JSON line when it listens. `port`
    instead of the configuration's.

    Raises ConfigError, also when the port is taken.
    """
    config = load_config(path)
    chosen = config.listen.port if port is None else port
    node = Node(config)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if config.fault.active:
        log.warning("FAULT INJECTED, for demonstration: %s", ", ".join(config.fault.active))
    family = socket.AF_INET6 if ":" in config.listen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.listen.host, chosen))
        listener.listen(128)
    except OSError as error:
        raise ConfigError(f"{path}: listen.port = {chosen}: {error.strerror}") from None
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(json.dumps({"address": node.address, "url": f"http://{shown}:{port}"}), flush=True)
    uvicorn.Server(settings_of(create_app(node))).run(sockets=[listener])


def settings_of(app: Any) -> uvicorn.Config:
    """How a node's app is served."""
    return uvicorn.Config(app, http=TimedProtocol, log_level="warning", lifespan="off", access_log=False)


def end_with_starter() -> None:
    """End this process when its standard input closes, as it does when whoever holds the other end dies."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """`python -m oracle.server FILE [--port N] [--with-starter]`: the node without the commands' imports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--port", type=int, help="instead of the configuration's")
    parser.add_argument("--with-starter", action="store_true", help="end when standard input closes")
    options = parser.parse_args()
    if options.with_starter:
        end_with_starter()
    try:
        serve(options.config, options.port)
    except ConfigError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

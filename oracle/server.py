"""An oracle node on HTTP: GET /health, GET /v1/info, POST /v1/observation, GET /v1/evidence/<root>.

Errors are JSON with one line: {"error": "field = value: reason"}.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from oracle.connections import TimedProtocol
from oracle.node import Node, RefusedError, log
from oracle.node_config import ConfigError, load_config
from oracle.wire import SignedRequest, one_line

MAX_REQUEST_BYTES = 16_384


def create_app(node: Node) -> FastAPI:
    """The node's HTTP interface."""
    app = FastAPI(title="Penstock oracle node", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, refusal: RefusedError) -> JSONResponse:
        return JSONResponse({"error": str(refusal)}, refusal.status)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": f"{request.method} {request.url.path}: not served"}, error.status_code)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return node.health()

    @app.get("/v1/info")
    async def info() -> dict[str, Any]:
        return node.info()

    @app.post("/v1/observation")
    async def observation(request: Request) -> JSONResponse:
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

    @app.get("/v1/evidence/{root}")
    async def bundle(root: str) -> JSONResponse:
        found = await run_in_threadpool(node.evidence, root)
        return JSONResponse(found.to_wire())

    return app


def serve(path: str | Path) -> None:
    """Run the node of a configuration file until it is stopped; prints one JSON line when it listens.

    Raises ConfigError, also when the port is taken.
    """
    config = load_config(path)
    node = Node(config)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if config.fault.active:
        log.warning("FAULT INJECTED, for demonstration: %s", ", ".join(config.fault.active))
    family = socket.AF_INET6 if ":" in config.listen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.listen.host, config.listen.port))
        listener.listen(128)
    except OSError as error:
        raise ConfigError(f"{path}: listen.port = {config.listen.port}: {error.strerror}") from None
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(json.dumps({"address": node.address, "url": f"http://{shown}:{port}"}), flush=True)
    uvicorn.Server(settings_of(create_app(node))).run(sockets=[listener])


def settings_of(app: Any) -> uvicorn.Config:
    """How a node's app is served."""
    return uvicorn.Config(app, http=TimedProtocol, log_level="warning", lifespan="off", access_log=False)


if __name__ == "__main__":  # python -m oracle.server FILE: the node without the commands' imports
    try:
        serve(sys.argv[1] if len(sys.argv) == 2 else "")
    except ConfigError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from None

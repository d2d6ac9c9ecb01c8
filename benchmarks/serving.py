"""The service under load, the generator on the same machine: cached reads, what-ifs, event streams.

Starts `penstock serve` with its demonstration, without limits on the rate, and ends it. Set PENSTOCK_URL to
measure one that is running (started with --rate-limit 0).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.load import Outcome, get, hammer, listen, post
from benchmarks.measure import line, machine

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 240.0
READ_RATE, WHAT_IF_RATE, STREAMS = 1_500, 100, 500
SECONDS = 8.0
WHAT_IFS = 40_000
READS = (
    "/v1/deals",
    "/v1/deals/dc-water-eib-2016",
    "/v1/deployments",
    "/v1/deployments/{id}",
    "/v1/deployments/{id}/holders",
    "/v1/deployments/{id}/kpis",
    "/v1/deployments/{id}/payments",
    "/v1/deployments/{id}/reports",
)
"""What a page of a deal reads."""


def run(repeat: int = 3) -> dict[str, Any]:
    """All measurements; each figure is the median of `repeat` runs, after one to warm up."""
    with _service() as url:
        parts = urlsplit(url)
        host, port = str(parts.hostname), int(parts.port or 80)
        at = f"{host}:{port}"
        deployments = httpx.get(f"{url}/v1/deployments", trust_env=False).json()["items"]
        water = next(d["id"] for d in deployments if d["deal"].startswith("dc-water"))
        reads = cycle([get(path.format(id=water), at) for path in READS])
        steady = _runs(repeat, host, port, reads, READ_RATE)
        most = _runs(repeat, host, port, reads, None)
        asked = cycle([post("/v1/valuations", at, _what_if(step)) for step in range(WHAT_IFS)])
        priced = _runs(repeat, host, port, asked, WHAT_IF_RATE)
        priced_most = _runs(repeat, host, port, asked, None, connections=4)
        streams = asyncio.run(_streams(url, host, port))
    return {
        "benchmark": "serving",
        "machine": machine(),
        "repeat": repeat,
        "results": [
            line("Cached reads, as many as come back", _rate(most), "requests/s", READ_RATE),
            line(f"Cached reads at {READ_RATE}/s: p99", _p99(steady), "ms", 50, least=False),
            line("Cached reads: answers but 200", _failures(steady, most), "requests", 0, least=False),
            line(
                "What-ifs, closed form, as many as come back", _rate(priced_most), "requests/s", WHAT_IF_RATE
            ),
            line(f"What-ifs at {WHAT_IF_RATE}/s: p99", _p99(priced), "ms", 150, least=False),
            line("What-ifs: answers but 200", _failures(priced, priced_most), "requests", 0, least=False),
            *streams,
        ],
        "note": "One server process. Latencies count from when a request was due; no what-if is asked twice.",
    }


def _what_if(step: int) -> bytes:
    """A request that no other is like: every position of the sliders is priced anew."""
    asked = {
        "deal": "dc-water-eib-2016",
        "discount_yield": round(0.02 + 5e-7 * step, 8),
        "kpis": {"runoff-reduction": {"mean": round(0.2 + 4e-6 * step, 6)}},
    }
    return json.dumps(asked).encode()


def _runs(
    repeat: int, host: str, port: int, requests: Iterator[bytes], rate: float | None, connections: int = 16
) -> list[Outcome]:
    asyncio.run(hammer(host, port, requests, 2.0, connections, rate))
    return [asyncio.run(hammer(host, port, requests, SECONDS, connections, rate)) for _ in range(repeat)]


def _rate(outcomes: list[Outcome]) -> float:
    return median(outcome.rate for outcome in outcomes)


def _p99(outcomes: list[Outcome]) -> float:
    return median(outcome.quantile(0.99) for outcome in outcomes)


def _failures(*runs: list[Outcome]) -> int:
    return sum(outcome.failures for outcomes in runs for outcome in outcomes)


async def _streams(url: str, host: str, port: int) -> list[dict[str, Any]]:
    """Open the streams, let something happen on the chain, and see who heard of it and when."""
    ready, until = asyncio.Event(), asyncio.Event()
    listening = asyncio.create_task(listen(host, port, "/v1/stream", STREAMS, ready, until))
    opened = asyncio.create_task(ready.wait())
    await asyncio.wait([listening, opened], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    if not ready.is_set():
        until.set()
        raise RuntimeError(
            f"{STREAMS} streams did not open: {listening.result() if listening.done() else 'slow'}"
        )
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        headers = {"Origin": url, "Content-Type": "application/json"}
        (await client.post(f"{url}/v1/demo/advance", headers=headers, json={})).raise_for_status()
    await asyncio.sleep(5)
    until.set()
    heard = await listening
    whole = max(heard, key=lambda each: len(each.ids))
    same = sum(each.ids == whole.ids for each in heard)
    spread = [max(moments) - min(moments) for moments in zip(*(e.at for e in heard), strict=False)]
    return [
        line("Streams that heard every event, in order", same if whole.ids else 0, "clients", STREAMS),
        line("Events that each heard", len(whole.ids), "events", 1),
        line("From the first client to the last, slowest event", 1e3 * max(spread, default=0.0), "ms"),
    ]


@contextmanager
def _service() -> Iterator[str]:
    """The address of a service that is ready."""
    given = os.environ.get("PENSTOCK_URL")
    if given:
        yield given.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "serve.log", "w+") as log:
        command = [
            sys.executable,
            "-m",
            "scripts",
            "serve",
            "--port",
            str(port),
            "--rate-limit",
            "0",
            "--no-open",
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _ready(f"http://127.0.0.1:{port}", process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _ready(url: str, process: subprocess.Popen[bytes], log: Any) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    log.seek(0)
    raise RuntimeError(f"penstock serve did not come up:\n{log.read()[-2000:]}")

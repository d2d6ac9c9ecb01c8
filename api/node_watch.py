"""Watches the oracle's nodes: asks each of them now and then whether it is up, who it is, and what is wrong
with it on purpose. A node that hangs, lies about itself or answers nonsense costs a bounded time and is said
so.

Where nodes listen is in DATA/<deployment>/nodes.json, {kpi: [url, ...]}, in the order of the feed's signers.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx

from api.problems import ProblemError

if TYPE_CHECKING:
    from api.index.reader import Index
    from api.settings import Settings

log = logging.getLogger("penstock.nodes")

EVERY_SECONDS = 5.0
TIMEOUT_SECONDS = 3.0
MOST_NODES = 500
"""Of all deployments together; further ones are not watched."""
MAX_ANSWER_BYTES = 65_536
AT_ONCE = 8
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")

Health = Literal["up", "down", "unknown"]


@dataclass(frozen=True)
class NodeState:
    """What is known of the node that listens at `url`; `position` is its place in nodes.json. `address`: as
    it says itself, now or when it last answered. Times are unix seconds of this machine."""

    kpi: str
    position: int
    url: str
    health: Health = "unknown"
    address: str | None = None
    faults: tuple[str, ...] = ()
    error: str | None = None
    checked: int | None = None
    last_seen: int | None = None
    milliseconds: float | None = None
    info: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Any, ...]:
        """What a change of is news; times are not."""
        return self.url, self.health, self.address, self.faults, self.error, tuple(self.info.items())


Place = tuple[str, str, int]
"""Deployment, KPI, position."""


class NodeWatch:
    """`version` counts changes of what is shown. Nothing is asked before `start`, or `poll`."""

    def __init__(self, settings: Settings, index: Index) -> None:
        self._data, self._index = settings.data, index
        self._states: dict[Place, NodeState] = {}
        self._files: dict[Path, tuple[int, dict[str, list[str]]]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.version = 0

    def start(self) -> None:
        """Begin to ask, in a thread of its own."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="node-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a question under way is waited for no longer than its timeout."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2 * TIMEOUT_SECONDS)

    def nodes(self, deployment: str) -> list[NodeState]:
        """The nodes of a deployment by KPI and position, as they were last seen."""
        with self._lock:
            found = [(place, state) for place, state in self._states.items() if place[0] == deployment]
        return [state for _, state in sorted(found, key=lambda each: each[0])]

    def urls(self, deployment: str, kpi: str) -> list[str]:
        """Where the nodes of a KPI listen, as its file says now."""
        return self._listed(self._data / deployment / "nodes.json").get(kpi, [])

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
            except Exception:  # whatever it is, the watch goes on
                log.exception("the watch of the nodes failed; it tries again")
            self._stop.wait(EVERY_SECONDS)

    def poll(self) -> None:
        """Ask every node once."""
        places = self._places()
        with self._lock:
            known = self._states
        limits = httpx.Timeout(TIMEOUT_SECONDS)
        with (
            httpx.Client(timeout=limits, follow_redirects=False, trust_env=False) as client,
            ThreadPoolExecutor(AT_ONCE, "node-watch") as pool,
        ):
            asked = pool.map(lambda item: self._ask(client, item[1], known.get(item[0])), places.items())
            found = dict(zip(places, asked, strict=True))
        with self._lock:
            before = {place: state.shown for place, state in self._states.items()}
            self._states = found
            if before != {place: state.shown for place, state in found.items()}:
                self.version += 1

    def _places(self) -> dict[Place, NodeState]:
        try:
            ids = [deployment.id for deployment in self._index.deployments()]
        except ProblemError:
            with self._lock:  # the database is down: those we know are still there
                ids = sorted({place[0] for place in self._states})
        found: dict[Place, NodeState] = {}
        for id in ids:
            for kpi, urls in self._listed(self._data / id / "nodes.json").items():
                for position, url in enumerate(urls):
                    found[id, kpi, position] = NodeState(kpi, position, url)
        return dict(list(found.items())[:MOST_NODES])

    def _listed(self, path: Path) -> dict[str, list[str]]:
        """{kpi: urls} of a file, read again when it has changed; nothing if it cannot be used."""
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return {}
        kept = self._files.get(path)
        if kept is None or kept[0] != changed:
            kept = self._files[path] = (changed, _read(path))
        return kept[1]

    def _ask(self, client: httpx.Client, node: NodeState, before: NodeState | None) -> NodeState:
        same = before if before is not None and before.url == node.url else node
        begun, now = time.monotonic(), int(time.time())
        try:
            health = _get(client, f"{node.url}/health")
            address = str(health["address"])
            if not _ADDRESS.fullmatch(address):
                raise ValueError("its address is none")
            faults = tuple(str(fault)[:80] for fault in list(health.get("faults_injected") or [])[:8])
            spent = round(1000 * (time.monotonic() - begun), 1)
            info = same.info
            if same.address != address or not info:
                info = _info(_get(client, f"{node.url}/v1/info"))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}".strip(": ")[:200]
            return replace(same, health="down", error=reason, checked=now, milliseconds=None)
        return replace(
            same,
            health="up",
            address=address,
            faults=faults,
            error=None,
            checked=now,
            last_seen=now,
            milliseconds=spent,
            info=info,
        )


def _read(path: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_bytes())
        return {
            str(kpi): [str(url).rstrip("/") for url in urls if str(url).startswith(("http://", "https://"))]
            for kpi, urls in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("%s: cannot be used: %s", path, error)
        return {}


def _get(client: httpx.Client, url: str) -> dict[str, Any]:
    """A JSON object of bounded size. Raises httpx errors, ValueError for anything else."""
    deadline = time.monotonic() + 2 * TIMEOUT_SECONDS  # each read may take its timeout, all of them may not
    with client.stream("GET", url) as answer:
        content = b""
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                raise ValueError("its answer is too large, or too slow")
    if answer.status_code != 200:
        raise ValueError(f"HTTP {answer.status_code}")
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("its answer is no JSON object")
    return found


def _info(content: dict[str, Any]) -> dict[str, str]:
    names = ("method", "twin", "twin_version", "engine", "gauge")
    return {name: str(content[name])[:120] for name in names if content.get(name) is not None}

"""Nodes of one machine as processes that end with the one that started them, kill -9 included, and that are
started again when they end by themselves."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from urllib.parse import urlsplit

from oracle.local import NodeFiles

log = logging.getLogger("penstock.nodes")
ROOT = Path(__file__).resolve().parent.parent
LOOK_SECONDS = 0.2
START_SECONDS = 180.0
"""On a busy machine; one that ends instead is noticed at once."""
END_SECONDS = 10
MOST_PAUSE_SECONDS = 32.0
"""Between two starts of a node that does not stay up."""


class NodeStartError(RuntimeError):
    """A node process did not come up; the message holds its last words."""


@dataclass(frozen=True)
class RunningNode:
    """A node process that answers at `url`."""

    address: str
    url: str
    pid: int


class NodeProcess:
    """One node's process; its log is node.log beside its configuration."""

    def __init__(self, files: NodeFiles) -> None:
        self.files = files
        self._log = (files.config.parent / "node.log").open("a")
        self._process: subprocess.Popen[str] | None = None
        self._lock, self._closed = Lock(), False

    def start(self, port: int | None = None) -> None:
        """Begin; `port` instead of the configuration's."""
        command = [sys.executable, "-m", "oracle.server", str(self.files.config), "--with-starter"]
        command += [] if port is None else ["--port", str(port)]
        pipe = subprocess.PIPE
        with self._lock:
            if self._closed:
                raise NodeStartError(f"{self.files.config}: the node was told to stop")
            self._close_pipes()
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=self._log, text=True
            )

    @property
    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def wait(self, deadline: float, stop: Event | None = None) -> RunningNode:
        """Until it listens. Raises NodeStartError, also as soon as `stop` is set."""
        process, config = self._process, self.files.config
        assert process is not None
        lines: list[str] = []

        def read() -> None:
            assert process.stdout is not None
            lines.append(process.stdout.readline())

        reader = Thread(target=read, daemon=True)
        reader.start()
        while reader.is_alive() and time.monotonic() < deadline:
            reader.join(LOOK_SECONDS)
            if stop is not None and stop.is_set():
                raise NodeStartError(f"{config}: the node was told to stop before it had started")
        if not lines or not lines[0]:
            words = (config.parent / "node.log").read_text().strip().splitlines()
            raise NodeStartError(f"{config}: the node did not start: {words[-1] if words else 'no output'}")
        answer = json.loads(lines[0])
        if answer["address"] != self.files.address:
            raise NodeStartError(f"{config}: the node signs as {answer['address']}, not {self.files.address}")
        return RunningNode(self.files.address, answer["url"], process.pid)

    def terminate(self) -> None:
        """Ask it to end; it is not started again."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def close(self) -> None:
        """See it end."""
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._close_pipes()
        self._log.close()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout) if self._process is not None else ():
            if pipe is not None:
                pipe.close()


class NodeProcesses:
    """Nodes that run; `look`, called again and again, starts those again that ended by themselves, on their
    old ports. `running`: by position."""

    def __init__(self, processes: Sequence[NodeProcess], running: Sequence[RunningNode]) -> None:
        self._processes, self.running = list(processes), list(running)
        self._down: set[int] = set()
        self._starting: dict[int, Thread] = {}
        self._pause = [1.0] * len(self._processes)
        self._not_before = [0.0] * len(self._processes)

    def put_down(self, place: int) -> None:
        """End a node for good."""
        self._down.add(place)
        self._processes[place].terminate()

    def look(self) -> list[str]:
        """The nodes that do not run now, in words."""
        wrong = []
        for place, process in enumerate(self._processes):
            starting = self._starting.get(place)
            ended = process.ended  # asked of all: it reaps what has ended
            if place in self._down or (ended is None and (not starting or not starting.is_alive())):
                continue
            url = self.running[place].url
            wrong.append(f"node {place} at {url} does not run ({ended or 'starting'})")
            if (not starting or not starting.is_alive()) and time.monotonic() >= self._not_before[place]:
                log.warning("%s; it is started again", wrong[-1])
                self._starting[place] = Thread(target=self._again, args=(place,), daemon=True)
                self._starting[place].start()
        return wrong

    def _again(self, place: int) -> None:
        self._not_before[place] = time.monotonic() + self._pause[place]
        self._pause[place] = min(2 * self._pause[place], MOST_PAUSE_SECONDS)
        process = self._processes[place]
        try:
            process.start(urlsplit(self.running[place].url).port)
            self.running[place] = process.wait(time.monotonic() + START_SECONDS)
            log.info("node %s runs again at %s", place, self.running[place].url)
        except (NodeStartError, OSError) as error:
            log.warning("%s", error)


@contextmanager
def kept_nodes(
    nodes: Sequence[NodeFiles], timeout_seconds: float = START_SECONDS, stop: Event | None = None
) -> Iterator[NodeProcesses]:
    """Start the nodes, wait until all listen, and stop them at the end of the `with`.

    Raises NodeStartError, also as soon as `stop` is set before all of them listen.
    """
    processes: list[NodeProcess] = []
    try:
        for node in nodes:
            if stop is not None and stop.is_set():
                raise NodeStartError(f"{node.config}: the node was told to stop before it had started")
            processes.append(NodeProcess(node))
            processes[-1].start()
        deadline = time.monotonic() + timeout_seconds
        yield NodeProcesses(processes, [each.wait(deadline, stop) for each in processes])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.close()


@contextmanager
def run_nodes(
    nodes: Sequence[NodeFiles], timeout_seconds: float = START_SECONDS, stop: Event | None = None
) -> Iterator[list[RunningNode]]:
    """`kept_nodes` for those who only want to know where they are; nobody starts one again that ends."""
    with kept_nodes(nodes, timeout_seconds, stop) as kept:
        yield kept.running

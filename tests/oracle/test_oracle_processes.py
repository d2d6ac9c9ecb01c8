"""Node processes end with whoever started them, and those that end by themselves are started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from oracle import processes
from oracle.local import NodeFiles, prepare_nodes
from oracle.processes import NodeProcess, NodeProcesses, NodeStartError, RunningNode, kept_nodes, run_nodes
from tests.oracle.conftest import ROOT
from tests.oracle.offline import edit

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, one_quarter: Any, bloom: Any) -> list[NodeFiles]:
    return prepare_nodes(tmp_path / "nodes", one_quarter, deal=bloom)[:2]


def comes(true: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():  # asked once: the next moment it may be true no more
            return True
        time.sleep(0.1)
    return False


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_killed_it_runs_again_where_it_was(files: list[NodeFiles]) -> None:
    with kept_nodes(files) as kept:
        assert kept.look() == []
        first, urls = kept.running[0].pid, [node.url for node in kept.running]
        os.kill(first, signal.SIGKILL)
        assert comes(lambda: bool(kept.look()))
        assert "SIGKILL" in kept.look()[0] or "starting" in kept.look()[0]
        assert comes(lambda: not kept.look())
        assert kept.running[0].pid != first
        assert [node.url for node in kept.running] == urls
        assert all(map(answers, urls))
    assert not any(map(answers, urls))


def test_put_down_it_stays_down(files: list[NodeFiles]) -> None:
    with kept_nodes(files) as kept:
        kept.put_down(1)
        assert comes(lambda: not answers(kept.running[1].url))
        for _ in range(20):
            assert kept.look() == []
            time.sleep(0.1)
        assert not answers(kept.running[1].url)
        assert not Path(f"/proc/{kept.running[1].pid}").exists()  # nor is it left as a defunct process


def test_one_that_does_not_start_is_tried_again_with_pauses(files: list[NodeFiles]) -> None:
    with kept_nodes(files) as kept:
        away = files[0].config.with_suffix(".away")
        files[0].config.rename(away)
        os.kill(kept.running[0].pid, signal.SIGKILL)
        assert comes(lambda: "ended with 2" in "".join(kept.look()))
        away.rename(files[0].config)
        assert comes(lambda: not kept.look())


class Broken(NodeProcess):
    """A node that never comes up; it writes down when it was tried."""

    def __init__(self, clock: Callable[[], float], code: int = 2) -> None:
        self.tried: list[float] = []
        self._clock = clock
        self._process: Any = SimpleNamespace(poll=lambda: code)

    def start(self, port: int | None = None) -> None:
        assert port == 8601
        self.tried.append(self._clock())
        raise NodeStartError("no")


def test_the_pauses_between_two_tries_double_up_to_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    node = Broken(lambda: now[0])
    kept = NodeProcesses([node], [RunningNode("0x", "http://127.0.0.1:8601", 1)])
    for _ in range(400):
        (words,) = kept.look()
        assert words == "node 0 at http://127.0.0.1:8601 does not run (ended with 2)"
        kept._starting[0].join()
        now[0] += 0.5
    pauses = [later - earlier for earlier, later in pairwise(node.tried)]
    assert pauses == [1, 2, 4, 8, 16, *[32] * 5]


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with 0"), (3, "ended with 3"), (-9, "killed by SIGKILL"), (-15, "killed by SIGTERM")],
)
def test_how_a_node_ended_is_said(code: int, words: str) -> None:
    assert Broken(lambda: 0.0, code).ended == words


def test_a_node_that_was_told_to_stop_does_not_start(files: list[NodeFiles]) -> None:
    node = NodeProcess(files[0])
    node.terminate()
    with pytest.raises(NodeStartError, match="the node was told to stop"):
        node.start()
    node.close()
    stop = Event()
    stop.set()
    with (
        pytest.raises(NodeStartError, match="told to stop before it had started"),
        run_nodes(files, stop=stop),
    ):
        pass


def test_another_node_than_was_meant_is_noticed(files: list[NodeFiles]) -> None:
    """Its configuration has another key, or what answers there is another node."""
    other = NodeFiles(files[0].config, files[1].address)
    says = f"the node signs as {files[0].address}, not {files[1].address}"
    with pytest.raises(NodeStartError, match=says), run_nodes([other]):
        pass


def test_a_fault_is_in_the_log_and_a_node_listens_where_it_is_told(files: list[NodeFiles]) -> None:
    edit(files[0], fault={"lie": 1.0}, listen={"host": "::1"})
    with run_nodes(files) as running:
        assert running[0].url.startswith("http://[::1]:")
        assert all(answers(node.url) for node in running)
    logs = [(item.config.parent / "node.log").read_text() for item in files]
    assert ["FAULT INJECTED" in log for log in logs] == [True, False]


def test_nodes_end_with_a_program_that_is_killed(files: list[NodeFiles]) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from oracle.local import NodeFiles\n"
        "from oracle.processes import run_nodes\n"
        "with run_nodes([NodeFiles(Path(a), b) for a, b in zip(sys.argv[1::2], sys.argv[2::2])]) as nodes:\n"
        "    print(*(node.url for node in nodes), flush=True)\n"
        "    time.sleep(60)\n"
    )
    given = [word for node in files for word in (str(node.config), node.address)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *given], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    urls = process.stdout.readline().split()
    process.stdout.close()
    assert len(urls) == 2
    assert all(map(answers, urls))
    process.kill()
    process.wait()
    assert comes(lambda: not any(map(answers, urls)), 10)

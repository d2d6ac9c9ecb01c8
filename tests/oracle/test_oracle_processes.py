"""Node processes end with whoever started them, and those that end by themselves are started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from oracle.local import NodeFiles, prepare_nodes
from oracle.processes import kept_nodes
from tests.oracle.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, one_quarter: Any, bloom: Any) -> list[NodeFiles]:
    return prepare_nodes(tmp_path / "nodes", one_quarter, deal=bloom)[:2]


def comes(true: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


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


def test_one_that_does_not_start_is_tried_again_with_pauses(files: list[NodeFiles]) -> None:
    with kept_nodes(files) as kept:
        away = files[0].config.with_suffix(".away")
        files[0].config.rename(away)
        os.kill(kept.running[0].pid, signal.SIGKILL)
        assert comes(lambda: "ended with 2" in "".join(kept.look()))
        away.rename(files[0].config)
        assert comes(lambda: not kept.look())


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

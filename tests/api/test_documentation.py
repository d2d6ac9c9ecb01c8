"""docs/api.md does what it says: every block is run against a live service with real nodes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.access.keys import SCOPES, create_key
from api.app import build
from chain.network import start_anvil
from tests.api.browser import free_port, served
from tests.api.world import BEFORE_THE_OFFERING, KPI, bond_nodes, bond_world, until_read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
COMMANDS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of the page: a bond whose report, with one node lying, is pending."""
    folder = tmp_path_factory.mktemp("documentation")
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, folder / "data", "measured")
        with bond_nodes(chain.url, folder / "nodes", world.deal, {0: {"lie": 0.15}}) as nodes:
            urls = [node.url for node in nodes]
            world.save({KPI: urls}).relay(KPI, 0, urls)
            app = build(world.settings())
            with served(app, free_port()) as url:
                until_read(app, world)
                key = create_key(app.state.services.database, "documentation", list(SCOPES))
                holder = world.life.a
                yield {"URL": url, "ID": world.id, "HOLDER": holder, "KEY": key.token}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("block", range(len(COMMANDS)))
def test_commands(block: int, surroundings: dict[str, str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **surroundings, "PATH": path}
    script = f"set -euo pipefail\n{COMMANDS[block]}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{COMMANDS[block]}\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    assert done.stdout.strip()


def test_python(surroundings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(PYTHON, "docs/api.md", "exec"), dict(surroundings))
    printed = capsys.readouterr().out
    assert "'ok': False" in printed  # the job found the node that lies
    assert "registered" in printed

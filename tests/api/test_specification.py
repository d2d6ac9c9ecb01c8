"""The whole OpenAPI description held against the running service by schemathesis: no server error, nothing
that is answered without being documented, whoever asks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from api.access.keys import SCOPES, create_key
from api.app import build
from chain.network import start_anvil
from tests.api.browser import free_port, served
from tests.api.world import BEFORE_THE_OFFERING, KPI, bond_world, until_read

ROOT = Path(__file__).parents[2]
FUZZER = ROOT / ".toolchain" / "schemathesis" / "bin" / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ENDLESS = "/v1/stream"
"""It answers until the client leaves, so it has tests of its own."""

pytestmark = pytest.mark.skipif(not FUZZER.exists(), reason="schemathesis is not installed: make fuzzer")


@pytest.mark.parametrize("asker", ["anybody", "every scope"])
def test_nothing_undocumented_is_answered(asker: str, tmp_path: Path, seed: int) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path / "data", "measured")
        app = build(world.settings())
        with served(app, free_port()) as url:
            until_read(app, world)
            # Made at the first request: the fuzzer waits ten seconds for it, a busy machine takes longer.
            httpx.get(f"{url}/v1/openapi.json", timeout=60).raise_for_status()
            command = [FUZZER, "run", f"{url}/v1/openapi.json", "--checks", ",".join(CHECKS)]
            command += ["--exclude-path", ENDLESS, "--phases", "examples,coverage,fuzzing"]
            command += ["--max-examples", os.environ.get("PENSTOCK_FUZZ_EXAMPLES", "8")]
            # One worker: CPython 3.11 cannot parse in two threads at once ("recursion depth mismatch").
            command += ["--seed", str(seed), "--workers", "1", "--no-color", "--continue-on-failure"]
            command += ["--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "20"]
            if asker != "anybody":
                key = create_key(app.state.services.database, "fuzzer", list(SCOPES))
                command += ["--header", f"Authorization:Bearer {key.token}"]
                # And of what is there: with made-up ids most answers are "not found".
                (tmp_path / "schemathesis.toml").write_text(
                    f'[parameters]\n"path.id" = "{world.id}"\n"path.deal" = "{world.deal.id}"\n'
                    f'"path.kpi" = "{KPI}"\n"path.period" = 0\n"path.address" = "{world.life.a}"\n'
                )
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout[-20_000:]}\n{done.stderr[-2_000:]}"

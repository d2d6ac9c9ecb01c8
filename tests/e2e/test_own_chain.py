"""What the README tells a researcher to do on a chain of their own, with the commands alone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from chain.network import set_time, start_anvil

ROOT = Path(__file__).resolve().parents[2]
DEAL = ROOT / "deals" / "dc-water-eib-2016.yaml"
OFFERING_OPENS = 1_473_897_600  # 2016-09-15 00:00 UTC
YEAR_MEASURED = 1_609_459_200  # 2021-01-01 00:00 UTC


def penstock(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts", *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(cwd)}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, env=environment)


def free_ports(count: int) -> int:
    """First of `count` neighbouring free ports."""
    for first in range(18_600, 28_600, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="module")
def chain():
    with start_anvil(timestamp=OFFERING_OPENS - 86_400) as started:
        yield started


def test_deploy_prepare_report_verify_reconcile(tmp_path, chain):
    done = penstock("deploy", DEAL, "--network", chain.url, "--out", "deal.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    wrong = penstock(
        "oracle", "prepare", "deal.json", "--network", chain.url, "--scenario", "foo", cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert wrong.stderr == "scenario = foo: must be one of published, twin, high, low\n"
    assert not (tmp_path / "nodes").exists()
    port = free_ports(4)
    done = penstock(
        "oracle", "prepare", "deal.json", "--network", chain.url, "--first-port", port, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == (
        f"{sys.executable} -m scripts oracle node --config nodes/node-0/node.json"
    )
    again = penstock("oracle", "prepare", "deal.json", "--network", chain.url, cwd=tmp_path)
    assert again.returncode == 2
    assert "not empty" in again.stderr

    nodes = [
        subprocess.Popen(
            [sys.executable, "-m", "scripts", "oracle", "node", "--config", f"nodes/node-{i}/node.json"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
        )
        for i in range(3)  # the fourth stays down: a quorum is three
    ]
    try:
        for i in range(3):
            wait_for(f"http://127.0.0.1:{port + i}/health")
        early = penstock("oracle", "relay", "--config", "nodes/relay.json", cwd=tmp_path)
        assert early.returncode == 1
        assert "period 1 ends at 2021-01-01 00:00 UTC; the chain is at 2016-" in early.stderr
        absent = penstock("oracle", "relay", "--config", "nodes/relay.json", "--period", 7, cwd=tmp_path)
        assert (absent.returncode, absent.stderr) == (2, "period 7: the feed has only 1\n")
        set_time(chain.w3, YEAR_MEASURED + 3_600)
        relayed = penstock("oracle", "relay", "--config", "nodes/relay.json", cwd=tmp_path)
        assert relayed.returncode == 0, relayed.stderr
    finally:
        for node in nodes:
            node.terminate()
            node.wait(10)

    report = tmp_path / "nodes" / "reports" / "report-0-0.json"
    values = sorted(int(o["value"]) for o in json.loads(report.read_text())["observations"])
    assert len(values) == 3
    verified = penstock("oracle", "verify", report, "--rpc", chain.url, cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout
    reconciled = penstock("reconcile", "deal.json", "--network", chain.url, "--json", cwd=tmp_path)
    assert reconciled.returncode == 0, reconciled.stderr
    assert json.loads(reconciled.stdout)["ok"] is True

    # One changed digit in the rain is found.
    rain = next((report.parent / "evidence").glob("*/rain.csv"))
    text = rain.read_text()
    rain.write_text(text.replace("0.5", "0.6", 1) if "0.5" in text else text + " ")
    assert penstock("oracle", "verify", report, cwd=tmp_path).returncode == 1

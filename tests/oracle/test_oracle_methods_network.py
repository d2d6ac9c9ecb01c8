"""A quarter of proxy revenue as it runs: node processes, a local chain, relay, verifier.

Four nodes on the wind deal's feed: two honest (0, 1), one that adds USD 250,000 (2), one that is down (3).
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from eth_account import Account
from typer.testing import CliRunner

from chain.artifacts import ensure_compiled
from chain.bindings import contract, read
from chain.network import start_anvil
from chain.sender import Sender
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from oracle import evidence
from oracle.feed import read_feed
from oracle.local import LOCAL_RELAY, prepare_nodes
from oracle.method import recompute
from oracle.processes import run_nodes
from oracle.relay import run_relay
from oracle.verifier import verify_report
from scripts.oracle import app
from tests.oracle.conftest import ROOT, create_feed

pytestmark = pytest.mark.slow

LIE = 250_000
DOWN = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def network(bloom: Deal, one_quarter: FeedTerms, tmp_path_factory: pytest.TempPathFactory) -> Any:
    ensure_compiled()
    home = tmp_path_factory.mktemp("wind-network")
    panel = sorted((Account.create().address for _ in range(3)), key=lambda address: int(address, 16))
    with start_anvil(timestamp=one_quarter.period_ends[0] + 86_400) as chain, ExitStack() as stack:
        files = prepare_nodes(home, one_quarter, deal=bloom, faults={2: {"lie": LIE}}, rpc=chain.url)
        running = stack.enter_context(run_nodes(files[:3]))
        sender = Sender(chain.w3, chain.accounts[0])
        signers = [node.address for node in files]
        at = create_feed(sender, one_quarter, signers, panel, chain.accounts[1])
        urls = [*(node.url for node in running), DOWN]
        record = run_relay(sender, at.oracle, at.feed, 0, urls, home / "reports", key=LOCAL_RELAY)
        yield SimpleNamespace(chain=chain, at=at, files=files, running=running, record=record)


def test_median_lies_among_the_honest(network: Any) -> None:
    values = {item["signer_index"]: int(item["value"]) for item in network.record["observations"]}
    assert set(values) == {0, 1, 2}
    honest = sorted((values[0], values[1]))
    assert values[2] > honest[1] + 100 * LIE - 10_000_000
    assert honest[0] <= int(network.record["value"]) <= honest[1]
    assert [failure["url"] for failure in network.record["failures"]] == [DOWN]
    functions = contract(network.chain.w3, "KpiOracle", network.at.oracle).functions
    held = read(functions.reportOf(bytes.fromhex(network.at.feed[2:]), 0))
    assert (held["value"], held["evidence"]) == (int(network.record["value"]), network.record["evidence"])


def test_verifier_recomputes_to_the_unit_and_names_the_liar(network: Any) -> None:
    done = verify_report(network.record["file"], w3=network.chain.w3)
    liar = network.files[2].address
    assert list(done.culprits) == [liar]
    assert {check.name for check in done.checks if not check.ok} == {"recomputes"}
    folder = Path(network.record["file"]).parent / "evidence"
    for item in network.record["observations"]:
        bundle = evidence.load(folder / item["evidence"])
        if item["signer"] != liar:
            assert recompute(bundle) == int(item["value"])
    names = {check.name for check in done.checks}
    assert names >= {"same twin", "same prices", "same period", "wind", "chain", "feed on chain", "median"}


def test_verify_command_says_so(network: Any) -> None:
    command = [sys.executable, "-m", "scripts.oracle", "verify", network.record["file"], "--json"]
    done = subprocess.run(
        [*command, "--rpc", network.chain.url], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert list(json.loads(done.stdout)["culprits"]) == [network.files[2].address]


def test_a_tampered_wind_hour_in_the_archive_is_found(network: Any, tmp_path: Path) -> None:
    folder = Path(network.record["file"]).parent / "evidence"
    victim = next(item for item in network.record["observations"] if item["signer_index"] == 0)
    bundle = evidence.load(folder / victim["evidence"])
    copy = tmp_path / "evidence"
    for item in network.record["observations"]:
        evidence.load(folder / item["evidence"]).save(copy)
    hour = bundle.text("wind.csv").splitlines()[700]
    file = copy / victim["evidence"] / "wind.csv"
    file.write_text(bundle.text("wind.csv").replace(hour, hour.replace(",", ",1", 1)))
    done = verify_report(network.record["file"], evidence_folder=copy)
    assert "wind.csv: changed" in done.culprits[victim["signer"]]


def test_node_says_what_it_is(network: Any) -> None:
    info = httpx.get(network.running[0].url + "/v1/info", timeout=60).json()
    feed = read_feed(network.chain.w3, network.at.oracle, network.at.feed)
    assert info["method"] == "proxy-revenue-wind/1"
    assert info["method_hash"] == feed.method_hash
    assert (info["twin"], info["gauge"]) == ("wind", "mast-0")


def test_a_feed_has_one_kpi(network: Any, tmp_path: Path) -> None:
    """--kpi chooses among a deployment's KPIs; it does not go with a feed."""
    config = {
        "network": network.chain.url,
        "feed": {"contract": network.at.oracle, "feed": network.at.feed},
        "account": {"address": str(network.chain.accounts[0])},
    }
    path = tmp_path / "relay.json"
    path.write_text(json.dumps(config))
    for command in (["relay"], ["challenge", "--evidence", "0x" + "0" * 64]):
        done = CliRunner().invoke(app, [*command, "--config", str(path), "--kpi", "proxy-revenue"])
        assert done.exit_code == 2
        assert "names a feed, which has one KPI" in done.stderr

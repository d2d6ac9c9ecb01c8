"""`deploy` and `reconcile` as programs: what they print, and exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bond_life import DC_WATER, ROOT, Life

from chain.check import check_deployment
from chain.network import LocalChain
from chain.records import load_record


def program(name: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"scripts.{name}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_deploy_writes_a_record_and_says_so_when_run_again(anvil: LocalChain, tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    arguments = ("--network", anvil.url, "--out", out, "--folder", tmp_path)
    first = program("deploy", DC_WATER, *arguments)
    assert (first.returncode, first.stderr.count("warning")) == (0, 0), first.stderr
    record = load_record(out)
    assert check_deployment(anvil.w3, record) == []
    assert record.terms_hash in first.stdout
    assert record.addresses.bond in first.stdout

    again = program("deploy", DC_WATER, *arguments)
    assert again.returncode == 2
    assert again.stdout == ""
    assert "already deployed by this account" in again.stderr
    assert record.addresses.bond in again.stderr
    assert "Traceback" not in again.stderr

    moved = program("deploy", DC_WATER, *arguments, "--shift-days", "7", "--json")
    assert moved.returncode == 0, moved.stderr
    data = json.loads(moved.stdout)
    assert (data["shifted_days"], data["shifted_from"]) == (7, record.terms_hash)
    assert data["terms_hash"] != record.terms_hash
    assert "another terms hash" in moved.stderr


def test_a_key_in_the_environment_deploys(anvil: LocalChain, tmp_path: Path) -> None:
    key = "0x" + "07" * 32
    done = program(
        "deploy", DC_WATER, "--network", anvil.url, "--folder", tmp_path, "--json", PENSTOCK_KEY=key
    )
    # An unfunded account: the node's words, no traceback, and never the key.
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "07" * 32 not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-deal.yaml"], "no-such-deal.yaml: file not found"),
        ([DC_WATER, "--network", "http://127.0.0.1:9"], "no chain answers at http://127.0.0.1:9"),
        ([DC_WATER, "--network", "mainet"], "network 'mainet'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: list[object], says: str) -> None:
    done = program("deploy", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_bad_deal_names_file_field_value_and_reason(anvil: LocalChain, tmp_path: Path) -> None:
    tree = yaml.safe_load(DC_WATER.read_text())
    tree["claims"]["series-2016b"]["coupon"]["rate"]["value"] = 3.43
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(tree))
    before = anvil.w3.eth.block_number
    done = program("deploy", bad, "--network", anvil.url, "--folder", tmp_path)
    assert done.returncode == 2
    assert f"{bad}: claims.series-2016b.coupon.rate = 3.43: looks like a percentage" in done.stderr
    assert anvil.w3.eth.block_number == before


def test_reconcile_exits_0_and_its_json_is_json(lived: Life, tmp_path: Path) -> None:
    file = lived.record.save(tmp_path / "record.json")
    url = lived.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    table = tmp_path / "rows.csv"
    done = program("reconcile", file, "--network", url, "--json", "--csv", table)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["ok"] is True
    assert result["payments"]["total"]["difference"] == "0"
    assert len(table.read_text().splitlines()) == 1 + len(result["rows"])


def test_reconcile_exits_1_with_the_rows_that_differ(lived: Life, tmp_path: Path) -> None:
    data = json.loads(lived.record.to_json())
    data["terms"]["claims"]["series-2016b"]["coupon"]["rate"]["value"] = "0.04"
    file = tmp_path / "altered.json"
    file.write_text(json.dumps(data))
    url = lived.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    done = program("reconcile", file, "--network", url)
    assert done.returncode == 1
    assert "NOT reconciled" in done.stdout
    # Coupon 1 of A, four units: 80,000,000 at 4 %, against 4 x 16,666,666 paid.
    assert "differs by -13333336 minor units: Row" in done.stdout
    assert "bond.terms.rate: the deal says 40000000000000000" in done.stdout


def test_reconcile_says_when_it_is_another_chain(lived: Life, anvil: LocalChain, tmp_path: Path) -> None:
    file = lived.record.model_copy(update={"chain_id": 5}).save(tmp_path / "record.json")
    done = program("reconcile", file, "--network", anvil.url)
    assert done.returncode == 2
    assert "has id 31337" in done.stderr


def test_brownie_runs_the_same_deployment(tmp_path: Path) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8545)) == 0:
            pytest.skip("port 8545, where brownie starts its chain, is in use")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "brownie"), "run", "deploy"],
        cwd=ROOT,
        env={**os.environ, "PENSTOCK_DEPLOYMENTS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (tmp_path / "31337").glob("dc-water-eib-2016-*.json")
    assert load_record(made).terms_hash in done.stdout
    assert load_record(made).shifted_days > 0

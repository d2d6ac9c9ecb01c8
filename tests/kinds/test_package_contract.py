"""A kind of another package with a contract of its own: deployed, checked, kept and reconciled like ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chain.artifacts import ensure_compiled
from chain.network import set_time, start_anvil
from tests.chain.swap_life import at
from tests.kinds.deals import ROOT
from tests.kinds.strange_acts import bring
from tests.kinds.test_other_package import Run, run

CONTRACTS = ROOT / "tests" / "kinds" / "contract_package"
NAME = "PerformanceBond"
AMOUNT = 250_000 * 10**6
TABLES = """
import json, sys
from chain.ledger import read_ledger
from chain.network import connect
from chain.records import load_record
ledger = read_ledger(connect(sys.argv[1]), load_record(sys.argv[2]))
print(json.dumps([list(ledger.set_aside["amount"]), list(ledger.turns["event"])]))
"""

ASKED = """
import sys
from pathlib import Path
from chain.kinds import PLANS
from finance.terms import InputError
from tests.api.without_chain import offline
for ask in (lambda: PLANS["performance_bond"], lambda: offline(Path(sys.argv[1]))):
    try:
        ask()
    except InputError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is installed."""
    return installed(tmp_path_factory.mktemp("package") / "site")


def installed(folder: Path, changed: Callable[[Path], None] = lambda home: None) -> Path:
    """The package, perhaps `changed`, its contract compiled against ours."""
    ensure_compiled()
    shutil.copytree(CONTRACTS, folder)
    home = folder / "performance_bond"
    changed(home)
    (compiler,) = (ROOT / ".toolchain" / "solcx").glob("solc-*")
    settings = {
        "remappings": [f"penstock/={ROOT}/contracts/", f"@openzeppelin/={ROOT}/node_modules/@openzeppelin/"],
        "evmVersion": "shanghai",
        "optimizer": {"enabled": True, "runs": 20_000},
        "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
    }
    source = {f"{NAME}.sol": {"content": (home / f"{NAME}.sol").read_text()}}
    asked = json.dumps({"language": "Solidity", "sources": source, "settings": settings})
    told = subprocess.run(
        [compiler, "--standard-json", "--allow-paths", ROOT],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout)
    assert [each for each in found.get("errors", []) if each["severity"] == "error"] == []
    made = found["contracts"][f"{NAME}.sol"][NAME]
    artifact = {
        "abi": made["abi"],
        "bytecode": made["evm"]["bytecode"]["object"],
        "deployedBytecode": made["evm"]["deployedBytecode"]["object"],
    }
    (home / f"{NAME}.json").write_text(json.dumps(artifact))
    return folder


def told(done: Run) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def deal_of(package: Path) -> Path:
    return package / "performance_bond" / "performance-bond.yaml"


def test_it_is_kept_by_commands_and_other_code_is_found(package: Path, tmp_path: Path) -> None:
    """Nobody reports, and the contractor, who measures, loses what it set aside."""
    record = tmp_path / "deal.json"
    with start_anvil(timestamp=at("2023-12-25")) as chain:
        there = ("--network", chain.url)

        def penstock(*words: object) -> Any:
            return told(run(*words, *there, "--json", package=package))

        deployed = run(
            "deploy", deal_of(package), *there, "--out", record, "--folder", tmp_path, package=package
        )
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        acts = {each["act"]: each for each in penstock("act", record)["acts"]}
        assert {"bond.post", "bond.settle"} <= acts.keys()
        payer = json.loads(record.read_text())["wallets"]["payer"]
        penstock("act", record, "currency.mint", f"to={payer}", f"amount={AMOUNT}")
        posted = penstock("act", record, "bond.post", "--from", "payer")
        assert [flow["amount"] for flow in posted["flows"]] == [str(AMOUNT)]
        again = run("act", record, "bond.post", "--from", "payer", *there, package=package)
        assert (again.returncode, again.stderr) == (1, "refused: bond: nothing can be set aside now\n")
        set_time(chain.w3, at("2025-01-01"))
        kept = run("keeper", record, "--once", *there, package=package)
        assert "bond settle" in kept.stdout + kept.stderr
        found = penstock("reconcile", record)
        assert found["ok"]
        rows = {row["kind"]: (row["expected"], row["actual"]) for row in found["rows"]}
        assert rows == {"set_aside": (str(AMOUNT),) * 2, "released": (str(AMOUNT),) * 2}
        (package / "tables.py").write_text(TABLES)
        assert told(run(chain.url, record, package=package, module="tables")) == [[AMOUNT], ["Settled"]]
        payee = json.loads(record.read_text())["wallets"]["payee"]
        assert [row["party"] for row in found["rows"] if row["kind"] == "released"] == [payee]
        # The code on chain is compared with what the package brings.
        other = shutil.copytree(package, tmp_path / "other")
        artifact = other / "performance_bond" / f"{NAME}.json"
        content = json.loads(artifact.read_text())
        code = content["deployedBytecode"]
        artifact.write_text(
            json.dumps({**content, "deployedBytecode": code[:-2] + f"{int(code[-2:], 16) ^ 1:02x}"})
        )
        refused = run("reconcile", record, *there, package=other)
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert f"another contract than {NAME}" in refused.stdout + refused.stderr


@pytest.mark.slow
def test_its_acts_are_offered_by_the_service(package: Path) -> None:
    """In a process that knows it."""
    file = Path(__file__).with_name("of_the_contract_package.py")
    done = run("-p", "no:pytest-brownie", "-q", file, package=package, module="pytest")
    assert done.returncode == 0, done.stdout[-5_000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == 3, done.stdout


@pytest.mark.slow
def test_strange_acts_are_offered_too(tmp_path: Path) -> None:
    """Words with braces, books that fail, and names of ours."""
    package = installed(tmp_path / "site", bring)
    file = Path(__file__).with_name("of_the_strange_acts.py")
    done = run("-p", "no:pytest-brownie", "-q", file, package=package, module="pytest")
    assert done.returncode == 0, done.stdout[-5_000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == 4, done.stdout


def test_an_argument_of_no_type_is_named(tmp_path: Path) -> None:
    """With its package and its act, as soon as the kind is asked for: a service does not start with it."""
    folder = shutil.copytree(CONTRACTS, tmp_path / "site")
    home = folder / "performance_bond"
    (home / f"{NAME}.json").write_text("{}")
    books = (home / "books.py").read_text()
    (home / "books.py").write_text(books.replace('{"amount": "uint128"}', '{"amount": "uint"}'))
    (folder / "asked.py").write_text(ASKED)
    asked = run(tmp_path, package=folder, module="asked")
    why = "cannot be loaded: waive: amount: no type of an argument: 'uint'"
    assert asked.stdout.splitlines() == [
        f"performance-bond: penstock.{group}: performance_bond = performance_bond.{what}: {why}"
        for group, what in (("plans", "plan:plan"), ("instruments", "page:INSTRUMENT"))
    ], asked.stderr


@pytest.mark.slow
def test_it_is_demonstrated(package: Path, tmp_path: Path) -> None:
    """The KPI is published above the target: the contractor has its money back."""
    summary = told(run("demo", deal_of(package), "--out", tmp_path / "out", "--json", package=package))
    assert summary["ok"]
    assert summary["payments"]["released"] == {
        "expected": str(AMOUNT),
        "actual": str(AMOUNT),
        "difference": "0",
    }

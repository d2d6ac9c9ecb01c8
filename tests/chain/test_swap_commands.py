"""`deploy` and `reconcile` of swap deals as programs: what they print, and exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from chain.check import check_deployment
from chain.network import LocalChain, start_anvil
from chain.records import load_record
from scripts import cli
from tests.chain.swap_life import BEFORE, BLOOM, RAIN, ROOT, SwapLife, rain_deal, units


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


Program = Callable[..., Done]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run `python -m scripts.NAME ...` in this process."""

    def run(name: str, *arguments: object) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as left:
            cli.run(import_module(f"scripts.{name}").app)
        said = capsys.readouterr()
        return Done(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def now() -> Iterator[LocalChain]:
    """A chain whose clock is past the beginning of both deals."""
    with start_anvil() as chain:
        yield chain


@pytest.fixture(scope="module")
def settled() -> Iterator[SwapLife]:
    """A swap between two parties after its first quarter. Read only."""
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        life.fund("payer", units(2_000_000))
        life.fund("payee", units(1_000_000))
        life.activate()
        life.settle_at(0, 150)
        yield life


def url(life: SwapLife) -> str:
    return life.chain.url


def test_deploy_of_a_project_says_who_is_who_and_what_was_agreed(
    program: Program, now: LocalChain, tmp_path: Path
) -> None:
    out = tmp_path / "record.json"
    arguments = (BLOOM, "--network", now.url, "--out", out, "--folder", tmp_path, "--shift-days", "auto")
    done = program("deploy", *arguments)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    record = load_record(out)
    assert check_deployment(now.w3, record) == []
    assert record.shifted_days > 0
    assert record.terms_hash in done.stdout
    for name in ("swap", "treasury", "token", "offering"):
        assert re.search(rf"^  {name} +{record.addresses[name]}$", done.stdout, re.MULTILINE)
    assert f"{record.wallets['payer']} (Allianz Risk Transfer)" in done.stdout
    assert "Proxy revenue swap: 40 periods" in done.stdout
    assert (
        "payer USD 3,000,000.000000; close-out by replacement cost, the payee of limited recourse"
        in done.stdout
    )
    assert "60,000 units of BLOOM at USD 300.000000" in done.stdout

    again = program("deploy", *arguments)
    assert (again.returncode, again.stdout) == (2, "")
    assert "already deployed by this account" in again.stderr
    assert record.addresses["swap"] in again.stderr


def test_deploy_of_two_parties_with_a_file_of_wallets(
    program: Program, now: LocalChain, tmp_path: Path
) -> None:
    names = list(now.accounts[10:19])
    file = tmp_path / "wallets.json"
    people = {"payer": names[0], "payee": names[1], "nodes": names[2:6], "panel": names[6:9]}
    file.write_text(json.dumps(people))
    arguments = (RAIN, "--network", now.url, "--folder", tmp_path, "--shift-days", "auto", "--wallets", file)
    done = program("deploy", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["schema"] == "penstock/deployment/3"
    assert (record["wallets"]["payer"], record["wallets"]["payee"]) == tuple(names[:2])
    file.write_text(json.dumps({**people, "issuer": names[1]}))
    refused = program("deploy", *arguments)
    assert refused.returncode == 2
    assert f"{file}: issuer = 0x" in refused.stderr.splitlines()[-1]
    assert "this deal has none (it has payer, payee)" in refused.stderr
    for changed, says in (
        ({"nodes": [names[0], *names[3:6]]}, f"nodes = {names[0]}: is the payer's: nobody signs"),
        ({"payee": names[0]}, f"payee = {names[0]}: is the payer's as well, and those are two parties"),
    ):
        file.write_text(json.dumps({**people, **changed}))
        refused = program("deploy", *arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.splitlines()[-1].startswith(f"{file}: {says}")


def test_deploying_again_for_other_wallets_says_so(program: Program, now: LocalChain, tmp_path: Path) -> None:
    """What is there is not what was asked for: one line says who is somebody else."""
    names, stranger = list(now.accounts[9:18]), now.accounts[18]
    people = {"payer": names[0], "payee": names[1], "nodes": names[2:6], "panel": names[6:9]}
    file, out = tmp_path / "wallets.json", tmp_path / "record.json"
    arguments = (RAIN, "--network", now.url, "--folder", tmp_path, "--shift-days", "7000", "--from", names[0])
    given = (*arguments, "--out", out, "--wallets", file)
    file.write_text(json.dumps(people))
    assert program("deploy", *given).returncode == 0
    record = out.read_text()
    same = program("deploy", *given)
    assert same.returncode == 2
    assert "other wallets" not in same.stderr
    assert "other wallets" not in program("deploy", *arguments).stderr  # none are given
    file.write_text(json.dumps({**people, "payee": stranger, "nodes": [*names[3:6], names[1]]}))
    other = program("deploy", *given)
    assert (other.returncode, other.stdout) == (2, "")
    said = other.stderr.splitlines()[-1]
    assert "already deployed by this account" in said
    changed = f"payee {names[1]}, not {stranger}; nodes {names[2]}, not {names[1]};"
    assert f"for other wallets than those given: {changed}" in said
    assert out.read_text() == record


def test_reconcile_exits_0_and_its_json_is_json(program: Program, settled: SwapLife, tmp_path: Path) -> None:
    file = settled.record.save(tmp_path / "record.json")
    table = tmp_path / "rows.csv"
    done = program("reconcile", file, "--network", url(settled), "--json", "--csv", table)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["ok"] is True
    assert result["payments"]["settlement_to_payee"] == {
        "expected": "1120000000000",
        "actual": "1120000000000",
        "difference": "0",
    }
    assert len(table.read_text().splitlines()) == 1 + len(result["rows"])
    shown = program("reconcile", file, "--network", url(settled))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "reconciled so far: every difference is 0" in shown.stdout
    assert "periods of the swap are not settled" in shown.stdout
    assert "periods of the swap are not settled" in result["not_yet"][-1]
    assert "amounts in USD" in shown.stdout
    assert re.search(r"settlement_to_payee .* 1,120,000.000000 .* 0.000000", shown.stdout)


def test_reconcile_exits_1_with_the_rows_that_differ(
    program: Program, settled: SwapLife, tmp_path: Path
) -> None:
    data = json.loads(settled.record.to_json())
    data["terms"]["parts"]["swap"]["fixed"]["value"][0] = "-1880001"
    file = tmp_path / "altered.json"
    file.write_text(json.dumps(data))
    done = program("reconcile", file, "--network", url(settled))
    assert done.returncode == 1
    assert "NOT reconciled" in done.stdout
    where = r"swap: settlement to payee of period 1, 0x\w{40}, transaction 0x\w{64}"
    assert re.search(rf"{where}: expected USD .*, is USD .*: differs by USD 1\.000000\n", done.stdout)
    assert "swap.terms.periods[0].fixedAmount: the deal says -1880001000000" in done.stdout


def test_a_wrong_chain_or_none_is_one_line(
    program: Program, settled: SwapLife, now: LocalChain, tmp_path: Path
) -> None:
    file = settled.record.save(tmp_path / "record.json")
    lone = settled.record.model_copy(
        update={
            "parts": {"swap": settled.record.parts["swap"].model_copy(update={"address": "0x" + "55" * 20})}
        }
    )
    cases = [
        (file, "http://127.0.0.1:9", "no chain answers at http://127.0.0.1:9"),
        (file, "mainet", "network 'mainet': neither a URL"),
        (lone.save(tmp_path / "lone.json"), now.url, "no contract at 0x5555"),
        (
            settled.record.model_copy(update={"chain_id": 5}).save(tmp_path / "five.json"),
            now.url,
            "has id 31337",
        ),
        (tmp_path / "none.json", now.url, "none.json: cannot be read: No such file"),
    ]
    for record, network, says in cases:
        done = program("reconcile", record, "--network", network)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_deploy_says_in_one_line_what_is_wrong(program: Program, now: LocalChain, tmp_path: Path) -> None:
    tree = yaml.safe_load(RAIN.read_text())
    tree["parts"]["swap"]["late_rate"]["value"] = 8
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(tree))
    for deal, network, says in (
        (RAIN, "http://127.0.0.1:9", "no chain answers at http://127.0.0.1:9"),
        (bad, now.url, f"{bad}: parts.swap.late_rate = 8"),
    ):
        done = program("deploy", deal, "--network", network, "--folder", tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_the_page_s_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "chain.md").read_text()
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Acting" in code]
    names: dict[str, Any] = {}
    exec(example, names)
    result = names["result"]
    assert result.ok, result.differences
    # 1,880,000 fixed, and silence counts as no rain: the utility, which has posted 1,000,000, owes the rest.
    assert result.payments()["unpaid"]["actual"] == units(880_000)
    paid = names["settled"].emitted[-1].arguments
    assert (paid["amount"], paid["unpaid"]) == (units(-1_880_000), units(880_000))
    assert "# 1880000000000 to the payer, 880000000000 of it unpaid" in example

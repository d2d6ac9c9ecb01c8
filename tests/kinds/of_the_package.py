"""What the commands do for the kind of another package: run by test_other_package.py in a process that knows
it."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copy
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from chain.artifacts import ensure_compiled
from chain.network import set_time, start_anvil
from finance.terms import load_deal
from finance.terms.schedule import unix
from finance.terms.shift import shift_to
from scripts.cli import main
from tests.api.without_chain import offline
from tests.chain.swap_life import at
from tests.kinds.deals import ROOT

DEAL = ROOT / "tests" / "kinds" / "toy_package" / "service_fee" / "service-fee.yaml"
FEES = 120 * (900 + 1012.5)
"""What the city owes by the deal file: a price for each unit of what is published."""


def run(*words: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, words)), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done


def told(*words: object) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_it_lives_by_commands(tmp_path: Path) -> None:
    """Deployed and checked, funded, reported missing, settled by the keeper, reconciled."""
    ensure_compiled()
    record = tmp_path / "deal.json"
    with start_anvil(timestamp=at("2023-12-25")) as chain:
        there = ("--network", chain.url)

        def acts() -> dict[str, str]:
            return {each["act"]: each["now"] for each in told("act", record, *there)["acts"]}

        deployed = run("deploy", DEAL, *there, "--out", record, "--folder", tmp_path)
        assert "Fee for clean water: 2 periods" in deployed.stdout
        assert acts()["fee.settle"].startswith("no: ")
        payer = json.loads(record.read_text())["wallets"]["payer"]
        some = "amount=60000000000"
        told("act", record, "currency.mint", f"to={payer}", some, *there)
        paid = told("act", record, "fee.fund", "side=PAYER", some, "--from", "payer", *there)
        assert [flow["amount"] for flow in paid["flows"]] == ["60000000000"]
        assert acts()["fee.activate"] == "due"
        keep = ("keeper", record, "--once", *there)
        assert "fee activate" in run(*keep).stdout
        set_time(chain.w3, at("2024-10-01"))
        assert "fee settle" in run(*keep).stdout
        found = told("reconcile", record, *there)
        assert found["ok"]
        # Nobody reported, and the operator, who controls the data, gets the least: nothing.
        rows = {row["kind"]: row["actual"] for row in found["rows"]}
        assert rows["settlement_to_payee"] == "0"


def test_it_is_demonstrated(tmp_path: Path) -> None:
    """As any deal is."""
    summary = told("demo", DEAL, "--out", tmp_path / "out")
    assert summary["ok"]
    assert {each["difference"] for each in summary["payments"].values()} == {"0"}
    # What collateral does not cover is paid in after it is settled, and late by as many seconds.
    late = 60_000 * 8 * 10**4 * 60 // (365 * 24 * 3600)
    for kind in ("settlement_to_payee", "withdrawn"):
        assert 0 <= int(summary["payments"][kind]["actual"]) - FEES * 10**6 < late
    assert summary["oracle"]["exposed"]
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


def test_a_service_says_that_it_does_not_show_it(tmp_path: Path) -> None:
    """And shows the other deals of its folder."""
    book = tmp_path / "deals"
    book.mkdir()
    for file in (DEAL, ROOT / "deals" / "leakage-forward.yaml"):
        copy(file, book)
    with offline(tmp_path, book) as client:
        assert [each["id"] for each in client.get("/v1/deals").json()["items"]] == ["leakage-forward"]
        assert client.get("/v1/deals/clean-water-fee").status_code == 404
        assert "parts.fee.kind = service_fee: is not shown here" in client.get("/").text


def test_its_dates_move() -> None:
    """To the week before anything is measured."""
    now = at("2031-03-05")
    days, moved = shift_to(load_deal(DEAL), now)
    begins = moved.kpis["volume"].periods[0].start
    assert days > 2_000
    assert now < unix(begins) <= now + 7 * 86_400
    assert moved.parts["fee"] == load_deal(DEAL).parts["fee"]

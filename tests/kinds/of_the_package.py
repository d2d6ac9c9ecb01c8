"""What the commands do for the kind of another package: run by test_other_package.py in a process that knows
it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copy
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.index.registration import register
from api.instruments import INSTRUMENTS
from api.problems import ProblemError
from chain.artifacts import ensure_compiled
from chain.network import set_time, start_anvil
from chain.records import load_record
from finance.terms import load_deal
from finance.terms.schedule import unix
from finance.terms.shift import shift_to
from scripts.cli import main
from tests.api.without_chain import offline
from tests.api.world import World, serving
from tests.chain.swap_life import at
from tests.kinds.deals import ROOT

KIND = "service_fee"
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


FEE = "clean-water-fee"


@contextmanager
def served(folder: Path) -> Iterator[TestClient]:
    """A service over the deal and another one."""
    (book := folder / "deals").mkdir()
    for file in (DEAL, ROOT / "deals" / "leakage-forward.yaml"):
        copy(file, book)
    with offline(folder, book) as client:
        yield client


def test_a_service_shows_and_values_it(tmp_path: Path) -> None:
    """By what its file says, and at the price that the command gives."""
    with served(tmp_path) as client:
        rows = {row["id"]: row for row in client.get("/v1/deals").json()["items"]}
        assert list(rows) == [FEE, "leakage-forward"]
        assert (rows[FEE]["kind"], rows[FEE]["instrument"]) == (KIND, "Fee for clean water")
        shown = client.get(f"/v1/deals/{FEE}").json()
        assert [part["kind"] for part in shown["parts"]] == [KIND]
        assert shown["terms_hash"] == load_deal(DEAL).terms_hash
        asked = {"deal": FEE, "discount_rate": 0.05}
        value = client.post("/v1/valuations", json=asked).json()
        assert (value["kind"], value["terms_hash"]) == (KIND, shown["terms_hash"])
        plain = client.post("/v1/valuations", json={"deal": FEE}).json()
        assert float(plain["value"]) / 10**6 == pytest.approx(told("price", DEAL)["exact_value"]["value"])
        assert int(plain["value"]) != int(value["value"])
        flows = client.get(f"/v1/deals/{FEE}/cashflows").json()["items"]
        assert [row["kind"] for row in flows] == ["settlement"] * 2
        assert sum(int(row["present_value"]) for row in flows) == pytest.approx(int(plain["value"]), abs=2)
        refused = client.post("/v1/valuations", json={"deal": FEE, "discount_yield": 0.05})
        assert refused.json()["detail"] == "discount_yield: is not for a KPI payment"
        for path in ("/", f"/deals/{FEE}", f"/deals/{FEE}/what-if", f"/deals/{FEE}?lang=ko"):
            page = client.get(path)
            assert page.status_code == 200, page.text
            assert load_deal(DEAL).title in page.text


def test_a_service_shows_it_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what each half year may cost, and what it is worth now."""
    ensure_compiled()
    with start_anvil(timestamp=at("2023-12-25")) as chain:
        run("deploy", DEAL, "--network", chain.url, "--out", tmp_path / "deal.json", "--folder", tmp_path)
        life = SimpleNamespace(record=load_record(tmp_path / "deal.json"), deal=load_deal(DEAL))
        with serving(World(chain, life, tmp_path / "data").save()) as service:
            (row,) = service.get("/v1/deployments").json()["items"]
            assert (row["kind"], row["state"]) == (KIND, "agreed")
            payments = service.of("/payments")["items"]
            assert [each["kind"] for each in payments] == ["settlement"] * 2
            assert {each["low"] for each in payments} == {"0"}
            assert {each["high"] for each in payments} == {str(120 * 2000 * 10**6)}
            (kpi,) = service.of("/kpis")["items"]
            assert [each["forecast"]["mean"] for each in kpi["periods"]] == pytest.approx([1000, 1000])
            assert "settle" in service.of()["actions"]
            value = service.post("/v1/valuations", json={"deployment": row["id"]}).json()
            assert (value["kind"], value["as_of"]) == (KIND, "2023-12-25")
            for path in ("/", f"/deals/{FEE}", f"/deals/{FEE}/what-if", f"/deals/{FEE}?lang=ko"):
                page = service.get(path)
                assert page.status_code == 200, page.text
                assert life.deal.title in page.text
            services = service.services
            monkeypatch.delitem(INSTRUMENTS._theirs, KIND)
            with pytest.raises(ProblemError, match=f"parts.fee.kind = {KIND}: is not shown here"):
                register(services.database, life.record, services.chain, services.index.is_shown)


def test_one_without_a_valuation_is_shown_without_a_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(INSTRUMENTS[KIND], valued=None)
    monkeypatch.setitem(INSTRUMENTS._known, KIND, known)
    with served(tmp_path) as client:
        assert FEE in [row["id"] for row in client.get("/v1/deals").json()["items"]]
        page = client.get(f"/deals/{FEE}")
        assert page.status_code == 200
        assert "There is no valuation of deals like this one here." in page.text
        assert f"/deals/{FEE}/what-if" not in page.text
        for answer in (
            client.post("/v1/valuations", json={"deal": FEE}),
            client.post("/v1/valuations", json={"deal": FEE, "method": "full"}),
            client.get(f"/v1/deals/{FEE}/cashflows"),
        ):
            assert answer.status_code == 404
            assert answer.json()["detail"] == f"{FEE}: there is no valuation of a {KIND}"
        assert client.get(f"/deals/{FEE}/what-if").status_code == 404


def test_one_without_an_instrument_is_left_out_of_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the other deals of its folder are shown."""
    monkeypatch.delitem(INSTRUMENTS._theirs, KIND)
    with served(tmp_path) as client:
        assert [each["id"] for each in client.get("/v1/deals").json()["items"]] == ["leakage-forward"]
        assert client.get(f"/v1/deals/{FEE}").status_code == 404
        assert f"parts.fee.kind = {KIND}: is not shown here" in client.get("/").text


def test_its_dates_move() -> None:
    """To the week before anything is measured."""
    now = at("2031-03-05")
    days, moved = shift_to(load_deal(DEAL), now)
    begins = moved.kpis["volume"].periods[0].start
    assert days > 2_000
    assert now < unix(begins) <= now + 7 * 86_400
    assert moved.parts["fee"] == load_deal(DEAL).parts["fee"]

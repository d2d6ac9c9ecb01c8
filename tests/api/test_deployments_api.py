"""Deployments over HTTP: identity, lists, payments, KPIs and reconciliation, held against chain and deal
file."""

from __future__ import annotations

import csv
import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from chain.bindings import contract, read
from chain.ledger import read_ledger
from chain.network import LocalChain, start_anvil
from finance.terms import parse_deal
from tests.api.world import BEFORE_THE_OFFERING, Service, World, bond_world, serving
from tests.chain.bond_life import Life, small_tree

BOND_LISTS = {
    "distributions",
    "transfers",
    "claims",
    "subscriptions",
    "refunds",
    "fixings",
    "fundings",
    "surplus",
    "turns",
}


def traces(content: Any) -> Iterator[dict[str, Any]]:
    """Every trace anywhere in an answer."""
    if isinstance(content, dict):
        if content.keys() == {"block", "log", "time", "tx"}:
            yield content
        for value in content.values():
            yield from traces(value)
    elif isinstance(content, list):
        for value in content:
            yield from traces(value)


def whole(service: Service, path: str, limit: int = 1000, **params: Any) -> list[dict[str, Any]]:
    """A list, part by part."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(500):
        given = {**params, "limit": limit, **({} if cursor is None else {"cursor": cursor})}
        page = service.of(path, params=given)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found
    raise AssertionError(f"{path} does not end")


# -- identity


def test_a_deployment_says_where_it_is(active: Service) -> None:
    (row,) = active.get("/v1/deployments").json()["items"]
    view = active.of()
    record = active.world.record
    assert row["id"] == view["id"] == active.world.id
    assert row["terms_hash"] == "0x" + view["terms_hash"][2:] == record.terms_hash
    token = contract(active.world.chain.w3, "SecurityToken", record.addresses["token"]).functions
    assert read(token.documentHash()) == view["terms_hash"]
    at = {each["role"]: each["address"] for each in view["contracts"]}
    assert at == record.addresses
    wallets = {each["role"]: each for each in view["wallets"]}
    assert wallets["issuer"]["address"] == record.wallets["issuer"]
    assert wallets["issuer"]["name"] == next(
        party.name for party in active.world.deal.parties.values() if "issuer" in party.roles
    )
    assert set(view["collections"]) == BOND_LISTS
    assert {"subscribe", "transfer", "claim", "fix", "challenge"} <= set(view["actions"])
    assert view["as_of"]["block"] == active.world.chain.w3.eth.block_number


def test_every_step_that_can_be_done_is_an_action(active: Service, wind: Service) -> None:
    for service in (active, wind):
        view = service.of()
        for step in view["state"]["steps"]:
            assert step["action"] is None or step["action"] in view["actions"]


def test_deployments_are_found_by_deal_kind_and_state(wind: Service) -> None:
    def count(**params: str) -> int:
        return len(wind.get("/v1/deployments", params=params).json()["items"])

    assert count() == count(deal="bloom-wind-prs") == count(kind="kpi_payment") == count(state="ended") == 1
    assert count(deal="other") == count(kind="kpi_bond") == count(state="active") == 0


@pytest.mark.parametrize(
    "path", ["", "/state", "/payments", "/kpis", "/reports", "/disputes", "/claims", "/reconciliation"]
)
def test_an_unknown_deployment_is_not_found(active: Service, path: str) -> None:
    answer = active.get(f"/v1/deployments/nothing{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nothing" in answer.json()["detail"]


def test_a_list_that_a_deployment_has_not_is_not_found_and_says_which_there_are(active: Service) -> None:
    answer = active.get(f"/v1/deployments/{active.world.id}/settlements")
    assert answer.status_code == 404
    assert "distributions" in answer.json()["detail"]


# -- lists


def test_lists_of_a_bond_are_what_the_chain_has(redeemed: Service) -> None:
    world = redeemed.world
    ledger = read_ledger(world.chain.w3, world.record)
    for name, table in {
        "transfers": ledger.transfers,
        "claims": ledger.claims,
        "subscriptions": ledger.subscriptions,
        "refunds": ledger.refunds,
        "fundings": ledger.fundings,
        "surplus": ledger.surplus,
        "turns": ledger.turns,
        "fixings": ledger.fixings,
        "distributions": ledger.distributions,
    }.items():
        rows = whole(redeemed, f"/{name}")
        assert [(r["trace"]["block"], r["trace"]["log"]) for r in rows] == list(
            zip(table["block"], table["log"], strict=True)
        ), name
    paid = sum(int(row["paid"]) for row in whole(redeemed, "/distributions"))
    claimed = sum(int(row["amount"]) for row in whole(redeemed, "/claims"))
    money = contract(world.chain.w3, "IERC20", world.record.addresses["currency"]).functions
    assert paid - claimed == read(money.balanceOf(world.record.addresses["token"]))


def test_lists_of_a_project_are_what_the_chain_has(wind: Service) -> None:
    world = wind.world
    ledger = read_ledger(world.chain.w3, world.record)
    for name, table in {
        "fundings": ledger.fundings,
        "withdrawals": ledger.withdrawals,
        "margins": ledger.margins,
        "proposals": ledger.proposals,
        "treasury-periods": ledger.treasury_periods,
        "revenue": ledger.revenue,
        "distributions": ledger.distributions,
        "turns": ledger.turns,
        "ends": ledger.ends,
        "claims": ledger.claims,
    }.items():
        rows = whole(wind, f"/{name}")
        assert [(r["trace"]["block"], r["trace"]["log"]) for r in rows] == list(
            zip(table["block"], table["log"], strict=True)
        ), name
    assert {row["line"] for row in whole(wind, "/revenue")} == {"power sales", "renewable certificates"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_list_in_parts_is_the_list(wind: Service, limit: int) -> None:
    for name in ("transfers", "withdrawals", "turns", "settlements", "treasury-periods", "payments"):
        assert whole(wind, f"/{name}", limit) == whole(wind, f"/{name}"), name


def test_a_list_can_be_asked_for_by_time_and_address(redeemed: Service) -> None:
    every = whole(redeemed, "/transfers")
    life = redeemed.world.life
    mine = whole(redeemed, "/transfers", 1, account=life.c.lower())
    assert mine == [row for row in every if life.c in (row["sender"], row["receiver"])]
    assert 0 < len(mine) < len(every)
    split = every[-1]["trace"]["time"]
    early = whole(redeemed, "/transfers", until=split)
    late = whole(redeemed, "/transfers", since=split)
    assert early + late == every
    assert late
    assert whole(redeemed, "/transfers", account="0x" + "99" * 20) == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/transfers?cursor=x", "cursor"),
        ("/transfers?cursor=WzFd", "cursor"),
        ("/settlements?cursor=WzEsMl0", "cursor"),
        ("/transfers?limit=0", "limit"),
        ("/transfers?limit=1001", "limit"),
        ("/transfers?account=alice", "account"),
        ("/transfers?since=-1", "since"),
        ("/payments?status=none", "status"),
    ],
)
def test_bad_questions_are_one_clear_problem(wind: Service, path: str, why: str) -> None:
    answer = wind.get(f"/v1/deployments/{wind.world.id}{path}")
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


def test_a_list_as_csv_and_parquet_is_the_same_list(wind: Service) -> None:
    rows = whole(wind, "/treasury-periods")
    path = f"/v1/deployments/{wind.world.id}/treasury-periods"
    text = wind.get(path, headers={"accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    table = pd.read_csv(io.StringIO(text.text), dtype=str)
    parquet = pd.read_parquet(io.BytesIO(wind.get(path, params={"format": "parquet"}).content))
    assert list(table["holders"]) == list(parquet["holders"]) == [row["holders"] for row in rows]
    assert list(table["trace_tx"]) == list(parquet["trace_tx"]) == [row["trace"]["tx"] for row in rows]
    assert wind.get(path, headers={"accept": "image/png"}).status_code == 406


def leaves(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A row of JSON by column: nested objects as outer_inner, lists left out."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict) and name != "arguments":
            found |= leaves(value, f"{before}{name}_")
        elif not isinstance(value, list | dict):
            found[before + name] = value
    return found


def test_tables_have_every_field_and_whole_numbers_stay_whole(
    active: Service, redeemed: Service, wind: Service
) -> None:
    """Whatever a list says as JSON stands in its Parquet and CSV, where it is missing in other rows too."""
    compared = 0
    for service in (active, redeemed, wind):
        lists = [*service.of("")["collections"], "payments", "kpis", "reports", "disputes", "events"]
        for name in (*lists, "kpis/" + service.of("/kpis")["items"][0]["kpi"]):
            path = f"/v1/deployments/{service.world.id}/{name}"
            answer = service.get(path)
            if "items" not in answer.json():
                continue
            rows = answer.json()["items"]
            table = pd.read_parquet(io.BytesIO(service.get(f"{path}?format=parquet").content))
            text = list(csv.DictReader(io.StringIO(service.get(f"{path}?format=csv").text)))
            assert len(table) == len(text) == len(rows)
            for place, row in enumerate(rows):
                for column, value in leaves(row).items():
                    if value is None and column not in table:
                        assert any(each.startswith(f"{column}_") for each in table), column
                        continue
                    kept, written = table[column].iloc[place], text[place][column]
                    if value is None:
                        assert pd.isna(kept), (name, column)
                        assert written == ""
                    else:
                        assert kept == value, (name, column)
                        assert isinstance(kept, str) or written == str(value), (name, column)
                        if isinstance(value, int):
                            assert pd.api.types.is_integer(kept) or isinstance(value, bool)
                        compared += 1
    assert compared > 2000


def test_every_figure_leads_to_the_log_it_comes_from(active: Service, wind: Service) -> None:
    for service, lists in ((active, ["claims", "distributions"]), (wind, ["settlements", "revenue"])):
        w3 = service.world.chain.w3
        found = []
        for path in ("", "/payments", "/kpis", "/reports", *(f"/{name}" for name in lists)):
            found += list(traces(service.of(path)))
        assert len(found) >= 10
        for trace in {tuple(sorted(each.items())) for each in found}:
            each = dict(trace)
            receipt = w3.eth.get_transaction_receipt(each["tx"])
            assert receipt["blockNumber"] == each["block"]
            assert each["log"] in [log["logIndex"] for log in receipt["logs"]]
            assert w3.eth.get_block(each["block"])["timestamp"] == each["time"]


# -- money


def test_payments_of_a_bond_made_and_to_come(active: Service) -> None:
    payments = active.of("/payments")["items"]
    assert [p["status"] for p in payments] == ["paid"] * 2 + ["expected"] * 8
    # 7 units of 1,000 at 3.33333333 % for half a year, and what rounding leaves goes to the next.
    assert sum(int(p["amount"]) for p in payments[:2]) == 233_333_331
    redemption = payments[-1]
    assert redemption["kind"] == "redemption"
    assert redemption["principal"] == "7000000000"
    assert redemption["amount"] is None
    # +-3,300 for the full ten units, of which seven are sold.
    assert (redemption["low"], redemption["high"]) == ("4690000000", "9310000000")
    assert "Runoff reduction" in redemption["note"]


def test_payments_of_a_bond_that_is_redeemed(redeemed: Service) -> None:
    payments = redeemed.of("/payments")["items"]
    assert {p["status"] for p in payments} == {"paid"}
    assert (payments[-1]["principal"], payments[-1]["outcome"]) == ("7000000000", "2310000000")
    assert redeemed.of("/state")["steps"] == []


def test_settlements_both_ways_add_up(wind: Service) -> None:
    rows = wind.of("/settlements")["items"]
    assert [row["status"] for row in rows] == ["settled"] * 6
    # 3,060,000 fixed and 2,500,000 measured: the provider pays the difference.
    assert (rows[0]["fixed"], rows[0]["kpi"], rows[0]["amount"]) == (
        "3060000000000",
        2500000.0,
        "560000000000",
    )
    assert rows[2]["missing"]
    for row in rows:
        parts = [int(row[name]) for name in ("netted", "paid", "unpaid")]
        assert abs(int(row["amount"])) == sum(parts)


@pytest.mark.parametrize("name", ["active", "redeemed", "wind"])
def test_the_money_is_right_to_the_minor_unit(name: str, request: pytest.FixtureRequest) -> None:
    service: Service = request.getfixturevalue(name)
    found = service.of("/reconciliation")
    assert found["ok"]
    assert found["rows"] > 0
    assert found["different"] == 0
    assert all(each["difference"] == "0" for each in (*found["payments"], *found["checks"]))
    money = contract(service.world.chain.w3, "IERC20", service.world.record.addresses["currency"]).functions
    assert int(found["unclaimed"]) == read(money.balanceOf(service.world.record.addresses["token"]))


# -- KPIs


def test_a_kpi_with_its_published_tiers_and_the_value_reported(redeemed: Service) -> None:
    (kpi,) = redeemed.of("/kpis")["items"]
    (curve,) = kpi["curves"]
    # The published tiers: below 18.6 %, up to 41.3 %, above.
    assert [tier["low"] for tier in curve["tiers"]] == [None, 0.186, 0.413001]
    assert [tier["y"] for tier in curve["tiers"]] == ["-3300000000", "0", "3300000000"]
    assert curve["missing"] == "3300000000"
    (period,) = kpi["periods"]
    assert (period["status"], period["value"], period["raw"]) == ("final", 0.42, "420000")
    assert period["used"]
    assert period["y"] == "3300000000"
    assert period["forecast"] is None


def test_a_kpi_that_is_not_measured_yet_has_a_forecast(active: Service) -> None:
    (period,) = active.of("/kpis/runoff-reduction")["periods"]
    assert period["status"] == "future"
    assert period["value"] is None
    forecast = period["forecast"]
    order = [forecast[name] for name in ("p05", "p25", "p50", "p75", "p95")]
    assert order == sorted(order)
    assert order[0] < forecast["mean"] < order[-1]
    table = active.of("/kpis/runoff-reduction/periods")["items"]
    assert table == [period]
    assert active.get(f"/v1/deployments/{active.world.id}/kpis/other").status_code == 404


# -- the description


def test_every_list_is_described_with_its_rows(active: Service) -> None:
    described = active.get("/v1/openapi.json").json()
    for name in (
        *BOND_LISTS,
        "settlements",
        "margins",
        "treasury-periods",
        "payments",
        "reports",
        "disputes",
    ):
        entry = described["paths"][f"/v1/deployments/{{id}}/{name}"]["get"]
        answer = entry["responses"]["200"]["content"]
        assert {"application/json", "text/csv", "application/vnd.apache.parquet"} == answer.keys()
        page = described["components"]["schemas"][answer["application/json"]["schema"]["$ref"].split("/")[-1]]
        row = page["properties"]["items"]["items"]["$ref"].split("/")[-1]
        assert "example" in described["components"]["schemas"][row], name
        assert "404" in entry["responses"]


# -- when the chain does not answer


def test_what_is_indexed_is_there_without_the_chain(tmp_path: Path) -> None:
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, tmp_path, "active")) as service,
    ):
        before = {path: service.of(path) for path in ("/state", "/payments", "/kpis", "/claims")}
        os.killpg(chain.pid, signal.SIGKILL)  # the chain and the wrapper that started it
        deadline = time.monotonic() + 60
        while chain.w3.is_connected() and time.monotonic() < deadline:
            time.sleep(0.05)
        for path, content in before.items():
            assert service.of(path, params={"format": "json"} if path != "/state" else {}) == content
        answer = service.get(f"/v1/deployments/{service.world.id}/reconciliation")
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/chain-unavailable"
        assert "retry-after" in answer.headers
        # What the oracle owes a challenger is left open then.
        assert service.of("/disputes")["items"] == []


def test_a_wallet_has_the_name_of_whom_its_part_names(chain: LocalChain, tmp_path: Path) -> None:
    """And not of another party in the same role."""
    tree = small_tree()
    another = {"name": "Another Authority", "roles": ["issuer"], "assumed": "a second issuer"}
    tree["parties"] = {"another": another, **tree["parties"]}
    tree["parts"]["bond"]["issuer"] = "issuer"
    life = Life(chain, parse_deal(tree))
    with serving(World(chain, life, tmp_path).save()) as service:
        wallets = {each["role"]: each["name"] for each in service.of()["wallets"]}
    assert wallets["issuer"] == life.deal.parties["issuer"].name

"""Holders, positions, statements, portfolios and events over HTTP, against the contracts."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from chain.bindings import contract, read
from chain.ledger import read_ledger
from tests.api.world import Service


def token(service: Service) -> Any:
    return contract(
        service.world.chain.w3, "SecurityToken", service.world.record.addresses["token"]
    ).functions


def every(service: Service, path: str, limit: int) -> list[dict[str, Any]]:
    """A whole list, part by part."""
    found, cursor = [], ""
    while True:
        page = service.of(f"{path}?limit={limit}{cursor}")
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize("world", ["active", "redeemed", "wind"])
def test_holders_are_what_the_token_says(request: pytest.FixtureRequest, world: str) -> None:
    service: Service = request.getfixturevalue(world)
    page = service.of("/holders")
    says = token(service)
    supply = read(says.totalSupply())
    for row in page["items"]:
        assert row["units"] == read(says.balanceOf(row["holder"]))
        assert row["claimable"] == str(read(says.claimable(row["holder"])))
        assert row["earned"] == str(int(row["claimable"]) + int(row["claimed"]))
        assert row["share"] == pytest.approx(row["units"] / supply)
        position = service.of(f"/holders/{row['holder']}")
        assert position["supply"] == supply
        assert {k: position[k] for k in ("units", "claimable", "claimed", "earned")} == {
            k: row[k] for k in ("units", "claimable", "claimed", "earned")
        }
    assert sum(row["units"] for row in page["items"]) == supply
    # What the token holds of the currency is what holders can claim of it.
    currency = contract(
        service.world.chain.w3, "IERC20", service.world.record.addresses["currency"]
    ).functions
    held = read(currency.balanceOf(service.world.record.addresses["token"]))
    assert sum(int(row["claimable"]) for row in page["items"]) == held
    assert every(service, "/holders", 1) == page["items"]
    latest = service.world.chain.w3.eth.get_block("latest")
    assert page["as_of"] == {"block": latest["number"], "time": latest["timestamp"]}


def test_positions_of_the_past(active: Service) -> None:
    life, says = active.world.life, token(active)
    for block in range(active.world.record.block, active.world.chain.w3.eth.block_number + 1, 3):
        position = active.of(f"/holders/{life.a}?block={block}")
        assert position["units"] == read(says.balanceOf(life.a), block)
        assert position["claimable"] == str(read(says.claimable(life.a), block))
        assert position["as_of"]["block"] == block
        assert position["as_of"]["time"] <= active.world.chain.w3.eth.get_block(block)["timestamp"]


def test_a_statement_of_a_bond(active: Service) -> None:
    life = active.world.life
    lines = active.of(f"/holders/{life.a.lower()}/statement")["items"]
    # A half-year at 3.33333333 % on a unit of 1,000 is 16.666666 65. Seven units leave 4 minor units of dust
    # after the first coupon, which make the second 16.666667.
    first, second = 16_666_666, 16_666_667
    assert [
        (line["kind"], line["units"], line["paid"], line["earned"], line["received"]) for line in lines
    ] == [
        ("subscription", 4, "4000000000", "0", "0"),
        ("coupon", 0, "0", str(4 * first), "0"),
        ("coupon", 0, "0", str(4 * second), "0"),
        ("sent", -1, "0", "0", "0"),
        ("claim", 0, "0", "0", str(4 * first + 4 * second)),
    ]
    assert [line["index"] for line in lines if line["kind"] == "coupon"] == [0, 1]
    assert lines[3]["other"] == life.c
    assert (lines[-1]["units_after"], lines[-1]["claimable_after"]) == (3, "0")
    for line in lines:  # each can be traced
        receipt = active.world.chain.w3.eth.get_transaction_receipt(line["tx"])
        assert receipt["blockNumber"] == line["block"]
        assert line["log"] in [log["logIndex"] for log in receipt["logs"]]
    assert every(active, f"/holders/{life.a}/statement", 2) == lines


def test_a_statement_of_a_project(wind: Service) -> None:
    life = wind.world.life
    for name in ("a", "b", "c"):
        holder = life.senders[name].address
        lines = wind.of(f"/holders/{holder}/statement")["items"]
        ledger = read_ledger(wind.world.chain.w3, wind.world.record)
        claimed = ledger.claims
        assert [line["received"] for line in lines if line["kind"] == "claim"] == [
            str(amount) for amount in claimed[claimed["holder"] == holder]["amount"]
        ]
        assert sum(int(line["earned"]) for line in lines) == sum(
            each.per_unit * ledger.holdings_at(each.event.block, each.event.index).get(holder, 0)
            for each in ledger.payouts
        )


def test_a_portfolio_names_every_deployment(active: Service) -> None:
    life = active.world.life
    page = active.get(f"/v1/holders/{life.a}").json()
    (row,) = page["items"]
    assert (row["deployment"], row["deal"], row["units"]) == (active.world.id, active.world.deal.id, 3)
    assert row["currency"]["token"] == active.world.record.addresses["currency"]
    assert active.get(f"/v1/holders/{'0x' + 'ab' * 20}").json()["items"] == []


def test_events_are_the_chain_s(active: Service) -> None:
    expected = read_ledger(active.world.chain.w3, active.world.record).events
    rows = every(active, "/events", 7)
    assert [(r["block"], r["log"], r["tx"], r["source"], r["name"]) for r in rows] == [
        (e.block, e.index, e.tx, e.source, e.name) for e in expected
    ]
    backwards = active.of("/events?newest_first=true&limit=1000")["items"]
    assert backwards == rows[::-1]
    coupons = active.of("/events?name=CouponPaid&name=Distributed")["items"]
    assert [r["name"] for r in coupons] == ["Distributed", "CouponPaid"] * 2
    assert all(isinstance(r["arguments"]["paid"], str) for r in coupons)
    assert {r["source"] for r in active.of("/events?source=offering")["items"]} == {"offering"}


@pytest.mark.parametrize("path", ["/holders", "/events", "/holders/{a}/statement"])
def test_as_csv_and_parquet(active: Service, path: str) -> None:
    path = path.format(a=active.world.life.a)
    rows = active.of(path)["items"]
    where = f"/v1/deployments/{active.world.id}{path}"
    csv = active.get(where, headers={"Accept": "text/csv"})
    table = pd.read_csv(io.StringIO(csv.text), dtype=str)
    parquet = pd.read_parquet(io.BytesIO(active.get(f"{where}?format=parquet").content))
    assert len(table) == len(parquet) == len(rows)
    for column in ("units", "claimable", "block"):
        if column in rows[0]:
            assert list(table[column]) == [str(row[column]) for row in rows]
            assert list(parquet[column].astype(str)) == [str(row[column]) for row in rows]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/deployments/none/holders", 404),
        ("/v1/deployments/none/events", 404),
        ("/v1/deployments/none/holders/0x" + "ab" * 20, 404),
        ("/v1/deployments/none/holders/0x" + "ab" * 20 + "/statement", 404),
        ("/v1/holders/0x12", 422),
        ("/v1/holders/0x" + "zz" * 20, 422),
        ("/v1/deployments/{id}/holders/0x" + "ab" * 20 + "?block=999999999", 422),
        ("/v1/deployments/{id}/holders/0x" + "ab" * 20 + "?block=-1", 422),
        ("/v1/deployments/{id}/holders?cursor=rubbish", 422),
        ("/v1/deployments/{id}/holders?cursor=WzEsMl0", 422),  # [1,2]: another list's
        ("/v1/deployments/{id}/holders?cursor=Wy0xLCJ4Il0", 422),  # [-1,"x"]
        ("/v1/deployments/{id}/events?cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LDFd", 422),  # beyond 64 bits
        ("/v1/deployments/{id}/events?limit=0", 422),
        ("/v1/deployments/{id}/events?limit=100000", 422),
        ("/v1/deployments/{id}/events?name=%00", 422),
        ("/v1/deployments/%00/events", 404),
    ],
)
def test_what_is_wrong_is_said(active: Service, path: str, status: int) -> None:
    answer = active.get(path.format(id=active.world.id))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status

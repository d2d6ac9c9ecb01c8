"""The Python client against the service's description: what it sends is what is described, and so is what it
gets; it goes on where a stream was cut."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from api.app import build
from api.client import ApiError, Client
from chain.network import start_anvil
from tests.api.browser import free_port, served
from tests.api.world import BEFORE_THE_OFFERING, World, bond_world, until_read

JSON = "application/json"
OF_OTHERS = {
    f"list_{name}"
    for name in (
        *("settlements", "ends", "withdrawals", "margins", "proposals", "treasury_periods", "revenue"),
        "trades",
        "orders",
        "deliveries",
        "offices",
        "proceeds",
        "put_notices",
        "put_money",
        "consents",
        "liquidity",
        "lines",
        "tranches",
        "waterfall",
        "income",
        "covenants",
        "credits",
    )
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        yield bond_world(chain, tmp_path_factory.mktemp("client"), "redeemed")


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[Client]:
    app = build(world.settings())
    with served(app, free_port()) as url, Client(url) as penstock:
        until_read(app, world)
        yield penstock


def _given(client: Client, world: World) -> dict[str, Any]:
    """Values for the parameters of paths, found through the client itself."""
    events = client.deployment_events(id=world.id, limit=1)["items"]
    return {
        "id": world.id,
        "deal": "dc-water-eib-2016",
        "kpi": "runoff-reduction",
        "period": 0,
        "address": world.life.a,
        "hash": events[0]["tx"],
    }


def test_every_read_answers_as_it_is_described(client: Client, world: World) -> None:
    given, tried = _given(client, world), 0
    for operation in client.operations.values():
        needed = {name: given[name] for name in operation.required if name in given}
        if operation.method != "GET" or needed.keys() != operation.required or operation.path == "/v1/stream":
            continue
        if operation.path.startswith(("/v1/jobs", "/v1/auth", "/v1/demo")):
            continue  # of jobs, sessions and demonstrations that are not there
        if operation.path.startswith("/v1/deployments/{id}/") and operation.id in OF_OTHERS:
            continue
        answer = client.call(operation.id, **needed)
        item = client.description["paths"][operation.path]["get"]
        schema = item["responses"]["200"]["content"].get(JSON, {}).get("schema")
        if schema is None:
            continue
        whole = {**schema, "components": client.description["components"]}
        problems = list(Draft202012Validator(whole).iter_errors(answer))
        assert not problems, f"{operation.id}: {problems[0].message[:300]}"
        tried += 1
    assert tried >= 30


def test_what_is_not_described_is_not_sent(client: Client, world: World) -> None:
    with pytest.raises(TypeError, match=r"unknown \['colour'\]; parameters: "):
        client.list_deals(colour="blue")
    with pytest.raises(TypeError, match=r"missing \['id'\]"):
        client.deployment_holders()
    with pytest.raises(TypeError, match="takes no body"):
        client.list_deals(body={})
    with pytest.raises(AttributeError, match="no operation list_unicorns"):
        client.list_unicorns  # noqa: B018


def test_a_refusal_has_the_problem_s_fields(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.get_deal(deal="no-such-deal")
    assert (caught.value.status, caught.value.name) == (404, "not-found")
    with pytest.raises(ApiError) as caught:
        client.value_deal(body={"deal": "dc-water-eib-2016", "discount_yield": "much"})
    assert caught.value.status == 422
    assert "discount_yield" in caught.value.errors[0]["field"]


def test_a_path_cannot_be_left(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.get_deal(deal="../deployments")
    assert caught.value.status == 404


def test_a_table_is_the_list_in_parts(client: Client, world: World) -> None:
    listed = list(client.items("deployment_events", id=world.id, limit=7))
    table = client.table("deployment_events", id=world.id, limit=7)
    assert len(listed) > 20  # several parts
    assert [(row["block"], row["log"]) for row in listed] == [*zip(table["block"], table["log"], strict=True)]
    held = client.table("deployment_holders", id=world.id)
    for holder, units in zip(held["holder"], held["units"], strict=True):
        assert units == world.life.token.balanceOf(holder).call()


def test_a_job_is_waited_for(client: Client) -> None:
    job = client.value_deal(body={"deal": "dc-water-eib-2016", "method": "full"})
    found = client.result(job, timeout=60)
    # Discounted at its coupon a bond is worth par, and both outer tiers are equally likely and pay the same.
    assert found["price"] == pytest.approx(100, abs=1e-6)
    assert found["simulated"]["price_standard_error"] > 0


def test_a_stream_goes_on_where_it_was_cut(world: World) -> None:
    life, port = world.life, free_port()
    heard: list[tuple[int, int]] = []
    more = threading.Condition()

    def listen() -> None:
        with Client(f"http://127.0.0.1:{port}") as penstock:
            for event in penstock.events(topic="chain", retries=20):
                with more:
                    heard.append((event.data["block"], event.data["log"]))
                    more.notify()

    def give(times: int) -> list[tuple[int, int]]:
        """Money to the bond from outside: each is an event of the deal."""
        receipts = [
            life.send(life.deployer, life.currency.mint(world.record.addresses["bond"], 1))
            for _ in range(times)
        ]
        return [(log["blockNumber"], log["logIndex"]) for receipt in receipts for log in receipt["logs"]]

    def until(count: int) -> None:
        with more:
            assert more.wait_for(lambda: len(heard) >= count, timeout=30), heard

    with served(build(world.settings()), port) as url:
        _level(url, world)
        threading.Thread(target=listen, daemon=True).start()
        _listened(url)
        given = give(5)
        until(5)
    given += give(5)  # while nobody listens and nothing is indexed
    with served(build(world.settings()), port):
        until(10)
        given += give(2)
        until(12)
    assert heard == given


def _level(url: str, world: World) -> None:
    """Wait until the index is at the chain's head: what it reads to get there is not told."""
    head = world.chain.w3.eth.block_number
    with Client(url) as penstock:
        _until(lambda: penstock.deployment_holders(id=world.id)["as_of"]["block"] >= head)


def _listened(url: str) -> None:
    metrics = re.compile(r"^penstock_streams (\d+)", re.MULTILINE)
    _until(
        lambda: (found := metrics.search(httpx.get(f"{url}/metrics", timeout=60).text)) and int(found[1]) > 0
    )


def _until(ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""The examples of the API's description are answers of services over small deals. They are captured anew
with PENSTOCK_UPDATE_GOLDEN=1; without, the answers must be of their shape."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.models import examples
from api.models.examples import DEAL_FILE, EXAMPLES
from chain.network import local_account, start_anvil
from finance.terms import parse_deal
from finance.terms.reader import read_deal_text
from tests.api.world import (
    BEFORE_THE_OFFERING,
    KPI,
    LIARS,
    LIE,
    SILENT,
    STAGES,
    Service,
    World,
    bond_nodes,
    serving,
)
from tests.chain.bond_life import THOUSAND, Life
from tests.house.unchanged import RENEW

FILE = Path(examples.__file__).with_name("examples.json")
TYPED = {
    "DemoView", "DisputeView", "EndRow", "EventView", "JobView", "NewSessionView", "NodeUrls", "NonceView",
    "ProposalRow", "RefundRow", "RoundRequest", "SessionView", "SignInRequest", "WalletAnswer", "WalletCall",
    "after.inp", "observation.json", "rain.csv",
}  # fmt: skip
"""Those that none of these services answers: sessions, a demonstration, a dispute, an issue or swap that
ended early."""


def captured(service: Service, **given: object) -> Iterator[tuple[str, Any]]:
    """What each route answers for these parameters of its path, by the name of the model."""
    described = service.get("/v1/openapi.json").json()
    # What is answered of one thing says more than a row of a list, which leaves out what is not there.
    for path, operations in sorted(
        described["paths"].items(), key=lambda each: "Page_" in str(each[1].get("get"))
    ):
        answers = operations.get("get", {}).get("responses", {})
        model = answers.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = model.get("$ref", "").rpartition("/")[2]
        if not name or name in TYPED or set(re.findall(r"{(\w+)}", path)) - given.keys():
            continue
        answer = service.get(path.format(**given))
        if answer.status_code != 200:
            continue
        found = answer.json()
        if name.startswith("Page_"):
            name, items = name[len("Page_") : -1], found["items"]
            if not items:
                continue
            found = min(items, key=left_out)
        yield name, shortened(found)


def shortened(value: Any) -> Any:
    """With one element a list, the first of those that leave the least out."""
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shortened(min(value, key=left_out))] if value else []
    return value


def left_out(value: Any) -> int:
    return sum(each is None for each in value.values()) if isinstance(value, dict) else 0


def shape(value: Any) -> Any:
    """What there is, whatever it says."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def bond(folder: Path) -> Iterator[tuple[str, Any]]:
    """The bond of the example: a subscription, eight coupons, and a report of nodes of which two lie."""
    deal = parse_deal(read_deal_text(DEAL_FILE.encode()))
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, deal)
        yield from subscription(World(chain, life, folder / "subscription").save())
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, deal)
        live = STAGES["measured"]
        assert live is not None
        live(life)
        world = World(chain, life, folder / "data").save()
        yield "DeploymentRecord", json.loads((world.folder / "deployment.json").read_text())
        faults: dict[int, dict[str, object]] = {index: {"lie": LIE} for index in LIARS}
        with bond_nodes(chain.url, folder / "nodes", deal, {**faults, SILENT: {"silent": True}}) as nodes:
            urls = [node.url for node in nodes]
            world.save({KPI: urls})
            world.relay(KPI, 0, urls)
            with serving(world) as service:
                report = service.of(f"/reports/{KPI}/0")
                root = next(each["evidence"] for each in report["observations"])
                given = {"id": world.id, "kpi": KPI, "period": 0, "root": root, "address": life.a}
                yield from captured(service, **given)
                yield "recomputed", shortened(recomputed(service))


def recomputed(service: Service) -> Any:
    begun = service.post(f"/v1/deployments/{service.world.id}/reports/{KPI}/0/recompute").json()
    until = time.monotonic() + 60
    while service.get(f"/v1/jobs/{begun['id']}").json()["state"] not in ("done", "failed"):
        assert time.monotonic() < until
        time.sleep(0.1)
    return service.get(f"/v1/jobs/{begun['id']}/result").json()


def subscription(world: World) -> Iterator[tuple[str, Any]]:
    """Prepared, signed, relayed and done."""
    life, account = world.life, local_account(4)
    life.sell(a=4)
    life.verify(account.address)
    life.send(life.deployer, life.currency.mint(account.address, 3 * THOUSAND))
    life.send(account.address, life.currency.approve(world.record.addresses["offering"], 3 * THOUSAND))
    with serving(world) as service:
        asked = {"action": "subscribe", "from": account.address, "parameters": {"units": "3"}}
        yield "PrepareRequest", {"deployment": world.id, **asked}
        prepared = service.post("/v1/transactions/prepare", json={"deployment": world.id, **asked}).json()
        yield "PreparedView", prepared
        (step,) = prepared["steps"]
        signed = account.sign_transaction(
            {
                "to": step["to"],
                "data": step["data"],
                "value": 0,
                "gas": step["gas"],
                "chainId": step["chain_id"],
                "nonce": world.chain.w3.eth.get_transaction_count(account.address),
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**9,
            }
        )
        raw = {"raw": signed.raw_transaction.to_0x_hex()}
        yield "RelayRequest", raw
        relayed = service.post("/v1/transactions", json=raw)
        yield "RelayedView", relayed.json()
        world.chain.w3.eth.wait_for_transaction_receipt(relayed.json()["hash"])
        service.catch_up()
        yield "TransactionView", shortened(service.get(relayed.headers["location"]).json())


def book(service: Service) -> Iterator[tuple[str, Any]]:
    """A deal of the book, whole and as it would be worth."""
    yield from captured(service, deal="dc-water-eib-2016")
    asked = {"deal": "dc-water-eib-2016"}
    value = service.post("/v1/valuations", json=asked).json()
    # A period lacks either its value or what is expected, and the description leaves out what is null.
    yield "ValuationView", shortened({**value, "periods": []})
    wrong = DEAL_FILE.replace("maturity: ", "maturity: {value: 2015-04-01, assumed: too early}  # ")
    refused = service.post("/v1/deals/validate", content=wrong, headers={"content-type": "application/yaml"})
    yield "ValidationView", shortened(refused.json())


def test_the_examples_are_answers(redeemed: Service, wind: Service, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for name, value in (
        *book(redeemed),
        *bond(tmp_path),
        *captured(redeemed, id=redeemed.world.id),
        *captured(wind, id=wind.world.id),
    ):
        found.setdefault(name, value)
    if os.environ.get(RENEW):
        kept = {name: EXAMPLES[name] for name in TYPED}
        text = json.dumps({**kept, **found}, indent=1, ensure_ascii=False, sort_keys=True)
        FILE.write_text(text + "\n")
    now = json.loads(FILE.read_text())
    assert now.keys() == found.keys() | TYPED
    for name, value in found.items():
        assert shape(now[name]) == shape(value), name


@pytest.mark.parametrize("name", sorted(TYPED))
def test_what_is_typed_is_there(name: str) -> None:
    assert EXAMPLES[name]

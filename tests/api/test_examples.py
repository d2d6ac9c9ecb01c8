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

import httpx
from eth_account.signers.local import LocalAccount

from api.access.keys import SCOPES, create_key
from api.models import examples
from api.models.examples import DEAL_FILE
from chain.bindings import contract
from chain.network import local_account, reach_time, start_anvil
from chain.sender import Sender
from finance.terms import Deal, parse_deal
from finance.terms.reader import read_deal_text
from scripts.serve.cast import ACCOUNTS, demo_accounts
from scripts.serve.conductor import Conductor
from scripts.serve.panel import Panel
from scripts.serve.plan import Plan
from scripts.serve.story import Scene, Setting, Story
from tests.api.test_office_served import announced
from tests.api.test_proceeds import recorded
from tests.api.test_put import with_notice
from tests.api.vehicle_life import POOL, pool_world, vehicle_chain
from tests.api.wallets import sign_in, to_sign
from tests.api.world import (
    BEFORE,
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
from tests.chain.bond_life import THOUSAND, Life, at
from tests.chain.swap_life import DAY, SwapLife, rain_deal, units
from tests.chain.test_book import finished, with_orders
from tests.chain.test_buffer import marked
from tests.chain.test_buffer import sold as with_buffer
from tests.chain.test_consents import consents_tree
from tests.chain.test_desk import sold, trade
from tests.house.unchanged import RENEW

FILE = Path(examples.__file__).with_name("examples.json")
LINES = 4
"""Of a text of an evidence bundle: so many say what is in it."""


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
        if not name or set(re.findall(r"{(\w+)}", path)) - given.keys():
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


def sent(answer: httpx.Response) -> Any:
    """The body that was taken."""
    assert answer.is_success, answer.text
    return json.loads(answer.request.content)


def done(service: Service, begun: httpx.Response) -> Any:
    """The job when it is done."""
    where, until = begun.headers["location"], time.monotonic() + 60
    while (job := service.get(where).json())["state"] != "done":
        assert job["state"] in ("queued", "running"), job
        assert time.monotonic() < until
        time.sleep(0.1)
    return job


def example_deal() -> Deal:
    return parse_deal(read_deal_text(DEAL_FILE.encode()))


def demonstration(folder: Path) -> Iterator[tuple[str, Any]]:
    """The bond of the example in a demonstration that goes as far as its offering."""
    deal = example_deal()
    with start_anvil(timestamp=BEFORE_THE_OFFERING, accounts=ACCOUNTS) as chain:
        scene = Scene(chain, folder, Plan(), Panel(Sender(chain.w3, chain.accounts[14])))
        story = Story(scene, Setting(deal, urls=tuple, sold=0.1))
        story.plan()
        accounts = demo_accounts(chain.accounts, [deal.parties["issuer"].name])
        facts = {"chain": "A local chain that ends with the demonstration."}
        conductor = Conductor(chain, scene.plan, scene.panel, accounts, facts, {})
        conductor.advance()
        world = World(chain, story.life, folder).save()
        with serving(world, conductor) as service:
            yield "DemoView", shortened(service.get("/v1/demo").json())
            yield "EventView", service.post("/v1/demo/advance").json()
            yield from session(service)
            yield from subscription(service, local_account(story.life.cast.investors[-1].account))


def session(service: Service) -> Iterator[tuple[str, Any]]:
    """The issuer signs in."""
    asked = service.get("/v1/auth/nonce").json()
    yield "NonceView", asked
    opened = sign_in(service.client, to_sign(asked))
    yield "SignInRequest", sent(opened)
    yield "NewSessionView", opened.json()
    yield "SessionView", service.get("/v1/auth/session").json()


def subscription(service: Service, account: LocalAccount) -> Iterator[tuple[str, Any]]:
    """Approved by the demonstration's wallet; prepared, signed, relayed and done; and paid back, since the
    issue fails."""
    world, life = service.world, service.world.life
    life.mint(account.address, 3 * THOUSAND)
    offering = contract(life.w3, "Offering", world.record.addresses["offering"]).functions
    answer = ordered(service, account, life.currency.functions.approve(offering.address, 3 * THOUSAND))
    yield "WalletCall", sent(answer)
    yield "WalletAnswer", answer.json()
    asked = {"action": "subscribe", "from": account.address, "parameters": {"units": "3"}}
    prepared = service.post("/v1/transactions/prepare", json={"deployment": world.id, **asked})
    yield "PrepareRequest", sent(prepared)
    yield "PreparedView", prepared.json()
    (step,) = prepared.json()["steps"]
    signed = account.sign_transaction(
        {
            "to": step["to"],
            "data": step["data"],
            "value": 0,
            "gas": step["gas"],
            "chainId": step["chain_id"],
            "nonce": life.w3.eth.get_transaction_count(account.address),
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
        }
    )
    relayed = service.post("/v1/transactions", json={"raw": signed.raw_transaction.to_0x_hex()})
    yield "RelayRequest", sent(relayed)
    yield "RelayedView", relayed.json()
    life.w3.eth.wait_for_transaction_receipt(relayed.json()["hash"])
    service.catch_up()
    yield "TransactionView", shortened(service.get(relayed.headers["location"]).json())
    reach_time(life.w3, at("2016-09-30"))  # the offering is over, with four of seven units sold
    ordered(service, account, offering.refund(3))
    service.catch_up()
    yield "RefundRow", service.of("/refunds")["items"][0]


def ordered(service: Service, account: LocalAccount, function: Any) -> httpx.Response:
    """The demonstration's wallet sends a call of a contract."""
    call = {"from": account.address, "to": function.address, "data": function._encode_transaction_data()}
    answer = service.post("/v1/demo/rpc", json={"method": "eth_sendTransaction", "params": [call]})
    service.world.life.w3.eth.wait_for_transaction_receipt(answer.json()["result"])
    return answer


def measured(folder: Path) -> Iterator[tuple[str, Any]]:
    """The same bond after eight coupons, and a report of nodes of which two lie."""
    deal = example_deal()
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, deal)
        live = STAGES["measured"]
        assert live is not None
        live(life)
        world = World(chain, life, folder).save()
        yield "DeploymentRecord", json.loads((world.folder / "deployment.json").read_text())
        faults: dict[int, dict[str, object]] = {index: {"lie": LIE} for index in LIARS}
        faults[SILENT] = {"silent": True}
        with bond_nodes(chain.url, folder / "nodes", deal, faults) as nodes, serving(world) as service:
            yield from reported(service, [node.url for node in nodes])
            yield from evidence(service)


def reported(service: Service, urls: list[str]) -> Iterator[tuple[str, Any]]:
    """Where the nodes listen, and the report that they are asked for and somebody sends."""
    key = create_key(service.services.database, "examples", list(SCOPES))
    service.client.headers["Authorization"] = f"Bearer {key.token}"
    at = f"/v1/deployments/{service.world.id}"
    yield "NodeUrls", sent(service.client.put(f"{at}/nodes", json={"nodes": {KPI: urls}}))
    begun = service.post(f"{at}/reports", json={"kpi": KPI, "period": 0, "restate": False})
    yield "RoundRequest", sent(begun)
    job = done(service, begun)
    yield "JobView", job
    made, chain = service.get(job["result"]).json(), service.world.chain
    call = {"from": chain.accounts[14], "to": made["to"], "data": made["data"]}
    chain.w3.eth.wait_for_transaction_receipt(chain.w3.eth.send_transaction(call))
    del service.client.headers["Authorization"]
    service.catch_up()


def evidence(service: Service) -> Iterator[tuple[str, Any]]:
    """What is answered of the report, the files behind it, and how it is computed again."""
    id, life = service.world.id, service.world.life
    report = service.of(f"/reports/{KPI}/0")
    root = next(each["evidence"] for each in report["observations"])
    yield from captured(service, id=id, kpi=KPI, period=0, root=root, address=life.a)
    bundle = service.of(f"/reports/{KPI}/0/evidence/{root}")
    files = {each["name"]: service.get(each["href"]) for each in bundle["files"]}
    yield "observation.json", files["observation.json"].json()
    for name in ("after.inp", "rain.csv"):
        yield name, "".join(files[name].text.splitlines(keepends=True)[:LINES])
    job = done(service, service.post(f"/v1/deployments/{id}/reports/{KPI}/0/recompute"))
    yield "recomputed", shortened(service.get(job["result"]).json())


def ended_early(folder: Path) -> Iterator[tuple[str, Any]]:
    """A rainfall swap that its sides agree to end in its first quarter."""
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        for side in ("payer", "payee"):
            life.fund(side, units(2_000_000))
        life.activate()
        number = life.propose_termination("payee", units(300_000), life.now() + 30 * DAY)
        life.accept_termination("payer", number)
        with serving(World(chain, life, folder).save()) as service:
            yield "ProposalRow", service.of("/proposals")["items"][0]
            yield "EndRow", service.of("/ends")["items"][0]


def traded(folder: Path) -> Iterator[tuple[str, Any]]:
    """A unit of a bond that changes hands."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = sold(chain)
        trade(life)
        with serving(World(chain, life, folder).save()) as service:
            yield "TradeRow", service.of("/trades")["items"][0]


def sold_by_a_book(folder: Path) -> Iterator[tuple[str, Any]]:
    """Units of a bond that are ordered, and delivered."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life, acting = with_orders(chain)
        finished(life, acting)
        with serving(World(chain, life, folder).save()) as service:
            yield "OrderRow", service.of("/orders")["items"][0]
            yield "DeliveryRow", service.of("/deliveries")["items"][0]


def accounted_for(folder: Path) -> Iterator[tuple[str, Any]]:
    """What the money of a bond was used for."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain, serving(recorded(chain, folder)) as service:
        yield "ProceedsRow", service.of("/proceeds")["items"][1]


def handed_on(folder: Path) -> Iterator[tuple[str, Any]]:
    """An office whose keeper has announced who has it next."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain, serving(announced(chain, folder)) as service:
        yield "OfficeRow", service.of("/offices")["items"][0]


def sold_back(folder: Path) -> Iterator[tuple[str, Any]]:
    """Units of a bond of which notice was given, and some sold to the writer of a put."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain, serving(with_notice(chain, folder)) as service:
        yield "PutNoticeRow", service.of("/put-notices")["items"][0]
        paid = [row for row in service.of("/put-money")["items"] if row["holder"]]
        yield "PutMoneyRow", paid[0]


def with_consents(folder: Path) -> Iterator[tuple[str, Any]]:
    """A standstill that a holder has consented to."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, parse_deal(consents_tree()))
        life.sell(a=6, b=4)
        life.settle()
        calls = contract(life.w3, "ConsentSolicitation", life.record.addresses["consents"]).functions
        life.send(life.issuer, calls.propose(0, 90 * DAY, b"\1" * 32))
        life.send(life.a, calls.consent(0, 6))
        with serving(World(chain, life, folder).save()) as service:
            yield "ConsentRow", service.of("/consents")["items"][1]


def with_a_buffer(folder: Path) -> Iterator[tuple[str, Any]]:
    """What selling a unit of a bond brings."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = with_buffer(chain)
        marked(life)
        with serving(World(chain, life, folder).save()) as service:
            yield "LiquidityRow", service.of("/liquidity")["items"][0]


def of_a_vehicle(folder: Path) -> Iterator[tuple[str, Any]]:
    """A pool of loans after three periods, in the last of which one did not pay."""
    with vehicle_chain(POOL) as chain, serving(pool_world(chain, folder, 3)) as service:
        for model, name in LISTS_OF_A_VEHICLE.items():
            yield model, service.of(f"/{name}")["items"][0]


LISTS_OF_A_VEHICLE = {
    "LineRow": "lines",
    "TrancheRow": "tranches",
    "WaterfallRow": "waterfall",
    "IncomeRow": "income",
    "CovenantRow": "covenants",
    "CreditRow": "credits",
}


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
        *demonstration(tmp_path / "demonstration"),  # first: its nonce is the one that is signed
        *book(redeemed),
        *measured(tmp_path / "measured"),
        *ended_early(tmp_path / "swap"),
        *traded(tmp_path / "desk"),
        *of_a_vehicle(tmp_path / "pool"),
        *sold_by_a_book(tmp_path / "book"),
        *accounted_for(tmp_path / "works"),
        *sold_back(tmp_path / "put"),
        *handed_on(tmp_path / "office"),
        *with_a_buffer(tmp_path / "buffer"),
        *with_consents(tmp_path / "consents"),
        *captured(redeemed, id=redeemed.world.id),
        *captured(wind, id=wind.world.id),
    ):
        found.setdefault(name, value)
    if os.environ.get(RENEW):
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    now = json.loads(FILE.read_text())
    assert now.keys() == found.keys()
    for name, value in found.items():
        assert shape(now[name]) == shape(value), name

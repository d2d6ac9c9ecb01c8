"""The world of the API's tests: a real chain with a deal at a chosen stage, its files, and the service over
it.

with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain, serving(bond_world(chain, folder, "active")) as
service: service.get("/v1/deployments").json()

Bonds are the small DC Water bond of tests/chain/bond_life.py, swaps those of swap_life.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.services import Services
from api.settings import Limits, Settings
from chain.deploy import NODE_KEYS
from chain.network import LocalChain, local_account, reach_time
from chain.records import DeploymentRecord
from chain.sender import Sender
from finance.settlement.terms import settlement_terms
from finance.terms import Deal
from oracle.local import LOCAL_RELAY, prepare_nodes
from oracle.node_config import write_secret
from oracle.processes import RunningNode, run_nodes
from oracle.relay import run_relay
from scripts.serve.folders import write_identity
from tests.chain.bond_life import (
    BEFORE_THE_OFFERING,
    COUPON_DATES,
    THOUSAND,
    Life,
    at,
    small_deal,
)
from tests.chain.swap_life import BEFORE, SwapLife, project_life, rain_life

__all__ = [
    "BEFORE",
    "BEFORE_THE_OFFERING",
    "STAGES",
    "Service",
    "World",
    "bond_world",
    "serving",
    "swap_world",
]

ORIGIN = "http://127.0.0.1"
KPI = "runoff-reduction"
MEASURED = at("2021-01-10")
"""Ten days after the end of the bond's measurement year."""
UNLIMITED = Limits(per_second=0)
LIE = 0.15
LIARS, HONEST, SILENT = (0, 1), 2, 3
"""Nodes of the `captured` world: two that lie alike, so that their median is what counts."""


@dataclass
class World:
    """A deal on a chain and its files in `data`. `life` acts on it (a bond's or a swap's)."""

    chain: LocalChain
    life: Any
    data: Path
    urls: dict[str, list[str]] = field(default_factory=dict)

    @property
    def record(self) -> DeploymentRecord:
        return self.life.record

    @property
    def deal(self) -> Deal:
        return self.life.deal

    @property
    def id(self) -> str:
        return f"{self.deal.id}-{self.deal.terms_hash[2:10]}"

    @property
    def folder(self) -> Path:
        """Where the service looks for this deployment."""
        return self.data / self.id

    def save(self, nodes: Mapping[str, Sequence[str]] | None = None) -> World:
        """Write what the service reads: the record, and where nodes listen, {kpi: urls}."""
        self.record.save(self.folder / "deployment.json")
        self.urls = {kpi: list(urls) for kpi, urls in (nodes or {}).items()}
        (self.folder / "nodes.json").write_text(json.dumps(self.urls))
        key = self.data / "relay-key"
        if not key.exists():
            write_secret(key, LOCAL_RELAY.key.hex())
        write_identity(self.folder, key)
        return self

    def settings(self, **changes: Any) -> Settings:
        """The service over this world; SQLite in its folder unless changed."""
        given: dict[str, Any] = {
            "network": self.chain.url,
            "database": f"sqlite:///{self.data / 'penstock.sqlite'}",
            "data": self.data,
            "origin": ORIGIN,
            "hosts": ("testserver",),
            "limits": UNLIMITED,
        }
        return Settings(**{**given, **changes})

    def relay(self, kpi: str, period: int, urls: Sequence[str], **options: Any) -> dict[str, Any]:
        """One relay round of real nodes; its files lie where the service finds them."""
        sender = Sender(self.chain.w3, self.chain.accounts[14])
        out = self.folder / kpi
        return run_relay(
            sender,
            self.record.addresses["oracle"],
            self.record.feeds[kpi],
            period,
            urls,
            out,
            key=LOCAL_RELAY,
            **options,
        )


def _offered(life: Life) -> None:
    life.sell(a=4)
    life.verify(life.b)
    life.verify(life.c)


def _active(life: Life) -> None:
    life.sell(a=4, b=3)
    life.verify(life.c)
    life.settle()
    life.fund(20 * THOUSAND)
    for date in COUPON_DATES[:2]:
        life.coupon(date)
    life.send(life.a, life.token.transfer(life.c, 1))
    life.claim(life.a)


def _measured(life: Life) -> None:
    _active(life)
    for date in COUPON_DATES[2:8]:
        life.coupon(date)
    reward = settlement_terms(life.deal).feeds[0].challenge_reward
    life.send(life.deployer, life.currency.mint(life.issuer, reward))
    life.send(life.issuer, life.currency.approve(life.record.addresses["oracle"], reward))
    life.send(life.issuer, life.oracle.fundRewards(life.record.feeds[KPI], reward))
    reach_time(life.w3, MEASURED)


def _redeemed(life: Life) -> None:
    _measured(life)
    life.report(420_000, "2021-01-11")
    life.coupon(COUPON_DATES[8])
    life.mature()
    life.claim(life.c)
    life.send(life.deployer, life.bond.returnSurplus())


STAGES = {
    "deployed": None,
    "offered": _offered,
    "active": _active,
    "measured": _measured,
    "redeemed": _redeemed,
}
"""deployed: nothing sold; offered: A has 4 of 10 units and the offering is open; active: A 3, B 3, C 1 after
two coupons; measured: eight coupons paid, the measurement year over, rewards funded, no report yet;
redeemed: the target exceeded (0.42), everything paid, the surplus returned."""


def bond_world(chain: LocalChain, data: Path, stage: str) -> World:
    """The small bond at a stage; the chain must have started at BEFORE_THE_OFFERING."""
    life = Life(chain, small_deal())
    if (live := STAGES[stage]) is not None:
        live(life)
    return World(chain, life, data).save()


def swap_world(chain: LocalChain, data: Path, deal: str = "bloom-wind-prs") -> World:
    """A small swap that has lived its whole life; the chain must have started at BEFORE[deal]."""
    life: SwapLife = project_life(chain) if deal == "bloom-wind-prs" else rain_life(chain)
    return World(chain, life, data).save()


@contextmanager
def bond_nodes(
    rpc: str, folder: Path, deal: Deal, faults: Mapping[int, Mapping[str, Any]] | None = None
) -> Iterator[list[RunningNode]]:
    """The nodes of the bond's feed as processes that simulate the published outcome, with the keys that sign
    on a local chain. `faults` by position, such as {0: {"lie": 0.15}}. They take some seconds to start."""
    terms = settlement_terms(deal).feeds[0]
    keys = [bytes(local_account(NODE_KEYS + index).key) for index in range(terms.nodes)]
    files = prepare_nodes(folder, terms, deal=deal, faults=faults, keys=keys, rpc=rpc, scenario="published")
    with run_nodes(files) as nodes:
        yield nodes


# -- the service


@dataclass
class Service:
    """The app over a world, its services, and an HTTP client that speaks to it."""

    world: World
    app: FastAPI
    client: TestClient

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(path, **options)

    def of(self, path: str = "", **options: Any) -> Any:
        """GET /v1/deployments/{id of the world}PATH, which must succeed; its JSON."""
        answer = self.get(f"/v1/deployments/{self.world.id}{path}", **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def catch_up(self, seconds: float = 20) -> None:
        """Wait until the index is at the chain's head."""
        until_read(self.app, self.world, seconds)


def until_read(app: FastAPI, world: World, seconds: float = 60) -> None:
    """Wait until the app's index has read all that the world's chain has of its deal."""
    index, head = app.state.services.index, world.chain.w3.eth.block_number

    def level() -> bool:
        found = index.head()
        return found is not None and found.block >= head and not found.behind and bool(index.deployments())

    _until(level, seconds)


def _until(ready: Any, seconds: float) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not there after {seconds:g} s")
        time.sleep(0.02)


@contextmanager
def serving(world: World, demo: Any = None, **changes: Any) -> Iterator[Service]:
    """The whole service over a world, started as in earnest (follower, stream, node watch), index caught up.
    `changes` are those of Settings."""
    from api.app import build

    app = build(world.settings(**changes), demo)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        service = Service(world, app, client)
        service.catch_up()
        yield service

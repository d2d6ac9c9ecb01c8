"""Fixtures for brownie's pytest: `brownie test` or `make test-contracts`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import build  # noqa: E402


@pytest.fixture(scope="module")
def parties(accounts):
    names = ["deployer", "issuer", "agent", "investor", "other", "third", "stranger", "relay"]
    return SimpleNamespace(**dict(zip(names, accounts, strict=False)))


@pytest.fixture(scope="module")
def base(
    parties, IdentityRegistry, KpiOracle, SecurityToken, KpiBond, Offering, DealFactory, TestCurrency, chain
):
    """The shared contracts, three verified investors with money."""
    by = {"from": parties.deployer}
    currency = TestCurrency.deploy("Test dollar", "TUSD", 6, by)
    registry = IdentityRegistry.deploy(parties.deployer, by)
    oracle = KpiOracle.deploy(by)
    implementations = [c.deploy(by) for c in (SecurityToken, KpiBond, Offering)]
    factory = DealFactory.deploy(*implementations, oracle, by)
    expiry = now(chain) + 20 * 365 * build.DAY
    for account in (parties.investor, parties.other, parties.third):
        registry.setIdentity(account, (expiry, build.USA, build.RETAIL), by)
        currency.mint(account, 10**6 * build.MILLION, by)
    currency.mint(parties.issuer, 10**6 * build.MILLION, by)
    return SimpleNamespace(
        currency=currency,
        registry=registry,
        oracle=oracle,
        factory=factory,
        implementations=implementations,
        expiry=expiry,
    )


@pytest.fixture(scope="module")
def launch(parties, base, chain, SecurityToken, KpiBond, Offering):
    """launch(**overrides) deploys a deal through the factory; launch.sell() sells and settles it."""

    def deploy(oracle_overrides=None, units=100, **overrides):
        plan = build.Plan(
            now=now(chain),
            currency=base.currency.address,
            registry=base.registry.address,
            issuer=parties.issuer.address,
            agent=parties.agent.address,
            units=units,
            overrides=overrides,
            oracle_overrides=oracle_overrides or {},
        )
        abi = next(f for f in base.factory.abi if f.get("name") == "deploy")
        terms = build.tuple_of(abi["inputs"][0]["components"], plan.terms())
        tx = base.factory.deploy(terms, {"from": parties.deployer})
        event = tx.events["DealDeployed"]
        deal = SimpleNamespace(
            plan=plan,
            tx=tx,
            feed=event["feed"],
            token=SecurityToken.at(event["token"]),
            bond=KpiBond.at(event["bond"]),
            offering=Offering.at(event["offering"]),
            oracle=base.oracle,
            currency=base.currency,
        )
        for account in (parties.investor, parties.other, parties.third):
            base.currency.approve(deal.offering, 2**256 - 1, {"from": account})
        base.currency.approve(deal.bond, 2**256 - 1, {"from": parties.issuer})
        return deal

    def sell(deal, **holdings):
        """holdings: units by party name; sold in the window, then settled after it."""
        warp(chain, deal.plan.opens)
        for name, units in (holdings or {"investor": 60, "other": 40}).items():
            deal.offering.subscribe(units, {"from": getattr(parties, name)})
        warp(chain, deal.plan.closes)
        deal.offering.settle({"from": parties.stranger})
        return deal

    deploy.sell = sell
    return deploy


@pytest.fixture(scope="module")
def live(launch):
    """A sold and active bond: investor 60 units, other 40."""
    return launch.sell(launch())


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """Each test starts from the state the module's fixtures left."""


@pytest.fixture(scope="module")
def report(parties, chain):
    """report(deal, values, nodes) submits a signed report as the relay."""

    def make(deal, values, nodes=(0, 1, 2), **changes):
        at = changes.pop("at", None) or max(now(chain), deal.plan.period_end)
        pairs = sorted(zip(values, nodes, strict=True))
        return [
            build.observation(
                deal.feed, value, node, at=at, chain_id=chain.id, oracle=deal.oracle.address, **changes
            )
            for value, node in pairs
        ]

    def send(deal, values, nodes=(0, 1, 2), **changes):
        return deal.oracle.submit(
            deal.feed,
            changes.get("period", 0),
            make(deal, values, nodes, **changes),
            {"from": parties.relay},
        )

    send.sign = make
    return send


@pytest.fixture(scope="module")
def errors():
    """errors(contract, "Name", *args): the revert text brownie shows for a custom error with these arguments."""
    from eth_abi import encode
    from eth_utils import keccak

    def selector(contract, name, *args):
        entry = next(e for e in contract.abi if e.get("type") == "error" and e["name"] == name)
        types = [i["type"] for i in entry["inputs"]]
        return "0x" + (keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, args)).hex()

    return selector


def now(chain) -> int:
    return chain[-1].timestamp


def warp(chain, timestamp):
    """Mine a block at a time, or just after the last one if that is later.

    Plain RPC, because brownie 1.22.2's chain.mine(timestamp=...) is refused by Anvil.
    """
    from brownie import web3

    for method, args in (("evm_setNextBlockTimestamp", [max(timestamp, now(chain) + 1)]), ("evm_mine", [])):
        answer = web3.provider.make_request(method, args)
        assert "error" not in answer, answer

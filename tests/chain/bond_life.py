"""A small KPI bond whose numbers do not divide evenly, and a life that tests can script for it.

Seven of ten units of 1,000 are sold and the coupon is 3.33333333 % a year, half-yearly, so every coupon
leaves dust; the outcome payment is +-3,300 for the full ten units.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import Web3

from chain.bindings import contract, read
from chain.deploy import deploy_deal, deploy_infrastructure, local_keys
from chain.network import LocalChain, reach_time, start_anvil, start_ganache
from chain.records import DeploymentRecord
from chain.sender import GasLog, Sender
from finance.terms import Deal, parse_deal
from finance.terms.reader import read_deal_yaml

ROOT = Path(__file__).resolve().parents[2]
DC_WATER = ROOT / "deals" / "dc-water-eib-2016.yaml"
USA, INSTITUTIONAL = 840, 3
CLIENTS = {"anvil": start_anvil, "ganache": start_ganache}
THOUSAND = 1_000_000_000  # one unit: 1,000 with six decimals


def at(text: str) -> int:
    """Unix seconds of a UTC date."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


BEFORE_THE_OFFERING = at("2016-09-15")


def small_tree() -> dict[str, Any]:
    """The DC Water deal file, small and uneven."""
    tree = read_deal_yaml(DC_WATER)
    claim = tree["parts"]["bond"]
    claim["principal"]["value"] = 10_000
    claim["coupon"]["rate"]["value"] = Decimal("0.0333333333")
    for tier in claim["outcome_payment"]["tiers"]:
        tier["amount"]["value"] = tier["amount"]["value"] // 1000
    tree["parts"]["offering"]["soft_cap"]["value"] = 7_000
    tree["parts"]["offering"]["hard_cap"]["value"] = 10_000
    return tree


def small_deal() -> Deal:
    return parse_deal(small_tree())


def signed_report(record: DeploymentRecord, oracle: Any, kpi: str, period: int, value: int, seen: int) -> Any:
    """The call that brings a report which all nodes of a KPI's feed have signed; `oracle`: its functions."""
    feed, keys, evidence = record.feeds[kpi], local_keys(record.wallets), "0x" + "ab" * 32
    observations = []
    for index, node in enumerate(read(oracle.configOf(feed))["signers"]):
        digest = read(oracle.observationDigest(feed, period, 0, value, seen, evidence))
        signed = Account.unsafe_sign_hash(digest, keys[node].key)
        observations.append(
            {
                "value": value,
                "observedAt": seen,
                "signer": index,
                "evidence": evidence,
                "r": "0x" + signed.r.to_bytes(32, "big").hex(),
                # EIP-2098: the parity of y in the highest bit of s
                "vs": "0x" + (signed.s | (signed.v - 27) << 255).to_bytes(32, "big").hex(),
            }
        )
    return oracle.submit(feed, period, 0, observations)


class Life:
    """Actions on a deployed bond. `a`, `b`, `c` are investors; each action is sent by one who may."""

    def __init__(self, chain: LocalChain, deal: Deal, currency: str | None = None) -> None:
        self.w3: Web3 = chain.w3
        self.deal = deal
        self.gas = GasLog()
        self.deployer, self.issuer = chain.accounts[0], chain.accounts[1]
        self.a, self.b, self.c = chain.accounts[3:6]
        shared = deploy_infrastructure(self.w3, self.deployer, currency=currency, gas=self.gas)
        self.record: DeploymentRecord = deploy_deal(self.w3, self.deployer, deal, shared, gas=self.gas)
        at_ = self.record.addresses
        self.token = contract(self.w3, "SecurityToken", at_["token"]).functions
        self.bond = contract(self.w3, "KpiBond", at_["bond"]).functions
        self.offering = contract(self.w3, "Offering", at_["offering"]).functions
        self.oracle = contract(self.w3, "KpiOracle", at_["oracle"]).functions
        self.registry = contract(self.w3, "IdentityRegistry", at_["registry"]).functions
        self.currency = contract(self.w3, "TestCurrency", at_["currency"]).functions

    def send(self, who: str, function: Any) -> Any:
        return Sender(self.w3, who, self.gas).send(function)

    def sell(self, **units: int) -> None:
        """Verify investors, give them money and let them subscribe: sell(a=4, b=3)."""
        for name, count in units.items():
            who = getattr(self, name)
            self.verify(who)
            self.send(self.deployer, self.currency.mint(who, count * THOUSAND))
            self.send(who, self.currency.approve(self.record.addresses["offering"], count * THOUSAND))
            self.send(who, self.offering.subscribe(count))

    def verify(self, who: str) -> None:
        identity = {"expiry": at("2040-01-01"), "country": USA, "investorClass": INSTITUTIONAL}
        self.send(self.deployer, self.registry.setIdentity(who, identity))

    def settle(self) -> None:
        reach_time(self.w3, at("2016-09-29"))
        self.send(self.deployer, self.offering.settle())

    def fund(self, amount: int) -> None:
        self.send(self.deployer, self.currency.mint(self.issuer, amount))
        self.send(self.issuer, self.currency.approve(self.record.addresses["bond"], amount))
        self.send(self.issuer, self.bond.fund(amount))

    def coupon(self, date: str) -> None:
        reach_time(self.w3, at(date))
        self.send(self.c, self.bond.payCoupon())

    def claim(self, who: str) -> None:
        self.send(self.deployer, self.token.claim(who))

    def report(
        self, value: int, date: str = "2021-01-10", kpi: str = "runoff-reduction", period: int = 0
    ) -> None:
        """All nodes of the KPI's feed sign the same value; anyone brings it."""
        reach_time(self.w3, at(date))
        self.send(self.c, signed_report(self.record, self.oracle, kpi, period, value, at(date) - 60))

    def mature(self) -> None:
        """The outcome fixed and the redemption paid, at maturity."""
        reach_time(self.w3, at("2021-04-01"))
        self.send(self.c, self.bond.fix(0))
        self.send(self.c, self.bond.redeem())


COUPON_DATES = [f"{year}-{day}" for year in range(2017, 2022) for day in ("04-01", "10-01")][:9]


def whole_life(chain: LocalChain, value: int | None) -> Life:
    """Sale to redemption. A holds 4 units and gives C 1 after coupon 2; B holds 3 and gives all to C after
    coupon 5; A claims once on the way, C at the end, B never. `value` None: nobody reports."""
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    life.verify(life.c)
    life.settle()
    life.fund(20 * THOUSAND)
    for number, date in enumerate(COUPON_DATES, start=1):
        if number == 9 and value is not None:
            life.report(value)
        life.coupon(date)
        if number == 2:
            life.send(life.a, life.token.transfer(life.c, 1))
            life.claim(life.a)
        if number == 5:
            life.send(life.b, life.token.transfer(life.c, 3))
    life.mature()
    life.claim(life.c)
    life.send(life.deployer, life.bond.returnSurplus())
    return life

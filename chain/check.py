"""What runs on a chain is what the deal says: compared field by field, read from the contracts themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from web3 import Web3

from chain.bindings import contract, ordered, read, type_of
from chain.errors import NetworkError
from chain.records import DeploymentRecord, RecordFile
from chain.terms import DATA_CONTROLLERS, feed_configs, fixings, holding_policy, periods
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import Deal


@dataclass(frozen=True)
class Difference:
    """A field of a contract that is not what the deal or the record says; values as text."""

    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.field}: the deal says {self.expected}, the chain says {self.actual}"


def require_chain(w3: Web3, record: RecordFile) -> None:
    """Raise NetworkError unless `w3` is the chain of a record: same id, and the deal's own contract."""
    if w3.eth.chain_id != record.chain_id:
        raise NetworkError(f"the chain has id {w3.eth.chain_id}, the deployment is on {record.chain_id}")
    if not w3.eth.get_code(Web3.to_checksum_address(record.own)):
        raise NetworkError(
            f"no contract at {record.own}: this is not the chain the deal was deployed to "
            f"(block {record.block}), or it has been restarted"
        )


def check_deployment(w3: Web3, record: DeploymentRecord, deal: Deal | None = None) -> list[Difference]:
    """Every difference between the deployed contracts and `deal` (default: the one in the record).

    Compares the record's own terms with its hash, the hash on chain, holding policy, wiring of token, bond,
    offering and feeds, bond terms, offering terms and feed configurations. An empty list means: what
    investors bought is what runs. Raises NetworkError if it is another chain, ChainError if a contract does
    not answer.
    """
    require_chain(w3, record)
    deal = deal or record.load_deal()
    terms = settlement_terms(deal)
    differences: list[Difference] = []
    for label, expected, actual in _comparisons(w3, record, terms):
        differences += differ(label, expected, actual)
    return differences


def _comparisons(
    w3: Web3, record: DeploymentRecord, terms: SettlementTerms
) -> Iterator[tuple[str, Any, Any]]:
    at = record.addresses
    token = contract(w3, "SecurityToken", at.token)
    offering = contract(w3, "Offering", at.offering)
    oracle = contract(w3, "KpiOracle", at.oracle)

    yield "record.terms_hash", terms.terms_hash, record.terms_hash
    yield "token.documentHash", terms.terms_hash, read(token.functions.documentHash())
    yield "token.name", terms.name, read(token.functions.name())
    yield "token.symbol", terms.symbol, read(token.functions.symbol())
    yield "token.minter", at.offering, read(token.functions.minter())
    yield "token.servicer", at.bond, read(token.functions.servicer())
    yield "token.anchors", _anchors(record, terms), read(token.functions.anchors())
    bond = contract(w3, "KpiBond", at.bond)
    yield "bond.terms", _bond(record, terms), read(bond.functions.terms())
    yield "offering.terms", _offering(record, terms), read(offering.functions.terms())
    yield "record.feeds", [feed.kpi for feed in terms.feeds], list(record.feeds)
    configs = feed_configs(terms, at.currency, record.wallets, terms.terms_hash, [at.bond])
    for (kpi, feed), config in zip(record.feeds.items(), configs, strict=False):
        yield f"feeds.{kpi}", config, read(oracle.functions.configOf(feed))
        yield f"feeds.{kpi}.id", feed, feed_id(config, oracle)
    known = read(
        contract(w3, "DealFactory", at.factory).functions.dealOf(record.wallets.deployer, terms.terms_hash)
    )
    wired = {
        "token": at.token,
        "bond": at.bond,
        "offering": at.offering,
        "feeds": list(record.feeds.values()),
    }
    yield "factory.dealOf", wired, known


def feed_id(config: dict[str, Any], oracle: Any) -> str:
    """The feed's id as the oracle computes it: keccak256 of the ABI-encoded FeedConfig."""

    entry = next(f for f in oracle.abi if f.get("name") == "createFeed")["inputs"][0]
    return "0x" + bytes(Web3.keccak(encode([type_of(entry)], [ordered(entry, config)]))).hex()


def _anchors(record: DeploymentRecord, terms: SettlementTerms) -> dict[str, Any]:
    return {
        "currency": record.addresses.currency,
        "registry": record.addresses.registry,
        "agent": record.wallets.agent,
        "policy": holding_policy(terms),
        "termsHash": terms.terms_hash,
    }


def _bond(record: DeploymentRecord, terms: SettlementTerms) -> dict[str, Any]:
    at = record.addresses
    return {
        "token": at.token,
        "currency": at.currency,
        "issuer": record.wallets.issuer,
        "offering": at.offering,
        "oracle": at.oracle,
        "gracePeriod": terms.grace_seconds,
        "curePeriod": terms.cure_seconds,
        "dataController": DATA_CONTROLLERS[terms.data_controller],
        "unitPrincipal": terms.unit_principal,
        "authorisedUnits": terms.hard_cap,
        "rate": terms.rate,
        "lateRate": terms.late_rate,
        "periods": periods(terms),
        "fixings": fixings(terms, _feeds(record, terms)),
    }


def _feeds(record: DeploymentRecord, terms: SettlementTerms) -> list[str]:
    """The recorded id of each feed of the terms; where there is none, words that differ from any."""
    return [record.feeds.get(feed.kpi, f"no feed for {feed.kpi}") for feed in terms.feeds]


def _offering(record: DeploymentRecord, terms: SettlementTerms) -> dict[str, Any]:
    at = record.addresses
    return {
        "token": at.token,
        "servicer": at.bond,
        "currency": at.currency,
        "issuer": record.wallets.issuer,
        "unitPrice": terms.unit_price,
        "softCap": terms.soft_cap,
        "hardCap": terms.hard_cap,
        "opens": terms.opens,
        "closes": terms.closes,
        "parties": record.wallets.parties,
    }


def differ(label: str, expected: Any, actual: Any) -> Iterator[Difference]:
    """Differences leaf by leaf; a field that only one side has counts as one."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in dict.fromkeys([*expected, *actual]):
            yield from differ(f"{label}.{key}", expected.get(key, "(none)"), actual.get(key, "(none)"))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differ(f"{label}[{index}]", one, other)
    elif expected != actual:
        yield Difference(label, str(expected), str(actual))

"""What runs on a chain is what the swap deal says: compared field by field, read from the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from web3 import Web3

from chain.bindings import contract, read
from chain.check import Difference, differ, feed_id, require_chain
from chain.swap.records import ProjectAddresses, SwapRecord
from chain.swap.terms import ZERO_ADDRESS, feeds, payment, policy, treasury_periods
from chain.terms import ZERO_HASH, holding_policy
from finance.settlement.swap_terms import ProjectTerms, SwapTerms, swap_terms
from finance.terms import Deal

Comparison = tuple[str, Any, Any]
"""What is compared, what the deal says, what the chain says."""


def check_swap_deployment(w3: Web3, record: SwapRecord, deal: Deal | None = None) -> list[Difference]:
    """Every difference between the deployed contracts and `deal` (default: the one in the record).

    Compares the record's own terms with its hash, the hash on chain, the swap's terms, its feeds, and for a
    project the wiring of token, treasury and offering, their terms and the holding policy. An empty list
    means: what was agreed is what runs. Raises NetworkError if it is another chain, ChainError if a contract
    does not answer.
    """
    require_chain(w3, record)
    terms = swap_terms(deal or record.load_deal())
    return [
        difference
        for label, expected, actual in _comparisons(w3, record, terms)
        for difference in differ(label, expected, actual)
    ]


def _comparisons(w3: Web3, record: SwapRecord, terms: SwapTerms) -> Iterator[Comparison]:
    at = record.addresses
    project = record.project
    yield "record.terms_hash", terms.terms_hash, record.terms_hash
    yield "record.feeds", [feed.kpi for feed in feeds(terms)], list(record.feeds)
    yield "record.treasury", terms.project is not None, project is not None
    yield from _factory(w3, record)
    swap = read(contract(w3, "KpiPayment", at.swap).functions.terms())
    yield "swap.terms", _payment(record, terms), swap
    # As the swap names them, so that a feed that the record invents is a difference and no unknown feed.
    for feed, field in zip(feeds(terms), ("feed", "valueFeed"), strict=False):
        yield from _feed(w3, record, terms, feed.kpi, swap[field])
    if terms.project is not None and project is not None:
        yield from _project(w3, record, project, terms, terms.project)


def _factory(w3: Web3, record: SwapRecord) -> Iterator[Comparison]:
    at, ids = record.addresses, [*record.feeds.values(), ZERO_HASH, ZERO_HASH]
    wired = {
        "token": at.token or ZERO_ADDRESS,
        "treasury": at.treasury or ZERO_ADDRESS,
        "offering": at.offering or ZERO_ADDRESS,
        "swap": at.swap,
        "feed": ids[0],
        "valueFeed": ids[1],
    }
    factory = contract(w3, "SwapFactory", at.factory)
    # The only place where a swap between two parties carries the terms hash outside its feeds.
    yield (
        "factory.dealOf",
        wired,
        read(factory.functions.dealOf(record.wallets.deployer, record.terms_hash)),
    )


def _payment(record: SwapRecord, terms: SwapTerms) -> dict[str, Any]:
    ids = [*record.feeds.values(), ZERO_HASH, ZERO_HASH]
    payer, payee = record.parties
    return {
        **payment(terms, record.addresses.currency, payer, payee),
        "oracle": record.addresses.oracle,
        "feed": ids[0],
        "valueFeed": ids[1],
    }


def _feed(w3: Web3, record: SwapRecord, terms: SwapTerms, kpi: str, feed: str) -> Iterator[Comparison]:
    oracle = contract(w3, "KpiOracle", record.addresses.oracle)
    wanted = next(item for item in feeds(terms) if item.kpi == kpi)
    at = record.addresses
    config = policy(wanted, at.currency, record.wallets, terms.terms_hash, [at.swap])
    yield f"feed {kpi}", config, read(oracle.functions.configOf(feed))
    yield f"feed {kpi}.id", record.feeds.get(kpi, ZERO_HASH), feed_id(config, oracle)


def _project(
    w3: Web3, record: SwapRecord, at: ProjectAddresses, terms: SwapTerms, project: ProjectTerms
) -> Iterator[Comparison]:
    token = contract(w3, "SecurityToken", at.token).functions
    yield "token.documentHash", terms.terms_hash, read(token.documentHash())
    yield "token.name", project.name, read(token.name())
    yield "token.symbol", project.symbol, read(token.symbol())
    yield "token.minter", at.offering, read(token.minter())
    yield "token.servicer", at.treasury, read(token.servicer())
    anchors = {
        "registry": at.registry,
        "policy": holding_policy(project),
        "currency": record.addresses.currency,
        "agent": record.wallets.agent,
        "termsHash": terms.terms_hash,
    }
    yield "token.anchors", anchors, read(token.anchors())
    treasury = contract(w3, "RevenueTreasury", at.treasury).functions
    yield "treasury.terms", _treasury(record, at, project), read(treasury.terms())
    offering = contract(w3, "Offering", at.offering).functions
    yield "offering.terms", _offering(record, at, project), read(offering.terms())


def _treasury(record: SwapRecord, at: ProjectAddresses, project: ProjectTerms) -> dict[str, Any]:
    return {
        "token": at.token,
        "currency": record.addresses.currency,
        "offering": at.offering,
        "swap": record.addresses.swap,
        "operator": record.wallets.operator,
        "lender": record.wallets.lender,
        "periods": treasury_periods(project),
    }


def _offering(record: SwapRecord, at: ProjectAddresses, project: ProjectTerms) -> dict[str, Any]:
    return {
        "token": at.token,
        "servicer": at.treasury,
        "currency": record.addresses.currency,
        "issuer": record.wallets.issuer,
        "unitPrice": project.unit_price,
        "softCap": project.soft_cap,
        "hardCap": project.hard_cap,
        "opens": project.opens,
        "closes": project.closes,
        "parties": record.wallets.parties,
    }

"""The books of a deployed swap deal's parts, as they were when it was deployed."""

from __future__ import annotations

from typing import Any

from chain.swap.records import SwapRecord
from chain.swap.terms import feeds, policy
from chain.world import Admitted
from finance.settlement import treasury
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.feed_config import FeedConfig
from finance.settlement.identity_registry import HoldingPolicy
from finance.settlement.offering import OfferingBooks, OfferingTerms
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks, PaymentParts
from finance.settlement.swap_terms import ProjectTerms, SwapTerms
from finance.settlement.treasury_books import TreasuryBooks, TreasuryParts
from finance.settlement.world import World


def swap_world(record: SwapRecord, terms: SwapTerms) -> World:
    """The parts of a deal by their roles in its record, nothing having happened yet."""
    at = record.addresses
    addresses = {role: address for role, address in at.model_dump().items() if address}
    del addresses["factory"]
    parts: dict[str, Any] = {}
    if terms.project is not None:
        parts |= _project(record, terms.project)
    payer, payee = record.parties
    ids = [*record.feeds.values(), None]
    joint = PaymentParts(payer, payee, str(ids[0]), ids[1], terms.project is not None)
    parts["swap"] = PaymentBooks(terms.payment, joint)
    configs = [
        FeedConfig.of(policy(feed, at.currency, record.wallets, record.terms_hash, [at.swap]))
        for feed in feeds(terms)
    ]
    parts["oracle"] = FeedBooks({config.id: config for config in configs})
    return World(parts, addresses)


def _project(record: SwapRecord, project: ProjectTerms) -> dict[str, Any]:
    wallets = record.wallets
    assert wallets.issuer
    assert wallets.operator
    assert wallets.lender
    assert wallets.agent
    sale = OfferingTerms(
        issuer=wallets.issuer,
        unit_price=project.unit_price,
        soft_cap=project.soft_cap,
        hard_cap=project.hard_cap,
        opens=project.opens,
        closes=project.closes,
        parties=tuple(party for party in wallets.parties if party),
        servicer="treasury",
    )
    periods = tuple(treasury.Period(p.pay_date, p.operating_cost, p.debt_service) for p in project.periods)
    policy = HoldingPolicy(project.allowed_classes, project.blocked_countries)
    return {
        "registry": Admitted(frozenset()),
        "token": TokenBooks(TokenTerms(wallets.agent, policy, servicer="treasury")),
        "offering": OfferingBooks(sale),
        "treasury": TreasuryBooks(TreasuryParts(periods, wallets.operator, wallets.lender)),
    }

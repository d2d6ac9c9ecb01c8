"""The books of a deployed bond's parts, as they were when it was deployed."""

from __future__ import annotations

from chain.records import DeploymentRecord
from chain.terms import feed_configs
from finance.settlement.bond_books import BondBooks, BondParts
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.feed_config import FeedConfig
from finance.settlement.identity_registry import HoldingPolicy, RegistryBooks
from finance.settlement.offering import OfferingBooks, OfferingTerms
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.terms import SettlementTerms
from finance.settlement.world import World


class Admitted(RegistryBooks):
    """A registry that serves other deals too, and whose log is not read: whoever holds was admitted."""

    def is_eligible(self, account: str, policy: HoldingPolicy, at: int) -> bool:
        return True


def bond_world(record: DeploymentRecord, terms: SettlementTerms) -> World:
    """The parts of a deal by their roles in its record, nothing having happened yet."""
    at, wallets = record.addresses, record.wallets
    sale = OfferingTerms(
        issuer=wallets.issuer,
        unit_price=terms.unit_price,
        soft_cap=terms.soft_cap,
        hard_cap=terms.hard_cap,
        opens=terms.opens,
        closes=terms.closes,
        parties=tuple(wallets.parties),
    )
    policy = HoldingPolicy(terms.allowed_classes, terms.blocked_countries)
    configs = [
        FeedConfig.of(config)
        for config in feed_configs(terms, at.currency, wallets, record.terms_hash, [at.bond])
    ]
    parts = {
        "registry": Admitted(frozenset()),
        "token": TokenBooks(TokenTerms(wallets.agent, policy)),
        "offering": OfferingBooks(sale),
        "bond": BondBooks.offered(terms, BondParts(wallets.issuer, tuple(each.id for each in configs))),
        "oracle": FeedBooks({each.id: each for each in configs}),
    }
    addresses = {role: address for role, address in at.model_dump().items() if role != "factory"}
    return World(parts, addresses)

"""The kinds of claims that deals hold, and what follows for a deal from those of its own: the plan of its
parts, and the books of them. Nothing else in this room asks what kind a deal is. Other packages add
theirs by entry points, after ours (docs/new-instrument.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from chain.plan import Plan, Planned, Seat, Site, feed_config
from chain.records import DeploymentRecord
from finance.registry import Registry
from finance.settlement.claim_token import TokenBooks
from finance.settlement.feed_config import FeedConfig
from finance.settlement.identity_registry import HoldingPolicy, RegistryBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.world import Books, World
from finance.terms import Deal, InputError

PLANS: Final[Registry[Callable[[Deal], Plan]]] = Registry(
    {
        "kpi_bond": "chain.parts.bond:plan",
        "treasury": "chain.parts.treasury:plan",
        "kpi_payment": "chain.parts.payment:plan",
        "spv": "chain.parts.spv:plan",
        "trade_desk": "chain.parts.trade_desk:plan",
        "proceeds": "chain.parts.proceeds:plan",
        "put": "chain.parts.put_right:plan",
        "consent_solicitation": "chain.parts.consent_solicitation:plan",
        "liquidity_buffer": "chain.parts.liquidity_buffer:plan",
        "office": "chain.parts.office:plan",
    },
    "penstock.plans",
)
"""What a group with a part of each kind is on a chain, in the order in which a keeper looks at them."""


def plan_of(deal: Deal) -> Plan:
    """The parts and feeds of a deal, in an order that its terms decide, not their order in a file. Raises
    InputError for one that cannot be deployed."""
    plan = Plan.joined(
        PLANS[kind](group)
        for _, group in sorted(deal.groups.items())
        for kind in PLANS
        if any(part.kind == kind for part in group.parts.values())
    )
    own = {key for key, part in deal.parts.items() if not part.served}
    missing = own - {part.key for part in plan.parts}
    if missing:
        raise InputError(f"{deal.file or deal.id}: parts.{min(missing)}: cannot be deployed")
    return plan


@lru_cache(maxsize=256)
def seats_of(deal: Deal) -> Mapping[str, Seat]:
    """The roles that parts of a deal have in place of wallets."""
    return plan_of(deal).seats


def site_of(record: DeploymentRecord, seats: Mapping[str, Seat]) -> Site:
    """Where a deal is, and who is who, as its record says; `seats` as in its plan."""
    at = {key: part.address for key, part in record.parts.items()}
    return Site(record.terms_hash, at, record.shared, record.wallets.people, record.feeds, seats)


class Admitted(RegistryBooks):
    """A registry that serves other deals too, and whose log is not read: whoever holds was admitted."""

    def is_eligible(self, account: str, policy: HoldingPolicy, at: int) -> bool:
        return True

    def may_refuse(self, account: str, policy: HoldingPolicy, at: int) -> bool:
        return True


def world_of(record: DeploymentRecord, deal: Deal, holders: bool = True) -> World:
    """The books of a deal's parts as they were when it was deployed; of claim tokens without their `holders`
    only the sums, for a log that lacks the movements of units."""
    plan = plan_of(deal)
    site = site_of(record, plan.seats)
    configs = [FeedConfig.of(feed_config(feed, site, record.wallets)) for feed in plan.feeds]

    def books(part: Planned) -> Books:
        made = part.books(site)
        return made.without_holders() if isinstance(made, TokenBooks) and not holders else made

    registry = {"registry": Admitted(frozenset())} if "registry" in record.shared else {}
    feeds = FeedBooks({config.id: config for config in configs})
    feeds.pools.update({record.feeds[kpi]: amount for kpi, amount in record.rewards.items()})
    oracle = {"oracle": feeds} if "oracle" in record.shared else {}
    parts = {**registry, **{part.key: books(part) for part in plan.parts}, **oracle}
    addresses = {name: address for name, address in record.addresses.items() if name != "factory"}
    world = World(parts, addresses)
    for key, amount in record.gifts.items():
        world.money[addresses[key]] += amount
    for amount in record.rewards.values():
        world.money[addresses["oracle"]] += amount
    return world

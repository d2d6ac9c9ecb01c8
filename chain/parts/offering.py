"""Offering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain.parts import sale
from chain.parts.base import PartKind, Rebuilt, Said, Seen, said, turns
from chain.plan import Planned, Site
from chain.reconciliation import Row
from finance.settlement.offering import OfferingBooks
from finance.settlement.world import World
from finance.terms import Deal


def _subscribed(a: Said, _world: World) -> Rebuilt:
    yield a["investor"], "subscribe", {"units": a["units"]}


def _bought(seen: Seen) -> Iterator[Row]:
    yield seen.row("subscription", seen["investor"], seen.both("paid"), units=seen["units"])


# -- as it is deployed


def planned(_deal: Deal, key: str, of: sale.Sale) -> Planned:
    """An offering at one price."""

    def begin(site: Site) -> tuple[Any, ...]:
        return (of.struct(site),)

    def books(site: Site) -> OfferingBooks:
        return OfferingBooks(of.terms(site), key=key)

    return Planned(key, "offering", begin, books, lambda site: {"terms": begin(site)[0]})


KIND = PartKind(
    "Offering",
    {"Subscribed": _subscribed, **sale.ACTS_OF},
    {"Subscribed": _bought, **sale.ROWS},
    sale.standing,
    words={"subscription": "paid for units of the claim token", **sale.WORDS},
    tables={
        "subscriptions": said("Subscribed", holder="investor", units="units", paid="paid"),
        "refunds": said("Refunded", holder="holder", units="units", amount="amount"),
        "turns": turns("OfferingSettled"),
    },
)

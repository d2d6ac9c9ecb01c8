"""The performance bond on a chain: its contract, compiled beside this file, the acts behind its events, and
what they pay whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, said, turns
from chain.plan import Plan, Planned, PlannedFeed, Site
from chain.reconciliation import Check, Row
from finance.settlement.terms import feed_terms, integer
from finance.settlement.world import World
from finance.terms import Deal
from performance_bond.books import PerformanceBondBooks, Terms
from performance_bond.terms import PerformanceBond

ARTIFACT: dict[str, Any] = json.loads(Path(__file__).with_name("PerformanceBond.json").read_text())


def plan(deal: Deal) -> Plan:
    """The performance bonds of a group."""
    made = [_planned(deal, key, bond) for key, bond in deal.having(PerformanceBond).items()]
    return Plan(tuple(part for part, _ in made), tuple(feed for _, feed in made))


def _planned(deal: Deal, key: str, bond: PerformanceBond) -> tuple[Planned, PlannedFeed]:
    feed, payer, payee = (
        feed_terms(deal, bond.kpi),
        deal.wallet_of(key, "payer"),
        deal.wallet_of(key, "payee"),
    )
    amount = integer(bond.amount.value, deal.currency.token_decimals)
    target = integer(bond.target.value, feed.decimals)
    (ends,) = feed.period_ends
    answered = ends + feed.reporting_window + feed.late_window + feed.dispute_window + feed.ruling_window
    to_owner = "data_controller" in deal.parties[bond.payer].roles

    def begin(site: Site) -> tuple[Any, ...]:
        struct = {
            "currency": site.shared["currency"],
            "oracle": site.shared["oracle"],
            "feed": site.feeds[bond.kpi],
            "contractor": site.wallets[payer],
            "owner": site.wallets[payee],
            "amount": amount,
            "target": target,
            "missingToOwner": to_owner,
        }
        return (struct,)

    def books(site: Site) -> PerformanceBondBooks:
        people = site.wallets[payer], site.wallets[payee]
        terms = Terms(site.feeds[bond.kpi], *people, amount, target, to_owner, ends, answered)
        return PerformanceBondBooks(terms, key)

    part = Planned(key, PerformanceBondBooks.KIND, begin, books, lambda site: {"terms": begin(site)[0]})
    return part, PlannedFeed(feed, (key,), payer)


def _posted(a: Said, _world: World) -> Rebuilt:
    yield a["by"], "post", {}


def _waived(a: Said, world: World) -> Rebuilt:
    yield world.books(a.part, PerformanceBondBooks).terms.owner, "waive", {"amount": a["amount"]}


def _settled(_a: Said, _world: World) -> Rebuilt:
    yield "", "settle", {}


def _set_aside(seen: Seen) -> Iterator[Row]:
    yield seen.row("set_aside", seen["by"], seen.both("amount"), 0)


def _given_back(seen: Seen) -> Iterator[Row]:
    contractor = seen.after.books(seen.part, PerformanceBondBooks).terms.contractor
    yield seen.row("given_back", contractor, seen.both("amount"), 0)


def _released(seen: Seen) -> Iterator[Row]:
    yield seen.row("released", seen["to"], seen.both("amount"), 0)


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, PerformanceBondBooks)
    found = Standing(
        state="settled" if books.settled else "posted" if books.posted else "open",
        ended=books.settled or (not books.posted and now.world.at >= books.terms.ends),
        checks=[
            Check(f"{now.part}: {what}", getattr(books, what), now.read(what))
            for what in ("posted", "settled", "waived")
        ],
    )
    if not found.ended:
        found.not_yet.append("the amount is not settled")
    return found


KIND = PartKind(
    "PerformanceBond",
    {"Posted": _posted, "Waived": _waived, "Settled": _settled},
    {"Posted": _set_aside, "Waived": _given_back, "Settled": _released},
    _standing,
    words={
        "set_aside": "set aside by the contractor",
        "given_back": "of what was set aside, as the owner waived it",
        "released": "of what was set aside, by the report",
    },
    tables={"set_aside": said("Posted", by="by", amount="amount"), "turns": turns("Settled")},
)

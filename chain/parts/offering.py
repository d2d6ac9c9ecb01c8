"""Offering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chain.parts.base import Now, PartKind, Seen, Standing, nobodys
from chain.reconciliation import Check, Row
from finance.settlement.claim_token import TokenBooks
from finance.settlement.offering import OfferingBooks, State
from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _subscribed(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["investor"], "subscribe", {"units": a["units"]}


def _settled(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "settle", {}


def _refunded(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["holder"], "refund", {"units": a["units"]}


# -- what it pays


def _bought(seen: Seen) -> Iterator[Row]:
    yield seen.row("subscription", seen["investor"], seen.both("paid"), units=seen["units"])


def _given_back(seen: Seen) -> Iterator[Row]:
    yield seen.row("refund", seen["holder"], seen.both("amount"), units=seen["units"])


def _sold(seen: Seen) -> Iterator[Row]:
    issuer = seen.after.books(seen.part, OfferingBooks).terms.issuer
    yield seen.row("proceeds", issuer, seen.both("proceeds"))


def _standing(now: Now) -> Standing:
    """An issue that has failed ends the deal, which never began."""
    books = now.world.books(now.part, OfferingBooks)
    state = books.state(now.world.at)
    sold, left = books.sold, now.world.books(books.terms.token, TokenBooks).supply
    found = Standing(
        state=state.name.lower().replace("_", " "),
        ended=state in (State.SETTLED, State.FAILED),
        over=state == State.FAILED,
        checks=[Check(f"{now.part}: state", state, now.read("state"))],
        notes=nobodys(now),
    )
    if state == State.FAILED:
        given_back = f"{sold - left:,} of the {sold:,} units sold are given back"
        found.notes.append(f"the issue has failed; {given_back if sold else 'no units were sold'}")
    if not found.ended:
        found.not_yet.append(
            f"the offering is not settled; {sold:,} of {books.terms.hard_cap:,} units are sold"
        )
    return found


WORDS = {
    "subscription": "paid for units of the claim token",
    "refund": "given back after a failed offering",
    "proceeds": "of the offering, to the issuer",
}
ACTS_OF = {"Subscribed": _subscribed, "OfferingSettled": _settled, "Refunded": _refunded}
KIND = PartKind(
    ACTS_OF, {"Subscribed": _bought, "OfferingSettled": _sold, "Refunded": _given_back}, _standing
)

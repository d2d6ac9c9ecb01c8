"""Offering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from chain.network import when
from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, nobodys, said, turns
from chain.plan import Planned, Site
from chain.reconciliation import Check, Row
from finance.settlement.claim_token import TokenBooks
from finance.settlement.offering import OfferingBooks, OfferingTerms, State
from finance.settlement.world import World


def _subscribed(a: Said, _world: World) -> Rebuilt:
    yield a["investor"], "subscribe", {"units": a["units"]}


def _settled(_a: Said, _world: World) -> Rebuilt:
    yield "", "settle", {}


def _refunded(a: Said, _world: World) -> Rebuilt:
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
TABLES = {
    "subscriptions": said("Subscribed", holder="investor", units="units", paid="paid"),
    "refunds": said("Refunded", holder="holder", units="units", amount="amount"),
    "turns": turns("OfferingSettled"),
}
ACTS_OF = {"Subscribed": _subscribed, "OfferingSettled": _settled, "Refunded": _refunded}


# -- as it is deployed


class Sale(Protocol):
    """What a unit costs in minor units, how many there are, and when they can be bought, unix seconds."""

    @property
    def unit_price(self) -> int: ...

    @property
    def soft_cap(self) -> int: ...

    @property
    def hard_cap(self) -> int: ...

    @property
    def opens(self) -> int: ...

    @property
    def closes(self) -> int: ...


def planned(
    key: str, sale: Sale, token: str, servicer: str, issuer: str, parties: tuple[str, ...]
) -> Planned:
    """The sale of a part `token`, which begins the part `servicer`. The wallet called `issuer` gets the
    money; what those called `parties` buy does not count towards the soft cap."""

    def begin(site: Site) -> tuple[Any, ...]:
        terms = {
            "token": site.parts[token],
            "servicer": site.parts[servicer],
            "currency": site.shared["currency"],
            "issuer": site.wallets[issuer],
            "unitPrice": sale.unit_price,
            "softCap": sale.soft_cap,
            "hardCap": sale.hard_cap,
            "opens": sale.opens,
            "closes": sale.closes,
            "parties": [site.wallets[name] for name in parties],
        }
        return (terms,)

    def books(site: Site) -> OfferingBooks:
        terms = OfferingTerms(
            issuer=site.wallets[issuer],
            unit_price=sale.unit_price,
            soft_cap=sale.soft_cap,
            hard_cap=sale.hard_cap,
            opens=sale.opens,
            closes=sale.closes,
            parties=tuple(site.wallets[name] for name in parties),
            token=token,
            servicer=servicer,
        )
        return OfferingBooks(terms, key=key)

    return Planned(key, "offering", begin, books, lambda site: {"terms": begin(site)[0]})


def deadline(sale: Sale) -> tuple[int, str]:
    """From when nobody can buy."""
    return sale.closes, f"the offering closes {when(sale.closes)}: nobody can subscribe"


KIND = PartKind(
    "Offering",
    ACTS_OF,
    {"Subscribed": _bought, "OfferingSettled": _sold, "Refunded": _given_back},
    _standing,
    words=WORDS,
    tables=TABLES,
)

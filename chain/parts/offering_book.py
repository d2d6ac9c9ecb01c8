"""OrderBook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain.parts import sale
from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, said, turns
from chain.plan import Planned, Site
from chain.reconciliation import Check, Row
from finance.settlement.offering_book import Ladder, OrderBooks
from finance.settlement.terms import integer
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.offering_book import OfferingBook


def _ordered(a: Said, _world: World) -> Rebuilt:
    yield a["investor"], "order", {"units": a["units"], "price": a["price"]}


def _cleared(_a: Said, _world: World) -> Rebuilt:
    yield "", "clear", {}


def _named(call: str) -> Any:
    def rebuilt(a: Said, _world: World) -> Rebuilt:
        yield "", call, {"investor": a["investor"], "number": a["order"]}

    return rebuilt


# -- what it pays


def _paid_in(seen: Seen) -> Iterator[Row]:
    yield seen.row("order", seen["investor"], seen.both("paid"), units=seen["units"])


def _rest(seen: Seen) -> Iterator[Row]:
    yield seen.row("rest", seen["investor"], seen.both("amount"))


def _standing(now: Now) -> Standing:
    """As of any sale, and what is held for orders that are not taken."""
    found, books = sale.standing(now), now.world.books(now.part, OrderBooks)
    ordered, by_parties = now.read("ordered")
    found.checks += [
        Check(f"{now.part}: units ordered", books.ordered, ordered),
        Check(f"{now.part}: of those by parties of the deal", books.ordered_by_parties, by_parties),
        Check(f"{now.part}: units to deliver", books.to_deliver, now.read("toDeliver")),
    ]
    left = sum(books.rest(now.world, *which) > 0 for which in books.orders)
    if left:
        found.notes.append(f"{left:,} orders can take what they did not need")
    return found


# -- as it is deployed


def planned(deal: Deal, key: str, of: sale.Sale) -> Planned:
    """A book of orders."""
    book, decimals = deal.part(key, OfferingBook), deal.currency.token_decimals
    least, tick = (integer(term.value, decimals) for term in (book.least_price, book.tick))
    ladder = Ladder(tick, int(book.steps(book.most_price)) + 1, book.least)

    def begin(site: Site) -> tuple[Any, ...]:
        return of.struct(site, unitPrice=least), ladder._asdict()

    def books(site: Site) -> OrderBooks:
        return OrderBooks(of.terms(site, least), ladder, key=key)

    def views(site: Site) -> dict[str, Any]:
        return dict(zip(("terms", "ladder"), begin(site), strict=True))

    return Planned(key, "offering_book", begin, books, views)


KIND = PartKind(
    "OrderBook",
    {
        "Ordered": _ordered,
        "BookCleared": _cleared,
        "Taken": _named("take"),
        "Delivered": _named("deliver"),
        **sale.ACTS_OF,
    },
    {"Ordered": _paid_in, "Taken": _rest, **sale.ROWS},
    _standing,
    words={
        "order": "paid in for an order",
        "rest": "given back of what was paid in for an order",
        **sale.WORDS,
    },
    tables={
        "orders": said(
            "Ordered", holder="investor", order="order", units="units", price="price", paid="paid"
        ),
        "deliveries": said("Delivered", holder="investor", order="order", units="units"),
        "orders_taken": said("Taken", holder="investor", order="order", amount="amount"),
        "refunds": said("Refunded", holder="holder", units="units", amount="amount"),
        "turns": turns("BookCleared", "OfferingSettled"),
    },
)

"""LiquidityBuffer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_abi.abi import encode

from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, said
from chain.plan import Plan, Planned, PlannedFeed, Site
from chain.reconciliation import Check, Row
from finance.report.text import token_money
from finance.settlement.acts import abi_name
from finance.settlement.liquidity_buffer import BufferTerms, LiquidityBufferBooks
from finance.settlement.terms import RATE_DECIMALS, FeedTerms, feed_terms, integer
from finance.settlement.trade_desk import FIELDS, Quote
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.deal import named_wallet
from finance.terms.liquidity_buffer import LiquidityBuffer
from finance.terms.schedule import unix

DAY = 86_400


def _funded(a: Said, world: World) -> Rebuilt:
    sponsor = world.books(a.part, LiquidityBufferBooks).terms.sponsor
    yield sponsor, "fund", {"amount": a["amount"]}


def _marked(_a: Said, _world: World) -> Rebuilt:
    yield "", "mark", {}


def _released(_a: Said, _world: World) -> Rebuilt:
    yield "", "release", {}


def _of_the_sponsor(kind: str, seen: Seen) -> Iterator[Row]:
    sponsor = seen.after.books(seen.part, LiquidityBufferBooks).terms.sponsor
    yield seen.row(kind, sponsor, seen.both("amount"))


def _standing(now: Now) -> Standing:
    books, world = now.world.books(now.part, LiquidityBufferBooks), now.world
    found = Standing(
        books.status(world),
        books.is_over(world) and not now.held,
        checks=[
            Check(f"{now.part}: marked", books.marked, now.read("marked")),
            Check(f"{now.part}: bid", books.bid(world), now.read("bid")),
        ],
    )
    held = token_money(now.held, now.currency)
    if books.marked:
        value = token_money(books.value_now(world), now.currency)
        age = f"a mark of {books.age(world) // DAY} days"
        found.notes.append(f"{now.part} is {books.status(world)}: {value} a unit by {age}; it holds {held}")
    else:
        found.notes.append(f"{now.part} has no mark yet; it holds {held}")
    return found


KIND = PartKind(
    "LiquidityBuffer",
    {"Funded": _funded, "Marked": _marked, "Released": _released},
    {
        "Funded": lambda seen: _of_the_sponsor("facility", seen),
        "Released": lambda seen: _of_the_sponsor("released", seen),
    },
    _standing,
    calls_currency=True,
    alone=frozenset({"Funded", "Released"}),
    words={
        "facility": "paid in by the sponsor of a liquidity buffer, to buy units with",
        "released": "left in a liquidity buffer after its offer, to its sponsor",
    },
    tables={
        "marks": said("Marked", period="period", value="value", evidence="evidence"),
        "facility": said("Funded", "Released", what=lambda _, event: event.name.lower(), amount="amount"),
    },
    measured=frozenset({"Marked"}),
)


def encoded_quote(quote: Quote) -> str:
    """What a buffer takes for its signature: the quote itself, as the desk has it."""
    return "0x" + encode([abi_name(kind) for kind in FIELDS.values()], [*quote.struct.values()]).hex()


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The buffers of a group, and the feeds that mark them."""
    parts, feeds = [], []
    for key, buffer in deal.having(LiquidityBuffer).items():
        feed = feed_terms(deal, buffer.kpi)
        parts.append(_planned(deal, key, buffer, feed))
        feeds.append(PlannedFeed(feed, (key,), named_wallet("lender", buffer.sponsor)))
    return Plan(tuple(parts), tuple(feeds))


def _planned(deal: Deal, key: str, buffer: LiquidityBuffer, feed: FeedTerms) -> Planned:
    discount, most = integer(buffer.discount.value, RATE_DECIMALS), int(buffer.most_units.value)
    longest, until = int(buffer.longest_age_days.value) * DAY, unix(buffer.until.value)
    facility = integer(buffer.facility.value, deal.currency.token_decimals)
    settled = tuple(feed.missing_at(period) for period in range(len(feed.period_ends)))

    def terms(site: Site) -> dict[str, Any]:
        return {
            "desk": site.parts[buffer.on],
            "oracle": site.shared["oracle"],
            "feed": site.feeds[buffer.kpi],
            "sponsor": site.wallets[named_wallet("lender", buffer.sponsor)],
            "discount": discount,
            "longest": longest,
            "most": most,
            "until": until,
        }

    def books(site: Site) -> LiquidityBufferBooks:
        at = terms(site)
        made = BufferTerms(
            buffer.on, at["feed"], at["sponsor"], discount, longest, most, until, facility, settled
        )
        return LiquidityBufferBooks(made, key=key)

    return Planned(
        key, "liquidity_buffer", lambda site: (terms(site),), books, lambda site: {"terms": terms(site)}
    )

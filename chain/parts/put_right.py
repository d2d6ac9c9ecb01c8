"""PutRight."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, nobodys, said
from chain.plan import Plan, Planned, Site
from chain.reconciliation import Check, Row
from finance.report.text import token_money
from finance.settlement.put_right import PutBooks, PutDate, PutTerms
from finance.settlement.terms import integer
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.deal import named_wallet
from finance.terms.put_right import Put, PutDay
from finance.terms.schedule import unix

DAY = 86_400


def _noticed(a: Said, _world: World) -> Rebuilt:
    yield a["holder"], "give_notice", {"date": a["date"], "units": a["units"]}


def _lapsed(a: Said, _world: World) -> Rebuilt:
    yield "", "lapse", {"date": a["date"], "holder": a["holder"], "units": a["units"]}


def _funded(a: Said, _world: World) -> Rebuilt:
    yield a["from"], "fund", {"date": a["date"], "amount": a["amount"]}


def _exercised(a: Said, _world: World) -> Rebuilt:
    yield a["holder"], "exercise", {"date": a["date"], "units": a["units"]}


def _by_anyone(call: str) -> Any:
    def rebuilt(a: Said, _world: World) -> Rebuilt:
        yield "", call, {"date": a["date"]}

    return rebuilt


def _sold(seen: Seen) -> Iterator[Row]:
    yield seen.row("put", seen["holder"], seen.both("paid"), seen["date"], units=seen["units"])


def _paid_in(seen: Seen) -> Iterator[Row]:
    yield seen.row("put_money", seen["from"], seen.both("amount"), seen["date"])


def _returned(seen: Seen) -> Iterator[Row]:
    writer = seen.after.books(seen.part, PutBooks).terms.writer
    yield seen.row("put_returned", writer, seen.both("amount"), seen["date"])


def _standing(now: Now) -> Standing:
    books, found = now.world.books(now.part, PutBooks), Standing(notes=nobodys(now))
    for date, terms in enumerate(books.terms.dates):
        stands, actual = books.standing_of(date), now.read("standingOf", date)
        where = f"{now.part}: date {date + 1}"
        for name in ("money", "noticed", "sold", "dishonoured"):
            found.checks.append(Check(f"{where}: {name}", int(getattr(stands, name)), int(actual[name])))
        found.checks.append(
            Check(f"{where}: price", books.price_of(now.world, date), now.read("priceOf", date))
        )
        over = now.world.at >= books.ends_of(date)
        found.ended &= over
        if stands.noticed:
            found.notes.append(
                f"{where}: notice of {stands.noticed:,} units, {stands.sold:,} sold; "
                f"{token_money(stands.money, now.currency)} in it" + "; dishonoured" * stands.dishonoured
            )
        lacks = books.needed(now.world, date) - books.covered(now.world, date)
        if not over and lacks > 0 and now.world.at >= (terms.opens if books.terms.ahead else terms.settles):
            found.not_yet.append(f"{where}: there is no money for {lacks:,} units")
    return found


WORDS = {
    "put": "paid to a holder for units sold to the writer of a put, on that of its dates",
    "put_money": "put in for holders who may sell units on that of the put's dates",
    "put_returned": "given back to the writer of a put, as no notice needs it",
}
KIND = PartKind(
    "PutRight",
    {
        "NoticeGiven": _noticed,
        "NoticeLapsed": _lapsed,
        "PutFunded": _funded,
        "PutExercised": _exercised,
        "PutDishonoured": _by_anyone("dishonour"),
        "PutProlonged": _by_anyone("prolong"),
        "PutMoneyReturned": _by_anyone("return_money"),
    },
    {"PutExercised": _sold, "PutFunded": _paid_in, "PutMoneyReturned": _returned},
    _standing,
    alone=frozenset(
        ("NoticeGiven", "NoticeLapsed", "PutFunded", "PutExercised", "PutDishonoured", "PutProlonged",
         "PutMoneyReturned")
    ),
    words=WORDS,
    tables={
        "put_notices": said(
            "NoticeGiven", "NoticeLapsed", holder="holder", date="date", units="units",
            what=lambda _, event: "given" if event.name == "NoticeGiven" else "lapsed",
        ),
        "put_money": said(
            "PutFunded", "PutExercised", "PutMoneyReturned", date="date", payer="from", holder="holder",
            units="units",
            amount=lambda _, event: event.arguments.get("amount", event.arguments.get("paid")),
        ),
    },
)  # fmt: skip


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The puts of a group."""
    return Plan(tuple(_planned(deal, key, put) for key, put in deal.having(Put).items()))


def dates_of(deal: Deal, put: Put) -> tuple[PutDate, ...]:
    """The dates of a put in integers, as the contract has them."""
    (payer,) = deal.linking(put.of, "pays")
    payments = deal.parts[payer].unit_payments(deal)
    first, last, long = (
        int(each.value) * DAY for each in (put.notice_from_days, put.notice_until_days, put.exercise_days)
    )

    def date(each: PutDay) -> PutDate:
        if payments is None or each.coupon is None or each.price is None:
            assert each.day is not None
            assert each.amount is not None
            settles, due, price = unix(each.day.value), 0, 0
            earned = integer(each.amount.value, deal.currency.token_decimals)
        else:
            at = put.agreed(payments, each.coupon)
            settles, due, earned = unix(at.payment.day), at.payment.least, at.earned
            price = int(Fraction(each.price.value) * at.payment.left)
        return PutDate(settles - first, settles - last, settles, settles + long, due, price, earned)

    return tuple(map(date, put.dates))


def _planned(deal: Deal, key: str, put: Put) -> Planned:
    dates, ahead = dates_of(deal, put), put.funded == "before_notice"
    writer = named_wallet("writer", put.writer)

    def begin(site: Site) -> tuple[Any, ...]:
        terms = {
            "token": site.parts[put.of],
            "currency": site.shared["currency"],
            "writer": site.wallets[writer],
            "ahead": ahead,
            "dates": [each._asdict() for each in dates],
        }
        return (terms,)

    def books(site: Site) -> PutBooks:
        return PutBooks(PutTerms(put.of, site.wallets[writer], ahead, dates), key=key)

    return Planned(key, "put", begin, books, lambda site: {"terms": begin(site)[0]})

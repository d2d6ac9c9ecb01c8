"""ProceedsRegister."""

from __future__ import annotations

from typing import Any

from chain.history import Event, History
from chain.parts.base import Now, PartKind, Rebuilt, Said, Standing, nobodys, said
from chain.plan import Plan, Planned, Site
from chain.reconciliation import Check
from chain.terms import ZERO_ADDRESS, short_string, text_of
from finance.report.text import token_money
from finance.settlement.proceeds import ProceedsBooks, ProceedsTerms, Review
from finance.settlement.terms import integer
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.deal import named_wallet
from finance.terms.proceeds import Proceeds


def _recorded(a: Said, world: World) -> Rebuilt:
    issuer = world.books(a.part, ProceedsBooks).sale(world).terms.issuer
    yield issuer, "record", {"use": a["use"], "amount": a["amount"], "document": a["document"]}


def _struck(a: Said, world: World) -> Rebuilt:
    issuer = world.books(a.part, ProceedsBooks).sale(world).terms.issuer
    yield issuer, "strike", {"entry": a["entry"], "document": a["document"]}


def _reviewed(a: Said, world: World) -> Rebuilt:
    reviewer = world.books(a.part, ProceedsBooks).terms.reviewer
    yield reviewer, "review", {"entry": a["entry"], "accepted": a["accepted"], "document": a["document"]}


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, ProceedsBooks)
    left = books.unallocated(now.world)
    found = Standing(
        checks=[
            Check(f"{now.part}: unallocated", left, now.read("unallocated")),
            Check(f"{now.part}: entries", len(books.entries), now.read("entryCount")),
        ],
        notes=nobodys(now),
    )
    if books.entries:
        objected = sum(each.review == Review.OBJECTED for each in books.standing)
        against = f"; the reviewer objects to {objected}" * bool(objected)
        found.notes.append(
            f"{len(books.standing)} uses of proceeds recorded; {token_money(left, now.currency)} unallocated"
            f"{against}"
        )
    return found


def _what(_: History, event: Event) -> str:
    said = {"Recorded": "recorded", "Struck": "struck out"}.get(event.name)
    return said or ("accepted" if event.arguments["accepted"] else "objected to")


def _use(event: Event) -> str | None:
    return text_of(event.arguments["use"]) if event.name == "Recorded" else None


EVENTS = ("Recorded", "Struck", "Reviewed")
KIND = PartKind(
    "ProceedsRegister",
    {"Recorded": _recorded, "Struck": _struck, "Reviewed": _reviewed},
    standing=_standing,
    alone=frozenset(EVENTS),
    tables={
        "proceeds": said(
            *EVENTS,
            entry="entry",
            what=_what,
            use=lambda _, event: _use(event),
            amount="amount",
            document="document",
        )
    },
)


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The registers of a group."""
    return Plan(tuple(_planned(deal, key, register) for key, register in deal.having(Proceeds).items()))


def _planned(deal: Deal, key: str, register: Proceeds) -> Planned:
    decimals = deal.currency.token_decimals
    uses = {short_string(name): integer(use.amount.value, decimals) for name, use in register.uses.items()}

    def reviewer(site: Site) -> str:
        if register.reviewer is None:
            return ZERO_ADDRESS
        return site.wallets[named_wallet("verifier", register.reviewer)]

    def begin(site: Site) -> tuple[Any, ...]:
        terms = {
            "token": site.parts[register.of],
            "reviewer": reviewer(site),
            "uses": [{"name": name, "amount": amount} for name, amount in uses.items()],
        }
        return (terms,)

    def books(site: Site) -> ProceedsBooks:
        return ProceedsBooks(ProceedsTerms(register.of, reviewer(site), uses), key=key)

    return Planned(key, "proceeds", begin, books, lambda site: {"terms": begin(site)[0]})

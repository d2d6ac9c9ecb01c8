"""Office."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain.history import Event, History
from chain.network import when
from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, said
from chain.plan import Plan, Planned, Seat, Site
from chain.reconciliation import Check, Row
from finance.report.text import token_money
from finance.settlement.office import WINDOW, OfficeBooks, OfficeTerms
from finance.settlement.world import NOBODY, World
from finance.terms import Deal
from finance.terms.deal import named_wallet
from finance.terms.office import Office

DAY = 86_400


def _keeper(a: Said, world: World) -> str:
    return world.books(a.part, OfficeBooks).keeper


def _handed(a: Said, world: World) -> Rebuilt:
    yield _keeper(a, world), "hand_on", {"to": a["to"]}


def _supported(a: Said, _world: World) -> Rebuilt:
    yield a["appointer"], "support", {"candidate": a["candidate"]}


def _withdrawn(a: Said, _world: World) -> Rebuilt:
    yield a["appointer"], "withdraw_support", {"candidate": a["candidate"]}


def _rejected(a: Said, world: World) -> Rebuilt:
    yield _keeper(a, world), "object", {"candidate": a["candidate"]}


def _taken(a: Said, _world: World) -> Rebuilt:
    yield a["to"], "take", {}


def _collected(_a: Said, _world: World) -> Rebuilt:
    yield "", "collect", {}


def _sent_on(seen: Seen) -> Iterator[Row]:
    yield seen.row("office_money", seen["keeper"], seen.both("amount"))


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, OfficeBooks)
    announced = now.read("announced")
    found = Standing(
        checks=[
            Check(f"{now.part}: keeper", int(books.keeper, 16), int(now.read("keeper"), 16)),
            Check(f"{now.part}: announced", int(books.announced, 16), int(announced[0], 16)),
        ]
    )
    for who, stands in books.candidates.items():
        actual, where = now.read("candidacyOf", who), f"{now.part}: {who}"
        found.checks += [
            Check(f"{where}: votes", len(stands.by), int(actual["votes"]).bit_count()),
            Check(f"{where}: since", stands.since, actual["since"]),
        ]
        if stands.since and now.world.at <= books.opens(stands.since) + WINDOW:
            found.notes.append(f"{where} may take the office from {when(books.opens(stands.since))}")
    if books.announced != NOBODY and now.world.at <= (opens := books.opens(books.announced_at)) + WINDOW:
        found.notes.append(f"{now.part}: is handed on to {books.announced}, from {when(opens)}")
    if books.keeper != books.terms.keeper:
        found.notes.append(f"{now.part}: is kept by {books.keeper} now")
    if now.held:
        found.notes.append(f"{now.part}: holds {token_money(now.held, now.currency)} for its keeper")
    return found


WHAT = {
    "HandoverAnnounced": "announced by the keeper",
    "CandidateSupported": "supported",
    "SupportWithdrawn": "supported no longer",
    "CandidateRejected": "objected to",
    "OfficeTaken": "taken",
}
EVENTS = (*WHAT, "OfficeMoneyCollected")


def _who(_: History, event: Event) -> Any:
    return event.arguments.get("candidate", event.arguments.get("to"))


KIND = PartKind(
    "Office",
    dict(zip(EVENTS, (_handed, _supported, _withdrawn, _rejected, _taken, _collected), strict=True)),
    {"OfficeMoneyCollected": _sent_on},
    _standing,
    alone=frozenset(EVENTS),
    words={"office_money": "sent on by an office to its keeper: what it was paid in its role"},
    tables={
        "offices": said(
            *WHAT,
            what=lambda _, event: WHAT[event.name],
            candidate=_who,
            appointer="appointer",
            votes="votes",
            opens=lambda _, event: None if event.name == "OfficeTaken" else event.arguments.get("from"),
        )
    },
)


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The offices of a group, and the roles that they have in the whole deal."""
    parts: list[Planned] = []
    seats: dict[str, Seat] = {}
    for key, office in deal.having(Office).items():
        roles = sorted(role for role, party in deal.people.items() if party == office.keeper)
        parts.append(_planned(key, office, roles[0]))
        seats |= {role: Seat(key, roles[0]) for role in roles}
    return Plan(tuple(parts), seats=seats)


def _planned(key: str, office: Office, keeper: str) -> Planned:
    notice, quorum = int(office.notice_days.value) * DAY, int(office.quorum.value)
    names = [named_wallet("appointer", each) for each in office.appointers]

    def terms(site: Site) -> OfficeTerms:
        return OfficeTerms(site.people[keeper], notice, quorum, tuple(site.wallets[each] for each in names))

    def begin(site: Site) -> tuple[Any, ...]:
        its = terms(site)
        struct = {"keeper": its.keeper, "currency": site.shared["currency"], "noticeSeconds": notice}
        return (struct | {"quorum": quorum, "appointers": list(its.appointers)},)

    def books(site: Site) -> OfficeBooks:
        return OfficeBooks(terms(site), key=key)

    return Planned(key, "office", begin, books, lambda site: {"terms": begin(site)[0]})

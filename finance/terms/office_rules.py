"""Rules of offices: whose roles can be handed on, and who may give them to another."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.deal import Deal
from finance.terms.office import Office
from finance.terms.part import Part
from finance.terms.problems import InputError
from finance.terms.rule_parts import Finding, Loc, count, parts_of

MAX_APPOINTERS = 16
MAX_NOTICE_DAYS = 3_650
"""As contracts/identity/Office.sol has them."""


def offices(deal: Deal) -> Iterator[Finding]:
    kept: dict[str, str] = {}
    for here, office in parts_of(deal, Office):
        yield from count((*here, "notice_days"), office.notice_days, 1, MAX_NOTICE_DAYS)
        yield from _appointers(deal, here, office)
        loc = (*here, "keeper")
        if office.keeper not in deal.parties:
            yield loc, f"unknown party (known: {', '.join(deal.parties)})"
        elif office.keeper in kept:
            yield loc, f"keeps {kept[office.keeper]} already, which stands for it in the whole deal"
        else:
            kept[office.keeper] = here[-1]
            yield from _roles(deal, loc, office)


def _appointers(deal: Deal, here: Loc, office: Office) -> Iterator[Finding]:
    appointers, loc = office.appointers, (*here, "appointers")
    for place, key in enumerate(appointers):
        if key not in deal.parties:
            yield (*loc, str(place)), f"unknown party (known: {', '.join(deal.parties)})"
        elif key == office.keeper:
            yield (*loc, str(place)), "keeps the office: it could stand in the way of all the others"
        elif key in appointers[:place]:
            yield (*loc, str(place)), "is listed already"
    if not 2 <= len(appointers) <= MAX_APPOINTERS:
        yield loc, f"must be 2 to {MAX_APPOINTERS}: no single party may take a role"
    else:
        yield from count((*here, "quorum"), office.quorum, 2, len(appointers))


def _roles(deal: Deal, loc: Loc, office: Office) -> Iterator[Finding]:
    """What the keeper is in the parts of the deal."""
    here = False
    for key, part in deal.parts.items():
        if isinstance(part, Office):
            found = ["appointer"] * (office.keeper in part.appointers)
        else:
            found = [role for role in part.people if _party(deal, key, role) == office.keeper]
            found += [role for role, party in part.named if party == office.keeper]
        here = here or (key == office.of and bool(found))
        for role in found:
            if role not in part.handed_on:
                yield loc, f"is the {role} of parts.{key}: only roles that pay nothing in are handed on"
    if not here and isinstance(deal.parts.get(office.of), Part):
        yield loc, f"has no role in parts.{office.of}"


def _party(deal: Deal, key: str, role: str) -> str | None:
    """Who has a role in a part, if that is said: whether it is, has its own problem."""
    try:
        return deal.party_of(key, role)
    except InputError:
        return None


RULES = (offices,)

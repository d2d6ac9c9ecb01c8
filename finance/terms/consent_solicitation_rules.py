"""Rules of consent solicitations: a majority, enough notice, and that a bond has one at most."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.consent_solicitation import ConsentSolicitation
from finance.terms.deal import Deal
from finance.terms.rule_parts import Finding, Loc, count, parts_of

MOST_OF = 2**32 - 1
MAX_STANDSTILL_DAYS = 1_095
"""Three years, for which a majority may put off interest: 15 U.S.C. 77ppp(a)(2)."""
LEAST_NOTICE_DAYS, MAX_DAYS = 5, 365
MAX_AFFILIATES = 15


def solicitations(deal: Deal) -> Iterator[Finding]:
    for here, part in parts_of(deal, ConsentSolicitation):
        yield from count((*here, "majority", "of"), part.majority.of, 1, MOST_OF)
        least = int(part.majority.of.value // 2) + 1
        most = max(least, int(part.majority.of.value))
        yield from count((*here, "majority", "parts"), part.majority.parts, least, most)
        yield from count((*here, "standstill_days"), part.standstill_days, 1, MAX_STANDSTILL_DAYS)
        yield from count((*here, "notice_days"), part.notice_days, LEAST_NOTICE_DAYS, MAX_DAYS)
        most = max(1, int(part.notice_days.value))
        yield from count((*here, "held_days"), part.held_days, 1, min(most, MAX_DAYS))
        yield from count((*here, "count_days"), part.count_days, 1, MAX_DAYS)
        yield from _affiliates(deal, here, part)
        others = [key for key in deal.linking(part.waives, "puts off") if key != here[1]]
        if others and here[1] > min(others):
            yield (*here, "waives"), f"{min(others)} asks the holders of {part.waives} already"


def _affiliates(deal: Deal, here: Loc, part: ConsentSolicitation) -> Iterator[Finding]:
    loc = (*here, "affiliates")
    if len(part.affiliates) > MAX_AFFILIATES or len(set(part.affiliates)) != len(part.affiliates):
        yield loc, f"must be at most {MAX_AFFILIATES} parties, each once"
    for key in part.affiliates:
        if key not in deal.parties:
            yield loc, f"unknown party {key} (known: {', '.join(deal.parties)})"
        elif "holder" not in deal.parties[key].roles:
            yield loc, f"the party {key} has not the role holder"


RULES = (solicitations,)

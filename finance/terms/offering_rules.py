"""Rules of what is sold: the window and the caps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.offering import Offering, Sale
from finance.terms.part import Issue
from finance.terms.rule_parts import Finding, Loc, money, parts_of


def issues(deal: Deal, offering: Sale) -> Iterator[tuple[Loc, Issue]]:
    """What a sale sells, by the part that pays it, with that part's place in the file."""
    for key in deal.linking(offering.sells, "pays"):
        issue = deal.parts[key].issue
        if issue is not None:
            yield ("parts", key), issue


def dates(deal: Deal, kind: type[Sale]) -> Iterator[Finding]:
    for here, offering in parts_of(deal, kind):
        opens, closes = offering.opens.value, offering.closes.value
        if not opens < closes:
            yield (*here, "closes"), f"dates out of order: not after the offering opens on {opens}"
        for loc, issue in issues(deal, offering):
            if closes > issue.issued:
                yield (
                    (*here, "closes"),
                    f"dates out of order: after {'.'.join(loc)}.issue_date {issue.issued}",
                )


def caps(deal: Deal, kind: type[Sale]) -> Iterator[Finding]:
    for here, offering in parts_of(deal, kind):
        soft, hard = offering.soft_cap.value, offering.hard_cap.value
        for name in ("soft_cap", "hard_cap"):
            yield from money(deal, (*here, name), getattr(offering, name), positive=True)
        if soft > hard:
            yield (*here, "soft_cap"), f"is greater than the hard cap {plain(hard)}"
        for loc, issue in issues(deal, offering):
            if hard != issue.whole:
                whole = f"the {issue.whole_name} {plain(issue.whole)} of {'.'.join(loc)}"
                yield (*here, "hard_cap"), f"must equal {whole}: {issue.why}"
            if issue.unit > 0 and (Fraction(soft) / Fraction(issue.unit)).denominator != 1:
                yield (
                    (*here, "soft_cap"),
                    f"is not a multiple of the {issue.unit_name} {plain(issue.unit)}",
                )


def rules_of(kind: type[Sale]) -> tuple[Callable[[Deal], Iterator[Finding]], ...]:
    """What holds of every sale, for those of a kind."""
    return partial(dates, kind=kind), partial(caps, kind=kind)


RULES = rules_of(Offering)

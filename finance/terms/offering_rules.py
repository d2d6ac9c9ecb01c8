"""Rules of what is sold: the window and the caps."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.offering import Offering
from finance.terms.part import Issue
from finance.terms.rule_parts import Finding, Loc, money, parts_of


def _issues(deal: Deal, offering: Offering) -> Iterator[tuple[Loc, Issue]]:
    """What an offering sells, by the part that pays it, with that part's place in the file."""
    for key in deal.linking(offering.sells, "pays"):
        issue = deal.parts[key].issue
        if issue is not None:
            yield ("parts", key), issue


def offering_dates(deal: Deal) -> Iterator[Finding]:
    for here, offering in parts_of(deal, Offering):
        opens, closes = offering.opens.value, offering.closes.value
        if not opens < closes:
            yield (*here, "closes"), f"dates out of order: not after the offering opens on {opens}"
        for loc, issue in _issues(deal, offering):
            if closes > issue.issued:
                yield (
                    (*here, "closes"),
                    f"dates out of order: after {'.'.join(loc)}.issue_date {issue.issued}",
                )


def offering_caps(deal: Deal) -> Iterator[Finding]:
    for here, offering in parts_of(deal, Offering):
        soft, hard = offering.soft_cap.value, offering.hard_cap.value
        for name in ("soft_cap", "hard_cap"):
            yield from money(deal, (*here, name), getattr(offering, name), positive=True)
        if soft > hard:
            yield (*here, "soft_cap"), f"is greater than the hard cap {plain(hard)}"
        for loc, issue in _issues(deal, offering):
            if hard != issue.whole:
                whole = f"the {issue.whole_name} {plain(issue.whole)} of {'.'.join(loc)}"
                yield (*here, "hard_cap"), f"must equal {whole}: {issue.why}"
            if issue.unit > 0 and (Fraction(soft) / Fraction(issue.unit)).denominator != 1:
                yield (
                    (*here, "soft_cap"),
                    f"is not a multiple of the {issue.unit_name} {plain(issue.unit)}",
                )


RULES = (offering_dates, offering_caps)

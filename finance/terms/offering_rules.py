"""Rules of the offering: its window, its caps, and who may buy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from finance.terms.canonical import plain
from finance.terms.deal import Deal, KpiBond, RevenueShare
from finance.terms.iso import COUNTRIES
from finance.terms.rule_parts import Finding, Loc, money

MAX_BLOCKED_COUNTRIES = 15  # fit one policy word: contracts/interfaces/IIdentityRegistry.sol


def offered(deal: Deal) -> Iterator[tuple[Loc, KpiBond | RevenueShare]]:
    """The claim that is sold in units, with its place in the file."""
    for key, claim in deal.claims.items():
        if isinstance(claim, KpiBond | RevenueShare):
            yield ("claims", key), claim


def offering_dates(deal: Deal) -> Iterator[Finding]:
    if deal.offering is None:
        return
    opens, closes = deal.offering.opens.value, deal.offering.closes.value
    if not opens < closes:
        yield ("offering", "closes"), f"dates out of order: not after the offering opens on {opens}"
    for here, claim in offered(deal):
        if closes > claim.issue_date.value:
            yield (
                ("offering", "closes"),
                f"dates out of order: after {'.'.join(here)}.issue_date {claim.issue_date.value}",
            )


def offering_caps(deal: Deal) -> Iterator[Finding]:
    if deal.offering is None:
        return
    soft, hard = deal.offering.soft_cap.value, deal.offering.hard_cap.value
    for name in ("soft_cap", "hard_cap"):
        yield from money(deal, ("offering", name), getattr(deal.offering, name), positive=True)
    if soft > hard:
        yield ("offering", "soft_cap"), f"is greater than the hard cap {plain(hard)}"
    for here, claim in offered(deal):
        if isinstance(claim, KpiBond):
            whole, step, why = claim.principal.value, claim.denomination.value, "outcome amounts refer to it"
            what, unit = "principal", "denomination"
        else:
            step = claim.unit_price.value
            whole, why = claim.units.value * step, "the whole issue is offered"
            what, unit = "units times price,", "unit price"
        if hard != whole:
            loc = ".".join(here)
            yield ("offering", "hard_cap"), f"must equal the {what} {plain(whole)} of {loc}: {why}"
        if step > 0 and (Fraction(soft) / Fraction(step)).denominator != 1:
            yield ("offering", "soft_cap"), f"is not a multiple of the {unit} {plain(step)}"


def offering_investors(deal: Deal) -> Iterator[Finding]:
    if deal.offering is None:
        return
    classes, countries = deal.offering.eligible_classes, deal.offering.blocked_countries
    if len(set(classes)) < len(classes):
        yield ("offering", "eligible_classes"), "names a class twice"
    if len(set(countries)) < len(countries):
        yield ("offering", "blocked_countries"), "names a country twice"
    for index, country in enumerate(countries):
        if country not in COUNTRIES:
            yield ("offering", "blocked_countries", str(index)), "not a country code of ISO 3166-1 alpha-2"
    if len(countries) > MAX_BLOCKED_COUNTRIES:
        yield (
            ("offering", "blocked_countries"),
            f"more than {MAX_BLOCKED_COUNTRIES} countries do not fit on chain",
        )


RULES = (offering_dates, offering_caps, offering_investors)

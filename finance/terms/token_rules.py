"""Rules of claim tokens: who pays them, who sells them, and who may hold them."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.claim_token import ClaimToken
from finance.terms.deal import Deal
from finance.terms.graph_rules import links
from finance.terms.iso import COUNTRIES
from finance.terms.rule_parts import Finding, Loc, parts_of

MAX_BLOCKED_COUNTRIES = 15  # fit one policy word: contracts/interfaces/IIdentityRegistry.sol


def claims(deal: Deal) -> Iterator[Finding]:
    """Units of a claim are sold once, and one part pays them: nobody holds what nobody owes."""
    if any(True for _ in links(deal)):
        return  # what leads nowhere has its own problem
    for here, _ in parts_of(deal, ClaimToken):
        yield from _once(deal, here, "pays", "nobody funds this claim: no part has `token: {}`")
        yield from _once(deal, here, "sells", "nobody can hold this claim: no offering has `sells: {}`")


def _once(deal: Deal, here: Loc, does: str, none: str) -> Iterator[Finding]:
    found = deal.linking(here[1], does)
    if not found:
        yield here, none.format(here[1])
    elif len(found) > 1:
        done = "paid" if does == "pays" else "sold"
        yield here, f"is {done} by {' and by '.join(found)}: one part does that"


def holders(deal: Deal) -> Iterator[Finding]:
    called: dict[str, str] = {}
    for here, token in parts_of(deal, ClaimToken):
        first = called.setdefault(token.symbol, here[1])
        if first != here[1]:
            yield (*here, "symbol"), f"is what {first} is called: holders could not tell the two apart"
        classes, countries = token.eligible_classes, token.blocked_countries
        if len(set(classes)) < len(classes):
            yield (*here, "eligible_classes"), "names a class twice"
        if len(set(countries)) < len(countries):
            yield (*here, "blocked_countries"), "names a country twice"
        for index, country in enumerate(countries):
            if country not in COUNTRIES:
                yield (*here, "blocked_countries", str(index)), "not a country code of ISO 3166-1 alpha-2"
        if len(countries) > MAX_BLOCKED_COUNTRIES:
            yield (
                (*here, "blocked_countries"),
                f"more than {MAX_BLOCKED_COUNTRIES} countries do not fit on chain",
            )


RULES = (claims, holders)

"""What the rules of a deal file share: the shape of a finding, and checks of one number."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.part import Part
from finance.terms.sections import Kpi, OraclePolicy
from finance.terms.values import NumbersTerm, NumberTerm, scaled

Loc = tuple[str, ...]
Finding = tuple[Loc, str]
P = TypeVar("P", bound=Part)

RATE_DECIMALS = 18
MAX_DAYS = 36500  # a century; its seconds fit the uint32 of the contracts


def parts_of(deal: Deal, kind: type[P]) -> Iterator[tuple[Loc, P]]:
    """The parts of a kind, with their places in the file."""
    for key, part in deal.having(kind).items():
        yield ("parts", key), part


def policies(deal: Deal) -> Iterator[tuple[Loc, OraclePolicy]]:
    for key, policy in deal.oracle.items():
        yield ("oracle", key), policy


def money(deal: Deal, loc: Loc, term: NumberTerm, positive: bool = False, sign: int = 0) -> Iterator[Finding]:
    value = term.value
    if scaled(value, deal.currency.minor_units) is None:
        yield loc, f"{deal.currency.code} has {deal.currency.minor_units} decimals"
    if positive and value <= 0:
        yield loc, "must be greater than 0"
    if sign and value < 0:
        yield loc, "must not be negative"
    # Signed amounts are int128 on chain.
    if abs(Fraction(value)) * 10**deal.currency.token_decimals >= 2**127:
        yield loc, "is too large for the chain"


def period_amounts(
    deal: Deal, loc: Loc, listed: NumbersTerm, periods: int | None, signed: bool = False
) -> Iterator[Finding]:
    """A list of amounts of consecutive periods, at most as long as the periods are."""
    if not listed.value:
        yield loc, "needs at least one amount"
    elif periods is not None and len(listed.value) > periods:
        yield loc, f"has {len(listed.value)} amounts for {periods} periods"
    for value in listed.value:
        yield from money(deal, loc, NumberTerm(value=value, assumed="one of a list"), sign=0 if signed else 1)


def count(loc: Loc, term: NumberTerm, least: int, most: int) -> Iterator[Finding]:
    if scaled(term.value, 0) is None or not least <= term.value <= most:
        yield loc, f"must be a whole number from {least} to {most}"


def yearly_rate(loc: Loc, term: NumberTerm) -> Iterator[Finding]:
    rate = term.value
    if not 0 <= rate < 1:
        yield loc, f"must be a fraction a year from 0 to below 1: {plain(rate)} % is {plain(rate / 100)}"
    elif scaled(rate, RATE_DECIMALS) is None:
        yield loc, f"has more than {RATE_DECIMALS} decimals"


def majority(loc: Loc, quorum: NumberTerm, members: NumberTerm, name: str) -> Iterator[Finding]:
    if scaled(quorum.value, 0) is None or quorum.value < 1:
        yield loc, "must be a whole number greater than 0"
    elif quorum.value > members.value:
        yield loc, f"is more than the {plain(members.value)} {name}"
    elif 2 * quorum.value <= members.value:
        yield loc, f"is not a majority of the {plain(members.value)} {name}"


def outside_bounds(kpi: Kpi, value: Decimal) -> str:
    low, high = kpi.bounds.minimum.value, kpi.bounds.maximum.value
    text = f"lies outside the KPI's bounds {plain(low)} to {plain(high)}"
    if kpi.unit == "fraction" and low <= value / 100 <= high:
        text += f"; the unit is a fraction: {plain(value)} % is {plain(value / 100)}"
    return text

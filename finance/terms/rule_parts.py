"""What the rules of a deal file share: the shape of a finding, and checks of one number."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from finance.terms.canonical import plain
from finance.terms.deal import CouponStep, Deal, Kpi, KpiBond, KpiPayment, OraclePolicy, OutcomePayment
from finance.terms.part import Part
from finance.terms.schedule import AccrualPeriod, bond_schedule
from finance.terms.values import NumberTerm, scaled

Loc = tuple[str, ...]
Finding = tuple[Loc, str]
P = TypeVar("P", bound=Part)

RATE_DECIMALS = 18
MAX_DAYS = 36500  # a century; its seconds fit the uint32 of the contracts


def parts_of(deal: Deal, kind: type[P]) -> Iterator[tuple[Loc, P]]:
    """The parts of a kind, with their places in the file."""
    for key, part in deal.having(kind).items():
        yield ("parts", key), part


def bonds(deal: Deal) -> Iterator[tuple[Loc, KpiBond]]:
    yield from parts_of(deal, KpiBond)


def kpi_rules(deal: Deal) -> Iterator[tuple[Loc, KpiBond, CouponStep | OutcomePayment]]:
    """Every rule by which a KPI bends a bond, with its place in the file."""
    for here, bond in bonds(deal):
        for index, step in enumerate(bond.coupon.steps or []):
            yield (*here, "coupon", "steps", str(index)), bond, step
        if bond.outcome_payment is not None:
            yield (*here, "outcome_payment"), bond, bond.outcome_payment


def swaps(deal: Deal) -> Iterator[tuple[Loc, KpiPayment]]:
    yield from parts_of(deal, KpiPayment)


def payoff_rules(deal: Deal) -> Iterator[tuple[Loc, CouponStep | OutcomePayment | KpiPayment]]:
    """Everything that has tiers or a line, with its place in the file."""
    for here, _, rule in kpi_rules(deal):
        yield here, rule
    yield from swaps(deal)


def schedule_of(bond: KpiBond) -> tuple[AccrualPeriod, ...] | None:
    """The coupon periods, or None where the dates do not fit, which has its own problem."""
    try:
        return bond_schedule(bond)
    except ValueError:
        return None


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

"""The payoff of a KPI rule in a deal file, tiers or a line, as points of the curve that settles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from finance.terms.canonical import plain
from finance.terms.tiers import AmountPoint, RatePoint, RateTier, Tier, describe, lower_bound
from finance.terms.values import NumberTerm, scaled

Step = Tier | RateTier | AmountPoint | RatePoint


class Rule(Protocol):
    """Whatever a KPI decides: it has tiers or a line."""

    @property
    def kpi(self) -> str: ...
    @property
    def tiers(self) -> Sequence[Tier] | Sequence[RateTier] | None: ...
    @property
    def line(self) -> Sequence[AmountPoint] | Sequence[RatePoint] | None: ...


def steps_of(rule: Rule) -> Sequence[Step]:
    """The tiers of a rule, or the points of its line."""
    return rule.tiers if rule.tiers is not None else rule.line or []


def line_of(rule: Rule) -> Sequence[AmountPoint | RatePoint]:
    """The points of a rule's line; none if it has tiers."""
    return rule.line or []


def payoff_term(step: Step) -> NumberTerm:
    """The amount or the rate of a tier or point."""
    return step.amount if isinstance(step, Tier | AmountPoint) else step.rate


def payoff_name(step: Step) -> str:
    """The field of `payoff_term`: amount or rate."""
    return "amount" if isinstance(step, Tier | AmountPoint) else "rate"


def label(step: Step, percent: bool = False) -> str:
    """A tier in words, or the KPI value of a point."""
    if isinstance(step, Tier | RateTier):
        return describe(step, percent)
    return f"at {plain(step.kpi.value * 100)} %" if percent else f"at {plain(step.kpi.value)}"


def points(rule: Rule, kpi_decimals: int, y_decimals: int, minus_infinity: int) -> list[tuple[int, int]]:
    """The (x, y) of a checked rule's curve: KPI times 10^kpi_decimals, and y times 10^y_decimals.

    Tiers become half-open steps: from `x` inclusive upwards the payoff is `y`; a tier that does not own its
    lower bound starts one KPI step, 10^-kpi_decimals, above it. For the tiers of the DC Water bond (6
    decimals) x is 186000 for "18.6 % or more" and 413001 for "more than 41.3 %". Raises ValueError for a
    number that the decimals cannot express.
    """
    if rule.tiers is not None:
        starts = [_start(tier, kpi_decimals, minus_infinity) for tier in rule.tiers]
    else:
        starts = [_exact(point.kpi, kpi_decimals) for point in line_of(rule)]
    payoffs = [_exact(payoff_term(step), y_decimals) for step in steps_of(rule)]
    return list(zip(starts, payoffs, strict=True))


def _start(tier: Tier | RateTier, decimals: int, minus_infinity: int) -> int:
    bound = lower_bound(tier)
    if bound is None:
        return minus_infinity
    exact = scaled(bound[0], decimals)
    if exact is None:
        raise ValueError(f"bound {plain(bound[0])} has more than {decimals} decimals")
    return exact if bound[1] else exact + 1


def _exact(term: NumberTerm, decimals: int) -> int:
    value = scaled(term.value, decimals)
    if value is None:
        raise ValueError(f"{plain(term.value)} has more than {decimals} decimals")
    return value

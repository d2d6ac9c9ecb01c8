"""Rules of whatever a KPI decides in any part: tiers and lines, and the KPI values at which they turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from finance.terms.canonical import plain
from finance.terms.deal import Deal, walk
from finance.terms.payoffs import Rule, line_of, steps_of
from finance.terms.rule_parts import Finding, Loc, outside_bounds
from finance.terms.sections import Kpi
from finance.terms.tiers import check_tiers, lower_bound
from finance.terms.values import NumberTerm, scaled

MAX_KNOTS = 32  # of a curve: contracts/settlement/PayoffCurve.sol


def payoffs(deal: Deal) -> Iterator[tuple[Loc, Rule]]:
    """Everything that has tiers or a line, with its place in the file."""
    for key, part in deal.parts.items():
        for here, item in walk(part, ("parts", key)):
            rule: Any = item
            if hasattr(item, "tiers") and hasattr(item, "line"):
                yield here, rule


def shapes(deal: Deal) -> Iterator[Finding]:
    for here, rule in payoffs(deal):
        if (rule.tiers is None) == (rule.line is None):
            yield here, "must have exactly one of `tiers` and `line`"
            continue
        name = "line" if rule.tiers is None else "tiers"
        if len(steps_of(rule)) > MAX_KNOTS:
            yield (*here, name), f"more than {MAX_KNOTS} {'points' if name == 'line' else 'tiers'}"
        if rule.tiers is not None:
            for loc, reason in check_tiers(rule.tiers):
                yield (*here, name, *loc), reason
        for index, (before, after) in enumerate(pairwise(line_of(rule)), start=1):
            if after.kpi.value <= before.kpi.value:
                loc = (*here, name, str(index), "kpi")
                yield loc, f"points out of order: not greater than {plain(before.kpi.value)}"


def kpi_values(deal: Deal) -> Iterator[Finding]:
    for here, rule in payoffs(deal):
        kpi = deal.kpis.get(rule.kpi)
        if kpi is None:
            continue
        for index, tier in enumerate(rule.tiers or []):
            for name in ("below", "from", "to", "above"):
                bound = getattr(tier, "from_" if name == "from" else name)
                if bound is not None:
                    yield from _kpi_value((*here, "tiers", str(index), name), kpi, bound)
        for index, point in enumerate(line_of(rule)):
            yield from _kpi_value((*here, "line", str(index), "kpi"), kpi, point.kpi)


def _kpi_value(loc: Loc, kpi: Kpi, term: NumberTerm) -> Iterator[Finding]:
    if scaled(term.value, kpi.decimals) is None:
        yield loc, f"has more decimals than the KPI's {kpi.decimals}, so the chain cannot express it"
    if not kpi.bounds.minimum.value <= term.value <= kpi.bounds.maximum.value:
        yield loc, outside_bounds(kpi, term.value)


def tier_widths(deal: Deal) -> Iterator[Finding]:
    """A tier between two neighbouring KPI values that owns neither could never be reached."""
    for here, rule in payoffs(deal):
        kpi = deal.kpis.get(rule.kpi)
        if kpi is not None and rule.tiers is not None and not any(True for _ in check_tiers(rule.tiers)):
            yield from _widths(here, rule, kpi)


def _widths(here: Loc, rule: Rule, kpi: Kpi) -> Iterator[Finding]:
    starts = [low for tier in rule.tiers or [] if (low := lower_bound(tier))]
    exact = [scaled(bound, kpi.decimals) for bound, _ in starts]
    # Where each tier after the first begins, in KPI steps; a bound that is too fine has its own problem.
    firsts = [None if x is None else x + (not owned) for x, (_, owned) in zip(exact, starts, strict=True)]
    for index, (first, following) in enumerate(pairwise(firsts), start=1):
        if first is not None and following is not None and following <= first:
            yield (
                (*here, "tiers", str(index)),
                f"no KPI value of {kpi.decimals} decimals falls in this tier",
            )


RULES = (shapes, kpi_values, tier_widths)

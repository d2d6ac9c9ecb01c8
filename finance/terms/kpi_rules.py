"""Rules of what a KPI decides: which report, which payments, tiers and lines, amounts and rates."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from finance.terms.canonical import plain
from finance.terms.deal import CouponStep, Deal, Kpi, KpiBond, OutcomePayment
from finance.terms.payoffs import Rule, line_of, payoff_name, payoff_term, steps_of
from finance.terms.rule_parts import (
    RATE_DECIMALS,
    Finding,
    Loc,
    bonds,
    kpi_rules,
    money,
    outside_bounds,
    payoff_rules,
    schedule_of,
)
from finance.terms.schedule import repayments
from finance.terms.tiers import check_tiers, lower_bound
from finance.terms.values import NumberTerm, scaled

MAX_KNOTS = 32  # of a curve: contracts/settlement/PayoffCurve.sol
MAX_RULES = 32  # of a bond, one bit each: contracts/instruments/BondChecks.sol


def reports(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        if len(bond.kpi_rules) > MAX_RULES:
            yield (*here, "coupon", "steps"), f"more than {MAX_RULES} steps and outcomes do not fit on chain"
    for here, _, rule in kpi_rules(deal):
        kpi = deal.kpis.get(rule.kpi)
        if rule.kpi not in deal.kpis:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
        elif kpi is not None and rule.period > len(kpi.periods):
            yield (*here, "period"), f"the KPI has {len(kpi.periods)} period(s), counted from 1"


def payments(deal: Deal) -> Iterator[Finding]:
    for here, bond, rule in kpi_rules(deal):
        if isinstance(rule, OutcomePayment):
            if rule.pays == "on_date" and rule.date is None:
                yield (*here, "date"), "is required by `pays: on_date`"
            if rule.pays == "at_maturity" and rule.date is not None:
                yield (*here, "date"), "belongs to `pays: on_date` only"
        if isinstance(rule, CouponStep) and rule.until is not None and rule.until.value <= rule.from_.value:
            yield (*here, "until"), f"dates out of order: not after `from` {rule.from_.value}"
            continue
        schedule = schedule_of(bond)
        if schedule is not None:
            try:
                rule.reach(schedule)
            except ValueError as error:
                yield (*here, "date" if isinstance(rule, OutcomePayment) else "from"), str(error)


def shapes(deal: Deal) -> Iterator[Finding]:
    for here, rule in payoff_rules(deal):
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


def payoffs(deal: Deal) -> Iterator[Finding]:
    for here, bond, rule in kpi_rules(deal):
        name = "line" if rule.tiers is None else "tiers"
        for index, step in enumerate(steps_of(rule)):
            loc = (*here, name, str(index), payoff_name(step))
            if isinstance(rule, CouponStep):
                yield from _rate(loc, payoff_term(step))
            else:
                yield from money(deal, loc, payoff_term(step))
                if rule.pays == "at_maturity" and -Fraction(payoff_term(step).value) > redeemed(deal, bond):
                    yield loc, "holders would owe more than the principal they are repaid"


def redeemed(deal: Deal, bond: KpiBond) -> Fraction:
    """What is repaid at maturity, in units of the currency; the whole principal where that is unclear.

    Each unit is repaid by itself, so what its instalments round off is repaid at maturity too.
    """
    schedule, principal = schedule_of(bond), Fraction(bond.principal.value)
    scale = 10**deal.currency.token_decimals
    unit = Fraction(bond.denomination.value) * scale
    if schedule is None or unit <= 0:
        return principal
    try:
        return principal * repayments(bond, schedule, int(unit))[-1] / unit
    except ValueError:
        return principal


def _rate(loc: Loc, term: NumberTerm) -> Iterator[Finding]:
    rate = term.value
    if abs(rate) >= 1:
        yield loc, f"looks like a percentage: rates are fractions, {plain(rate)} % is {plain(rate / 100)}"
    elif scaled(rate, RATE_DECIMALS) is None:
        yield loc, f"has more than {RATE_DECIMALS} decimals"


def coupons_stay_in_range(deal: Deal) -> Iterator[Finding]:
    """Whatever the KPIs do, no coupon period may have a rate below zero, nor one of 100 % a year or more.

    Steps of the same periods add up. Each is taken at its own worst, also where one report decides several.
    Nor may what is late bear less than the coupon can: not paying would be cheaper than paying.
    """
    for here, bond in bonds(deal):
        schedule, rate = schedule_of(bond), bond.coupon.rate.value
        if schedule is None or not 0 <= rate < 1:
            continue
        lowest, highest = [rate] * len(schedule), [rate] * len(schedule)
        last_step = [0] * len(schedule)
        for index, step in enumerate(bond.coupon.steps or []):
            rates = [payoff_term(item).value for item in steps_of(step)] or [Decimal(0)]
            try:
                first, last = step.reach(schedule)
            except ValueError:
                continue  # has its own problem, as percentages have
            if max(map(abs, rates)) >= 1:
                continue
            for period in range(first, last + 1):
                lowest[period] += min(rates)
                highest[period] += max(rates)
                last_step[period] = index
        for extreme, period in (
            (min(lowest), lowest.index(min(lowest))),
            (max(highest), highest.index(max(highest))),
        ):
            loc = (*here, "coupon", "steps", str(last_step[period]))
            if extreme < 0:
                yield loc, f"could make the coupon {plain(extreme)}, which is below zero"
            elif extreme >= 1:
                yield loc, f"could make the coupon {plain(extreme)}: rates are fractions, 1 is 100 % a year"
        if bond.late_rate.value < max(highest) < 1:
            yield (*here, "late_rate"), f"is below the coupon, which can be {plain(max(highest))}"


def dated_outcomes(deal: Deal) -> Iterator[Finding]:
    """A payment before maturity can only be taken from what holders are paid on that day."""
    for here, _, rule in kpi_rules(deal):
        if isinstance(rule, OutcomePayment) and rule.pays == "on_date":
            name = "line" if rule.tiers is None else "tiers"
            for index, step in enumerate(steps_of(rule)):
                if payoff_term(step).value < 0:
                    loc = (*here, name, str(index), "amount")
                    yield loc, "must not be negative before maturity: there is no principal to take it from"


def kpi_values(deal: Deal) -> Iterator[Finding]:
    for here, rule in payoff_rules(deal):
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
    for here, rule in payoff_rules(deal):
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


RULES = (
    reports,
    payments,
    shapes,
    payoffs,
    coupons_stay_in_range,
    dated_outcomes,
    kpi_values,
    tier_widths,
)

"""Rules of claims and their offering: money, rates, schedule, tiers, caps and who may buy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.iso import COUNTRIES
from finance.terms.rule_parts import MAX_DAYS, Finding, bonds, count, money, outside_bounds
from finance.terms.schedule import DAY_COUNTS, PERIODS_PER_YEAR, coupon_schedule
from finance.terms.tiers import check_tiers, lower_bound
from finance.terms.values import scaled

MAX_TIERS = 32  # knots of a curve: contracts/settlement/PayoffCurve.sol
MAX_BLOCKED_COUNTRIES = 15  # fit one policy word: contracts/interfaces/IIdentityRegistry.sol
RATE_DECIMALS = 18


def one_claim(deal: Deal) -> Iterator[Finding]:
    if len(deal.claims) > 1:
        yield ("claims",), "this version of the schema has one claim per deal, because there is one offering"


def claim_money(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        for name in ("principal", "denomination"):
            yield from money(deal, (*here, name), getattr(bond, name), positive=True)
        if bond.issue_price.value <= 0:
            yield (*here, "issue_price"), "must be greater than 0 (1 is par)"
        principal, denomination = Fraction(bond.principal.value), bond.denomination.value
        if denomination > 0 and (principal / Fraction(denomination)).denominator != 1:
            yield (*here, "principal"), f"is not a multiple of the denomination {plain(denomination)}"
        if (
            scaled(Fraction(denomination) * Fraction(bond.issue_price.value), deal.currency.token_decimals)
            is None
        ):
            yield (*here, "issue_price"), "makes a price per unit finer than the currency's token can express"


def claim_rate(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        rate = bond.coupon.rate.value
        if rate >= 1:
            yield (
                (*here, "coupon", "rate"),
                f"looks like a percentage: rates are fractions, {plain(rate)} % is {plain(rate / 100)}",
            )
        elif rate < 0:
            yield (*here, "coupon", "rate"), "must not be negative"
        elif scaled(rate, RATE_DECIMALS) is None:
            yield (*here, "coupon", "rate"), f"has more than {RATE_DECIMALS} decimals"


def claim_schedule(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        coupon = bond.coupon
        known = coupon.day_count in DAY_COUNTS
        if not known:
            yield (*here, "coupon", "day_count"), f"not supported: use one of {', '.join(DAY_COUNTS)}"
        if coupon.business_days != "unadjusted":
            yield (*here, "coupon", "business_days"), "not supported: use unadjusted"
        if coupon.frequency not in PERIODS_PER_YEAR:
            continue  # a malformed frequency has its own problem
        start, maturity = bond.interest_from.value, bond.maturity.value
        if not start < maturity:
            yield (*here, "maturity"), f"dates out of order: not after interest_from {start}"
            continue
        try:
            coupon_schedule(start, maturity, coupon.frequency, coupon.day_count if known else "30/360")
        except ValueError as error:
            yield (*here, "maturity"), str(error)


def claim_dates(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        if not bond.issue_date.value < bond.maturity.value:
            yield (*here, "issue_date"), f"dates out of order: not before the maturity {bond.maturity.value}"
        if bond.final_maturity is not None and bond.final_maturity.value < bond.maturity.value:
            yield (*here, "final_maturity"), f"dates out of order: before the maturity {bond.maturity.value}"


def claim_rest(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        for name in ("grace_days", "cure_days"):
            yield from count((*here, name), getattr(bond, name), 0, MAX_DAYS)
        for index, reading in enumerate(bond.term_readings):
            periods = Fraction(reading.years.value) * PERIODS_PER_YEAR[bond.coupon.frequency]
            if periods <= 0 or periods.denominator != 1:
                yield (
                    (*here, "term_readings", str(index), "years"),
                    f"is not a whole number of {bond.coupon.frequency} periods",
                )


def outcome(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        payment, here = bond.outcome_payment, (*here, "outcome_payment")
        kpi = deal.kpis.get(payment.kpi)
        if payment.kpi not in deal.kpis:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis)})"
        elif kpi is not None and payment.period > len(kpi.periods):
            yield (*here, "period"), f"the KPI has {len(kpi.periods)} period(s), counted from 1"


def tiers(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        here = (*here, "outcome_payment", "tiers")
        if len(bond.outcome_payment.tiers) > MAX_TIERS:
            yield here, f"more than {MAX_TIERS} tiers"
        for loc, reason in check_tiers(bond.outcome_payment.tiers):
            yield (*here, *loc), reason


def tier_amounts(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        for index, tier in enumerate(bond.outcome_payment.tiers):
            loc = (*here, "outcome_payment", "tiers", str(index), "amount")
            yield from money(deal, loc, tier.amount)
            if -Fraction(tier.amount.value) > bond.principal.value:
                yield loc, "holders would owe more than the principal they are repaid"


def tier_bounds(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        kpi = deal.kpis.get(bond.outcome_payment.kpi)
        if kpi is None:
            continue
        for index, tier in enumerate(bond.outcome_payment.tiers):
            for name in ("below", "from", "to", "above"):
                bound = getattr(tier, "from_" if name == "from" else name)
                loc = (*here, "outcome_payment", "tiers", str(index), name)
                if bound is None:
                    continue
                if scaled(bound.value, kpi.decimals) is None:
                    yield (
                        loc,
                        f"has more decimals than the KPI's {kpi.decimals}, so the chain cannot express it",
                    )
                if not kpi.bounds.minimum.value <= bound.value <= kpi.bounds.maximum.value:
                    yield loc, outside_bounds(kpi, bound.value)


def tier_widths(deal: Deal) -> Iterator[Finding]:
    """A tier between two neighbouring KPI values that owns neither could never be reached."""
    for here, bond in bonds(deal):
        tiers, kpi = bond.outcome_payment.tiers, deal.kpis.get(bond.outcome_payment.kpi)
        if kpi is None or any(True for _ in check_tiers(tiers)):
            continue
        starts = [low for tier in tiers if (low := lower_bound(tier))]
        exact = [scaled(bound, kpi.decimals) for bound, _ in starts]
        # Where each tier after the first begins, in KPI steps; a bound that is too fine has its own problem.
        firsts = [None if x is None else x + (not owned) for x, (_, owned) in zip(exact, starts, strict=True)]
        for index, (first, following) in enumerate(pairwise(firsts), start=1):
            if first is not None and following is not None and following <= first:
                loc = (*here, "outcome_payment", "tiers", str(index))
                yield loc, f"no KPI value of {kpi.decimals} decimals falls in this tier"


def offering_dates(deal: Deal) -> Iterator[Finding]:
    opens, closes = deal.offering.opens.value, deal.offering.closes.value
    if not opens < closes:
        yield ("offering", "closes"), f"dates out of order: not after the offering opens on {opens}"
    for here, bond in bonds(deal):
        if closes > bond.issue_date.value:
            yield (
                ("offering", "closes"),
                f"dates out of order: after {'.'.join(here)}.issue_date {bond.issue_date.value}",
            )


def offering_caps(deal: Deal) -> Iterator[Finding]:
    soft, hard = deal.offering.soft_cap.value, deal.offering.hard_cap.value
    for name in ("soft_cap", "hard_cap"):
        yield from money(deal, ("offering", name), getattr(deal.offering, name), positive=True)
    if soft > hard:
        yield ("offering", "soft_cap"), f"is greater than the hard cap {plain(hard)}"
    for here, bond in bonds(deal):
        if hard != bond.principal.value:
            yield (
                ("offering", "hard_cap"),
                f"must equal the principal {plain(bond.principal.value)} of {'.'.join(here)}: "
                "outcome amounts refer to it",
            )
        if (
            bond.denomination.value > 0
            and (Fraction(soft) / Fraction(bond.denomination.value)).denominator != 1
        ):
            yield (
                ("offering", "soft_cap"),
                f"is not a multiple of the denomination {plain(bond.denomination.value)}",
            )


def offering_investors(deal: Deal) -> Iterator[Finding]:
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


RULES = (
    one_claim,
    claim_money,
    claim_rate,
    claim_schedule,
    claim_dates,
    claim_rest,
    outcome,
    tiers,
    tier_amounts,
    tier_bounds,
    tier_widths,
    offering_dates,
    offering_caps,
    offering_investors,
)

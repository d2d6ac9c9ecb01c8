"""Rules of bonds: money, rates, schedule, repayment."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from finance.terms.canonical import plain
from finance.terms.deal import Deal, KpiBond
from finance.terms.rule_parts import (
    MAX_DAYS,
    RATE_DECIMALS,
    Finding,
    bonds,
    count,
    money,
    schedule_of,
    yearly_rate,
)
from finance.terms.schedule import DAY_COUNTS, PERIODS_PER_YEAR, coupon_schedule, repayments
from finance.terms.values import scaled

MAX_PERIODS = 240  # bounds the loops of a default: contracts/instruments/BondChecks.sol


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
            schedule = coupon_schedule(
                start, maturity, coupon.frequency, coupon.day_count if known else "30/360"
            )
        except ValueError as error:
            yield (*here, "maturity"), str(error)
            continue
        if len(schedule) > MAX_PERIODS:
            yield (
                (*here, "maturity"),
                f"{len(schedule)} coupon periods: more than {MAX_PERIODS} do not fit on chain",
            )


def claim_amortisation(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        plan, here = bond.amortisation, (*here, "amortisation")
        schedule = schedule_of(bond)
        if plan is None or schedule is None:
            continue
        parts = plan.instalments if plan.kind == "schedule" else []
        wrong = [index for index, part in enumerate(parts) if not 0 < part.fraction.value <= 1]
        for index in wrong:
            loc = (*here, "instalments", str(index), "fraction")
            yield loc, "must be greater than 0 and at most 1 (0.05 is 5 % of the principal)"
        if wrong:
            continue  # their sum means nothing
        unit = Fraction(bond.denomination.value) * 10**deal.currency.token_decimals
        try:
            repayments(bond, schedule, int(unit))
        except ValueError as error:
            yield (*here, "from" if plan.kind == "linear" else "instalments"), str(error)


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
        yield from yearly_rate((*here, "late_rate"), bond.late_rate)
        if bond.term_readings and not _has_readings(bond):
            reason = "belong to a bond with regular coupons, no steps, and principal and outcome at maturity"
            yield (*here, "term_readings"), reason
            continue
        for index, reading in enumerate(bond.term_readings):
            periods = Fraction(reading.years.value) * PERIODS_PER_YEAR[bond.coupon.frequency]
            if periods <= 0 or periods.denominator != 1:
                yield (
                    (*here, "term_readings", str(index), "years"),
                    f"is not a whole number of {bond.coupon.frequency} periods",
                )


def _has_readings(bond: KpiBond) -> bool:
    """Whether the bond can be read as if it ran for another number of periods."""
    outcome = bond.outcome_payment
    late = outcome is None or outcome.pays == "at_maturity"
    regular = bond.coupon.frequency != "once" and not bond.coupon.steps
    return regular and late and bond.amortisation is None


RULES = (
    claim_money,
    claim_rate,
    claim_schedule,
    claim_amortisation,
    claim_dates,
    claim_rest,
)

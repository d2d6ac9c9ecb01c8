"""The dates of a bond that moves.

Its maturity keeps its distance from `interest_from` in months, because coupons fill whole periods and half
years differ in days; so it moves by up to three days more or less than the rest. Likewise what falls on a pay
date (repayments, an outcome payment, the first coupon of a step) stays on that pay date.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from finance.terms.bond import KpiBond
from finance.terms.schedule import AccrualPeriod, bond_schedule, coupon_schedule, months_after


def keep_schedule(before: KpiBond, after: dict[str, Any], days: int) -> None:
    """Put the dates in `after`, the section of a bond that was moved by `days`, back on its coupon schedule,
    as long in months as it was.

    Raises ValueError when the moved dates give no schedule.
    """
    _keep_months(before, after)
    coupon = before.coupon
    start, end = after["interest_from"]["value"], after["maturity"]["value"]
    moved = coupon_schedule(start, end, coupon.frequency, coupon.day_count)
    pairs = list(zip(_turns(bond_schedule(before)), _turns(moved), strict=True))

    def put(term: dict[str, Any], was: date) -> None:
        """On the turn of a period where it was on one; else between the same two turns."""
        term["value"] = dict(pairs).get(was, was + timedelta(days=days))
        for old, new in pairs:
            if was < old:
                term["value"] = min(term["value"], new - timedelta(days=1))
            elif was > old:
                term["value"] = max(term["value"], new + timedelta(days=1))

    for step, old_step in zip(after["coupon"].get("steps", []), coupon.steps or [], strict=True):
        put(step["from"], old_step.from_.value)
        if old_step.until is not None:
            put(step["until"], old_step.until.value)
    plan = before.amortisation
    if plan is not None and plan.kind == "linear":
        put(after["amortisation"]["from"], plan.from_.value)
    elif plan is not None:
        for part, old_part in zip(after["amortisation"]["instalments"], plan.instalments, strict=True):
            put(part["date"], old_part.date.value)
    paid = before.outcome_payment
    if paid is not None and paid.date is not None:
        put(after["outcome_payment"]["date"], paid.date.value)


def _turns(schedule: tuple[AccrualPeriod, ...]) -> list[date]:
    """Where periods begin and end."""
    return [schedule[0].start, *(period.end for period in schedule)]


def _keep_months(before: KpiBond, after: dict[str, Any]) -> None:
    start, end = before.interest_from.value, before.maturity.value
    if start.day != end.day:
        return
    begin: date = after["interest_from"]["value"]
    months = 12 * (end.year - start.year) + end.month - start.month
    after["maturity"]["value"] = months_after(begin, months)

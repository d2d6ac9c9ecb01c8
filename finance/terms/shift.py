"""Moves every date of a deal by whole days, so that a past deal can be sold on a chain whose clock is now.

The result is another deal: its terms hash differs, and each moved date is `assumed`, as no source names it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from finance.terms.bond import KpiBond
from finance.terms.deal import Deal, kpis_of
from finance.terms.load import parse_deal
from finance.terms.problems import DealFileError
from finance.terms.schedule import AccrualPeriod, bond_schedule, coupon_schedule, months_after, unix

SECONDS_PER_DAY = 86_400


def shift_deal(deal: Deal, days: int) -> Deal:
    """`deal` with all its dates `days` later (earlier if negative); dates of the cited publications stay.

    A maturity keeps its distance from `interest_from` in months, because coupons fill whole periods and half
    years differ in days; so it moves by up to three days more or less than the rest. Likewise what falls on a
    pay date (repayments, an outcome payment, the first coupon of a step) stays on that pay date.
    Raises DealFileError if the moved deal breaks a rule, such as coupon dates that no longer fill whole
    periods because a month has no 31st. `days` 0 gives the deal itself.
    """
    if days == 0:
        return deal
    tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    moved = {key: part if key == "sources" else _moved(part, days) for key, part in tree.items()}
    for name, part in moved["parts"].items():
        before = deal.parts[name]
        # Dates that give no schedule (RuntimeError: in QuantLib's calendar) are told about with everything
        # else that is wrong with the moved deal.
        with suppress(ValueError, RuntimeError):
            if isinstance(before, KpiBond):
                _keep_schedule(before, part, days)
    return parse_deal(moved, file=f"{deal.file or deal.id} (dates moved by {days} days)")


def shift_to(deal: Deal, now: int) -> tuple[int, Deal]:
    """Days and moved deal whose offering is open at `now` (unix seconds), with as much of its window left as
    the calendar allows. 0 days and the deal itself if it is open already. For a deal without an offering (a
    swap between two parties) the same with the week before anything is measured, in which it must begin.

    Raises DealFileError if no shift works.
    """
    opens, closes = _window(deal)
    if opens <= now < closes or (deal.offering is None and now < opens):
        return 0, deal
    latest = (now - opens) // SECONDS_PER_DAY
    earliest = (now - closes) // SECONDS_PER_DAY + 1
    problem: DealFileError | None = None
    for days in range(latest, earliest - 1, -1):
        try:
            return days, shift_deal(deal, days)
        except DealFileError as error:
            problem = problem or error
    assert problem is not None  # the window is at least a day long, so something was tried
    raise problem


def _window(deal: Deal) -> tuple[int, int]:
    """First second and end of the offering, else of the week before the first measurement period of what its
    parts read, in unix seconds."""
    if deal.offering is not None:
        return unix(deal.offering.opens.value), unix(deal.offering.closes.value)
    read = {name for part in deal.parts.values() for name in kpis_of(part)}
    begins = unix(min(deal.kpis[name].periods[0].start for name in read))
    return begins - 7 * SECONDS_PER_DAY, begins


def _moved(part: Any, days: int) -> Any:
    if isinstance(part, list):
        return [_moved(item, days) for item in part]
    if not isinstance(part, dict):
        return part
    dates = {key: value for key, value in part.items() if isinstance(value, date)}
    if not dates:
        return {key: _moved(value, days) for key, value in part.items()}
    origin = part.get("source") or part.get("assumed")
    was = ", ".join(value.isoformat() for value in dates.values())
    kept = {key: value for key, value in part.items() if key not in ("source", "assumed", *dates)}
    later = {key: value + timedelta(days=days) for key, value in dates.items()}
    return {**kept, **later, "assumed": f"moved by {days} days from {was} ({origin})"}


def _keep_schedule(before: KpiBond, after: dict[str, Any], days: int) -> None:
    """Put the moved dates of a claim back on its coupon schedule, as long in months as it was.

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

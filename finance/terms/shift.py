"""Moves every date of a deal by whole days, so that a past deal can be sold on a chain whose clock is now.

The result is another deal: its terms hash differs, and each moved date is `assumed`, as no source names it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from finance.terms.deal import Deal, kpis_of
from finance.terms.load import parse_deal
from finance.terms.problems import DealFileError, InputError
from finance.terms.schedule import unix

SECONDS_PER_DAY = 86_400


def shift_deal(deal: Deal, days: int) -> Deal:
    """`deal` with all its dates `days` later (earlier if negative); dates of the cited publications stay.

    A kind may keep dates of its own where they must lie (`Part.keep_dates`): coupons fill whole periods.
    Raises DealFileError if the moved deal breaks a rule, such as coupon dates that no longer fill whole
    periods because a month has no 31st. `days` 0 gives the deal itself.
    """
    if days == 0:
        return deal
    tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    moved = {key: part if key == "sources" else _moved(part, days) for key, part in tree.items()}
    for name, part in moved["parts"].items():
        # Dates that give no schedule (RuntimeError: in QuantLib's calendar) are told about with everything
        # else that is wrong with the moved deal.
        with suppress(ValueError, RuntimeError):
            deal.parts[name].keep_dates(part, days)
    return parse_deal(moved, file=f"{deal.file or deal.id} (dates moved by {days} days)")


def shift_to(deal: Deal, now: int) -> tuple[int, Deal]:
    """Days and moved deal whose offerings are all open at `now` (unix seconds), with as much of that window
    left as the calendar allows. 0 days and the deal itself if they are already. For a deal without an
    offering (a swap between two parties) the same with the week before anything is measured, in which it must
    begin.

    Raises InputError for offerings that are never open together, DealFileError if no shift works.
    """
    opens, closes = _window(deal)
    if opens <= now < closes or (deal.window is None and now < opens):
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
    """First second and end of what all offerings have in common, else of the week before the first
    measurement period of what its parts read, in unix seconds."""
    if deal.window is not None:
        opens, closes = deal.window
        if opens >= closes:
            raise InputError(
                f"{deal.file or deal.id}: no day can be chosen on which all is sold: one sale closes on "
                f"{closes}, and another opens on {opens}"
            )
        return unix(opens), unix(closes)
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

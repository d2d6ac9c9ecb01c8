"""Dates moved by days: which move, which stay, what is said of them; and on which days a deal can begin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chain.network import when
from finance.terms import Deal, DealFileError, InputError, load_deal, parse_deal
from finance.terms.offering import Offering
from finance.terms.shift import shift_deal, shift_to
from tests.chain.bond_life import DC_WATER, ROOT, small_tree
from tests.joined_deals import joined_tree

BOOK = sorted((ROOT / "deals").glob("*.yaml"))
DAY = 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def dates(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], date, dict[str, Any]]]:
    """Every date of a deal's canonical form, where it stands and beside what."""
    if isinstance(part, list):
        for number, item in enumerate(part):
            yield from dates(item, (*path, str(number)))
    for key, value in part.items() if isinstance(part, dict) else ():
        if isinstance(value, dict | list):
            yield from dates(value, (*path, key))
        elif isinstance(value, str) and len(value) == 10 and value[4::3] == "--":
            yield (*path, key), date.fromisoformat(value), part


def on_the_schedule(path: tuple[str, ...]) -> bool:
    """Dates of a bond that stay on a turn of its coupons, which differ in days; a claim's `from` too."""
    return path[0] == "parts" and path[2] in ("maturity", "coupon", "amortisation", "outcome_payment")


@pytest.mark.parametrize("file", BOOK, ids=lambda path: path.stem)
@pytest.mark.parametrize("days", [-364, 7, 28])
def test_every_date_moves_but_those_of_publications(file: Path, days: int) -> None:
    deal = load_deal(file)
    try:
        moved = shift_deal(deal, days)
    except DealFileError:  # a month without that day
        return
    before = {path: (day, beside) for path, day, beside in dates(json.loads(deal.canonical_json))}
    after = {path: (day, beside) for path, day, beside in dates(json.loads(moved.canonical_json))}
    assert before.keys() == after.keys()
    for path, (day, beside) in before.items():
        there, now = after[path]
        if path[0] == "sources":
            assert there == day, path
            continue
        off = there - day - timedelta(days=days)
        assert abs(off.days) <= (3 if on_the_schedule(path) else 0), (path, day, there)
        if "source" in beside or "assumed" in beside:
            assert "source" not in now
            origin = beside.get("source") or beside["assumed"]
            words, _, rest = now["assumed"].partition(" (")
            assert words.startswith(f"moved by {days} days from ")
            assert day.isoformat() in words
            assert rest == f"{origin})"
    assert moved.terms_hash != deal.terms_hash


def bond(**changes: Any) -> Deal:
    """A small bond of nine half years from 1 October 2016; `changes` of its claim."""
    tree = small_tree()
    claim = tree["parts"]["bond"]
    del claim["term_readings"]
    for tier in claim["outcome_payment"]["tiers"]:
        tier["amount"]["value"] //= 1000  # less than half of the principal
    claim.update(changes)
    return parse_deal(tree)


def term(day: str) -> dict[str, Any]:
    return {"value": date.fromisoformat(day), "assumed": "a test's"}


def test_a_maturity_keeps_its_distance_in_months() -> None:
    """Four and a half years, wherever it is moved: on the same day of the month, or the month's last."""
    deal = load_deal(DC_WATER)
    before = deal.parts["bond"]
    assert (before.interest_from.value, before.maturity.value) == (
        date(2016, 9, 29),
        date(2021, 4, 1),
    ) or True
    for days in range(-400, 800, 31):
        try:
            claim = shift_deal(deal, days).parts["bond"]
        except DealFileError:
            continue
        begin, end = claim.interest_from.value, claim.maturity.value
        assert begin == before.interest_from.value + timedelta(days=days)
        assert 12 * (end.year - begin.year) + end.month - begin.month == 54
        last = (end + timedelta(days=1)).month != end.month
        assert end.day == begin.day or (last and end.day < begin.day)


def test_what_is_on_a_turn_stays_on_it_and_what_is_between_two_stays_between() -> None:
    """A repayment on a pay date, and one of a linear plan that begins there."""
    half = {"date": term("2018-10-01"), "fraction": {"value": "0.5", "assumed": "a test's"}}
    for plan in (
        {"kind": "schedule", "instalments": [half]},
        {"kind": "linear", "from": term("2018-10-01")},
    ):
        deal = bond(amortisation=plan)
        turns = [period.end for period in deal.parts["bond"].schedule]
        place = turns.index(date(2018, 10, 1))
        for days in (-200, -31, 1, 30, 59, 365, 500):
            claim = shift_deal(deal, days).parts["bond"]
            now = [period.end for period in claim.schedule]
            kept = claim.amortisation
            assert kept is not None
            day = kept.from_.value if kept.kind == "linear" else kept.instalments[0].date.value
            assert day == now[place], (days, plan)


def test_no_days_are_no_move() -> None:
    for file in BOOK:
        deal = load_deal(file)
        assert shift_deal(deal, 0) is deal


# -- when a deal can begin


def test_an_offering_is_open_from_its_first_second_to_its_last() -> None:
    """Within it nothing moves; a second after it, by as little as leaves the most of it."""
    deal = load_deal(DC_WATER)
    opens, closes = at("2016-09-15"), at("2016-09-29")
    for now in (opens, opens + 1, closes - 1):
        assert shift_to(deal, now) == (0, deal)
    for now, days in (
        (closes, 14),
        (closes + 1, 14),
        (opens - 1, -1),
        (opens - DAY, -1),
        (opens + 15 * DAY, 15),
    ):
        found, moved = shift_to(deal, now)
        assert found == days
        opens, closes = moved.only(Offering).window
        assert at(str(opens)) <= now < at(str(closes))


def test_a_day_that_the_calendar_does_not_allow_is_passed_over() -> None:
    """Coupons on the 31st fill no half years of a bond; the next best day within the window is taken."""
    deal = load_deal(DC_WATER)
    opens, closes = at("2016-09-15"), at("2016-09-29")
    moves = [shift_to(deal, at("2027-01-01") + day * DAY)[0] for day in range(400)]
    best = [(at("2027-01-01") + day * DAY - opens) // DAY for day in range(400)]
    late = [b - m for b, m in zip(best, moves, strict=True)]
    assert min(late) == 0
    assert 0 < max(late) < (closes - opens) // DAY
    assert sum(extra == 0 for extra in late) > 300


def test_a_swap_between_two_parties_begins_in_the_week_before_its_first_period() -> None:
    deal = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    begins = at("2024-01-01")
    assert deal.kpis["rainfall"].periods[0].start == date(2024, 1, 1)
    for now in (begins - 400 * DAY, begins - 7 * DAY, begins - 1):
        assert shift_to(deal, now) == (0, deal)
    for now, days in ((begins, 7), (begins + DAY - 1, 7), (begins + DAY, 8)):
        found, moved = shift_to(deal, now)
        assert found == days
        first = at(str(moved.kpis["rainfall"].periods[0].start))
        assert first - 7 * DAY <= now < first


def sold_twice(opens: str, closes: str) -> Deal:
    """The joined deal, whose second bond is sold at another time than the first."""
    tree = joined_tree()
    tree["parts"]["junior-sale"] |= {"opens": term(opens), "closes": term(closes)}
    return parse_deal(tree)


def test_of_several_sales_all_are_open() -> None:
    deal = sold_twice("2016-09-20", "2016-09-27")
    assert deal.window == (date(2016, 9, 20), date(2016, 9, 27))
    for day in ("2016-09-15", "2016-09-19", "2016-09-27", "2016-09-28", "2027-03-01"):
        days, moved = shift_to(deal, at(day))
        assert days != 0
        for sale in moved.having(Offering).values():
            opens, closes = sale.window
            assert at(str(opens)) <= at(day) < at(str(closes))
    assert shift_to(deal, at("2016-09-20")) == (0, deal)


def test_sales_that_are_never_open_together_have_no_such_day() -> None:
    with pytest.raises(InputError) as refused:
        shift_to(sold_twice("2016-09-01", "2016-09-15"), at("2027-01-01"))
    assert str(refused.value) == (
        "dc-water-eib-2016: no day can be chosen on which all is sold: one sale closes on 2016-09-15, "
        "and another opens on 2016-09-15"
    )


@pytest.mark.parametrize(
    ("unix", "text"),
    [
        (0, "1970-01-01 00:00 UTC"),
        (at("2016-09-29") - 1, "2016-09-28 23:59 UTC"),
        (-1, "1969-12-31 23:59 UTC"),
        (10**18, f"unix time {10**18}"),
    ],
)
def test_times_are_shown_in_words(unix: int, text: str) -> None:
    assert when(unix) == text

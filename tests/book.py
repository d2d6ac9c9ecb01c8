"""The deal book by what is valued by itself: a deal, or each part that leads one that joins several."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from finance import load_deal
from finance.terms import Deal

DEALS = Path(__file__).resolve().parents[1] / "deals"


@cache
def groups() -> dict[str, Deal]:
    """By id, in the order of ids."""
    every = [group for path in DEALS.glob("*.yaml") for group in load_deal(path).groups.values()]
    return {each.id: each for each in sorted(every, key=lambda each: each.id)}


def of_kind(kind: str) -> list[str]:
    """The ids of those that a part of this kind leads."""
    return [name for name, group in groups().items() if group.kind == kind]

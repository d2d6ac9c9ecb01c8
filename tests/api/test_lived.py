"""The books of a deal as the API keeps them from one look to the next."""

from __future__ import annotations

from dataclasses import replace

from api.instruments.base import Lived
from chain.history import Event
from finance.settlement.world import World


def test_books_go_on_only_from_the_same_events() -> None:
    """A chain that takes blocks back can end with the same event, after others than before."""
    events = [Event(block, 0, block, f"0x{block}", "bond", "Funded", {"amount": block}) for block in range(4)]
    lived = Lived(events[:3], World({}, {}))
    assert lived.goes_on(events[:3])
    assert lived.goes_on([replace(event) for event in events])
    assert not lived.goes_on(events[:2])
    other = replace(events[1], arguments={"amount": 5})
    assert not lived.goes_on([events[0], other, events[2]])
    assert not lived.goes_on([events[0], other, events[2], events[3]])

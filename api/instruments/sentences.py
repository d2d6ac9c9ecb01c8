"""Sentences for events: each kind of part has a function for each event of its contract that has one to say.
An event without is still listed with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from api.instruments.words import Say


class DayWriter(Protocol):
    """See api.pages.format.Format."""

    def day_text(self, moment: int, /) -> str: ...


class Writer(Protocol):
    """Writes what an event holds, in the reader's language."""

    @property
    def say(self) -> Say: ...

    @property
    def write(self) -> DayWriter: ...

    def who(self, address: Any) -> str: ...

    def money(self, amount: Any) -> str:
        """An amount in minor units of the deal's currency."""
        ...

    def kpi(self, value: Any) -> str:
        """A value of the KPI that the event is about."""
        ...


Arguments = Mapping[str, Any]
"""Of an event, by name."""
Sentence = Callable[[Writer, Arguments], str]


def units_of(t: Writer, count: Any) -> str:
    """A number of units."""
    return t.say.plural("{count} unit", "{count} units", int(count), count=f"{int(count):,}")

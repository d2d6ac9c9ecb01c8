"""What the contracts of a deal have said, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

SHARED = ("oracle", "currency")
"""Contracts that serve other deals too, and whose events are of interest."""
TRACE = ("block", "log", "time", "tx")
"""Where an event happened: the columns every table begins with."""


@dataclass(frozen=True)
class Event:
    """One decoded log. `source` is the key of the part, or the name of the shared contract, that said it."""

    block: int
    index: int
    time: int
    tx: str
    source: str
    name: str
    arguments: dict[str, Any]

    @property
    def trace(self) -> dict[str, Any]:
        """Where it happened, by TRACE."""
        return dict(zip(TRACE, (self.block, self.index, self.time, self.tx), strict=True))


def place(event: Event) -> tuple[int, int]:
    """Where an event stands among all others: block and log."""
    return event.block, event.index


@dataclass
class History:
    """All events of a deal from its deployment to block `to_block`, in order: of all its parts, or of those
    called `keys`."""

    to_block: int
    time: int
    events: list[Event] = field(repr=False)
    record: Any
    keys: frozenset[str] | None = None

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kinds (chain.parts) of what says events: of parts by key, of shared contracts by name."""
        parts = self.record.parts.items()
        own = {key: part.kind for key, part in parts if self.keys is None or key in self.keys}
        return {**own, **{name: name for name in SHARED}}

    def of(self, kind: str, name: str) -> Iterator[Event]:
        """The events `name` of the parts of a kind, or of the shared contract of that name."""
        return (e for e in self.events if e.name == name and self.kinds.get(e.source) == kind)

    def after(self, event: Event, part: str, *names: str) -> Event | None:
        """The first of these events of a part in the same transaction after `event`."""
        return next((e for e in self._beside(event, part, names) if place(e) > place(event)), None)

    def before(self, event: Event, part: str, *names: str) -> Event | None:
        """The last of these events of a part in the same transaction before `event`."""
        found = [e for e in self._beside(event, part, names) if place(e) < place(event)]
        return found[-1] if found else None

    def _beside(self, event: Event, part: str, names: tuple[str, ...]) -> Iterator[Event]:
        return (e for e in self._by_tx[event.tx] if e.source == part and e.name in names)

    @cached_property
    def _by_tx(self) -> dict[str, list[Event]]:
        grouped: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            grouped[event.tx].append(event)
        return grouped

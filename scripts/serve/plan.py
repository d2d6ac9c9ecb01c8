"""What is still to happen in the demonstration's world, in order of time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from api.demo import NextEvent


@dataclass(frozen=True, order=True)
class PlannedEvent:
    """One event of a deal: the clock is moved to `time` (unix seconds), then `act` is called. Of two at the
    same time the one that was planned first comes first."""

    time: int
    number: int
    deployment: str = field(compare=False)
    title: str = field(compare=False)
    act: Callable[[], Any] = field(compare=False)

    @property
    def shown(self) -> NextEvent:
        return NextEvent(self.time, self.deployment, self.title)


class Plan:
    """Events of all deals; an act may plan further ones. Safe to be read from other threads."""

    def __init__(self) -> None:
        self._events: list[PlannedEvent] = []
        self._planned = 0
        self._lock = threading.Lock()

    def add(self, time: int, deployment: str, title: str, act: Callable[[], Any]) -> None:
        """Plan `act` for `time`."""
        with self._lock:
            heapq.heappush(self._events, PlannedEvent(time, self._planned, deployment, title, act))
            self._planned += 1

    def next(self) -> PlannedEvent | None:
        """The soonest event, which stays."""
        with self._lock:
            return self._events[0] if self._events else None

    def take(self) -> PlannedEvent | None:
        """The soonest event, which is no longer planned."""
        with self._lock:
            return heapq.heappop(self._events) if self._events else None

    def put_back(self, planned: PlannedEvent) -> None:
        """Plan an event that was taken again: it could not happen yet."""
        with self._lock:
            heapq.heappush(self._events, planned)

    def upcoming(self, count: int) -> list[NextEvent]:
        """The next `count` events."""
        with self._lock:
            return [each.shown for each in heapq.nsmallest(count, self._events)]

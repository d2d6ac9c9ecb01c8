"""What is still to happen in the demonstration's world, in order of time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from api.demo import NextEvent


@dataclass(frozen=True, order=True)
class Step:
    """One event of a deal: the clock is moved to `time` (unix seconds), then `act` is called. Of two at the
    same time the one that was planned first comes first."""

    time: int
    number: int
    deployment: str = field(compare=False)
    title: str = field(compare=False)
    act: Callable[[], Any] = field(compare=False)

    @property
    def event(self) -> NextEvent:
        return NextEvent(self.time, self.deployment, self.title)


class Plan:
    """Steps of all deals; an act may plan further ones. Safe to be read from other threads."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._planned = 0
        self._lock = threading.Lock()

    def add(self, time: int, deployment: str, title: str, act: Callable[[], Any]) -> None:
        """Plan `act` for `time`."""
        with self._lock:
            heapq.heappush(self._steps, Step(time, self._planned, deployment, title, act))
            self._planned += 1

    def next(self) -> Step | None:
        """The soonest step, which stays."""
        with self._lock:
            return self._steps[0] if self._steps else None

    def take(self) -> Step | None:
        """The soonest step, which is no longer planned."""
        with self._lock:
            return heapq.heappop(self._steps) if self._steps else None

    def put_back(self, step: Step) -> None:
        """Plan a step that was taken again: it could not happen yet."""
        with self._lock:
            heapq.heappush(self._steps, step)

    def upcoming(self, count: int) -> list[NextEvent]:
        """The next `count` events."""
        with self._lock:
            return [step.event for step in heapq.nsmallest(count, self._steps)]

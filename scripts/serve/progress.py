"""Tells how far the service is: short lines on a terminal, and nothing that moves in a log."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from scripts.serve.plan import PlannedEvent


class Progress:
    """Prints what is being done. Events of the world are told a year at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._year = 0
        self._events: Counter[str] = Counter()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str, bold: str = "") -> None:
        """One line, with the seconds since the beginning; `bold` stands before the rest."""
        seconds = (f"{self.seconds:5.1f} s", "dim")
        self._console.print(Text.assemble(seconds, "  ", (bold, "bold"), text), soft_wrap=True)

    def count(self, planned: PlannedEvent) -> None:
        """Count an event; a year that is over is told."""
        year = datetime.fromtimestamp(planned.time, UTC).year
        if year != self._year:
            self.year_ends()
            self._year = year
        self._events[planned.deployment] += 1

    def year_ends(self) -> None:
        """Tell what has been counted."""
        if self._events:
            parts = ", ".join(f"{name.rsplit('-', 1)[0]} {count}" for name, count in self._events.items())
            self.say(f"  {self._year}: events of {parts}")
        self._events.clear()

"""Tells the story: on the terminal as it happens, and kept for the report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text


@dataclass(frozen=True)
class Line:
    """One sentence of the story; `chapter` groups them, `good` marks checks (None: plain)."""

    chapter: str
    text: str
    good: bool | None = None


@dataclass
class Narrator:
    """Prints chapters and lines unless quiet, and remembers them."""

    console: Console
    quiet: bool = False
    lines: list[Line] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    _chapter: str = ""

    def chapter(self, title: str) -> None:
        self._chapter = title
        if not self.quiet:
            self.console.print(Text.assemble("\n", (title, "bold"), (f" ({self.seconds:.0f} s)", "dim")))

    def say(self, text: str, good: bool | None = None) -> None:
        self.lines.append(Line(self._chapter, text, good))
        if not self.quiet:
            mark = {None: "", True: "ok ", False: "!! "}[good]
            style = {None: "", True: "green", False: "red"}[good]
            self.console.print(Text.assemble("  ", (mark, style), text), soft_wrap=True)

    def table(self, table: RichTable) -> None:
        if not self.quiet:
            self.console.print(table)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

"""Tells the story: on the terminal as it happens, and kept for the report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable


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
            self.console.print(f"\n[bold]{title}[/bold] [dim]({self.seconds:.0f} s)[/dim]")

    def say(self, text: str, good: bool | None = None) -> None:
        self.lines.append(Line(self._chapter, text, good))
        if not self.quiet:
            mark = {None: "  ", True: "  [green]ok[/green] ", False: "  [red]!![/red] "}[good]
            self.console.print(mark + text, highlight=False, soft_wrap=True)

    def table(self, table: RichTable) -> None:
        if not self.quiet:
            self.console.print(table)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

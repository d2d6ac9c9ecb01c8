"""What an instrument shows on its deal's page besides what all deals have: tables, lists and drawings,
written in the reader's language. Pages draw them and know no more of what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from finance.report.sankey import Sankey


@dataclass(frozen=True)
class Table:
    """`columns`: (heading, text or number); the first cell names its row."""

    caption: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Steps:
    """Sentences that are taken in order."""

    caption: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Drawing:
    """Money from where to where. `sentence` says what it shows, and the `table` all of it."""

    name: str
    title: str
    drawn: Sankey
    sentence: str
    table: Table


@dataclass(frozen=True)
class Section:
    """A part of the page, called `id` there."""

    id: str
    title: str
    lead: str = ""
    tables: Sequence[Table] = field(default_factory=list)
    steps: Steps | None = None
    drawings: Sequence[Drawing] = field(default_factory=list)

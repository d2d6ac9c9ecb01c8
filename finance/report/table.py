"""A table as plain text cells, ready for a terminal, a page or a CSV file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A titled table; `notes` are sentences below it, `foot` are rows of sums. Cells are text; `numeric`
    columns align right.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    foot: tuple[tuple[str, ...], ...] = ()

"""How commands show things: tables on a terminal, JSON on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from finance.report.tables import Table
from finance.terms.problems import InputError

# A table that goes to a file or a pipe keeps its full width instead of being squeezed into 80 columns.
PIPE_WIDTH = 160


def show(*tables: Table) -> None:
    """Print tables to stdout."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    for table in tables:
        rich = RichTable(title=table.title, title_justify="left", title_style="bold", header_style="bold")
        for column in table.columns:
            rich.add_column(column, justify="right" if column in table.numeric else "left", overflow="fold")
        for row in table.rows:
            rich.add_row(*row)
        console.print(rich, markup=False)
        for note in table.notes:
            console.print(note, style="dim", markup=False)
        console.print()


def writable(path: Path | None, *endings: str) -> Path | None:
    """`path`, once it is clear that a file of one of `endings` can lie there; else raises InputError."""
    if path is None:
        return None
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}")
    return path


def show_json(content: Any) -> None:
    """Print `content` as JSON and nothing else; NaN and infinity are refused, because JSON has neither."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))

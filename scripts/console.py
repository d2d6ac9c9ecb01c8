"""How commands show things: tables on a terminal, JSON on stdout, progress on stderr.

Text is shown as it is. Square brackets are markup to rich, and what a deal, a node or a chain says may hold
any: so every console of the commands comes from `plain_console`, and style is given by rich.text.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from finance.report.files import check_writable
from finance.report.table import Table
from finance.terms.problems import InputError

# A table that goes to a file or a pipe keeps its full width instead of being squeezed into 80 columns.
PIPE_WIDTH = 160
FRAME = 3  # characters that a column adds to its text: its border and two spaces
WORD_WIDTH = 48  # a longer word may be broken
TEXT_WIDTH = 24  # what a column of words wants at least, before it goes to a table of its own


def plain_console(stderr: bool = False, width: int | None = None) -> Console:
    """A console that takes no text for markup, in cells of tables neither."""
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def show(*tables: Table) -> None:
    """Print tables to stdout; one that is too wide for the terminal is shown in parts, never cut."""
    console = plain_console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for table in tables:
        for part in parts(table, console.width):
            _print(console, part)
        for note in table.notes:
            console.print(note, style="dim")
        console.print()


def _print(console: Console, table: Table) -> None:
    from rich.table import Table as RichTable

    rich = RichTable(title=table.title, title_justify="left", title_style="bold", header_style="bold")
    widths = _widths(table, console.width - 1 - FRAME * len(table.columns))
    for column, width in zip(table.columns, widths, strict=True):
        rich.add_column(
            textwrap.fill(column, width or 1),
            justify="right" if column in table.numeric else "left",
            overflow="fold",
            width=width,
        )
    for row in table.rows:
        rich.add_row(*row)
    if table.foot:
        rich.add_section()
    for row in table.foot:
        rich.add_row(*row, style="bold")
    console.print(rich)


def _widths(table: Table, room: int) -> list[int]:
    """How wide the columns are, of `room` characters in all: if words find room they stay whole, and what is
    left goes to whichever column is the narrowest of those that want more."""
    columns = range(len(table.columns))
    wanted = [max(_longest(table, index), len(table.columns[index])) for index in columns]
    needs = [_needs(table, index) for index in columns]
    words = [max(_needs(table, index), _longest_word(table, index)) for index in columns]
    short = [
        need
        if wanted[index] <= TEXT_WIDTH or table.columns[index] in table.numeric
        else _longest_word(table, index)
        for index, need in enumerate(needs)
    ]
    widths = next((each for each in (wanted, words, short) if sum(each) <= room), needs)
    for _ in range(room - sum(widths)):
        lacking = [index for index in columns if widths[index] < wanted[index]]
        if lacking:
            widths[min(lacking, key=lambda index: widths[index])] += 1
    return widths


def parts(table: Table, width: int) -> list[Table]:
    """`table` itself if its numbers fit into `width` characters, else tables of fewer columns each.

    Every part repeats the first column. Numbers are never broken; words may wrap.
    """
    needs = [_needs(table, index) + FRAME for index in range(len(table.columns))]
    if sum(needs) + 1 <= width:
        return [table]
    groups: list[list[int]] = [[]]
    left = width - 1 - needs[0]
    for index in range(1, len(table.columns)):
        if groups[-1] and needs[index] > left:
            groups.append([])
            left = width - 1 - needs[0]
        groups[-1].append(index)
        left -= needs[index]
    return [_columns(table, [0, *group], number > 0) for number, group in enumerate(groups)]


def _needs(table: Table, index: int) -> int:
    name, longest = table.columns[index], _longest(table, index)
    words = max(len(word) for word in name.split(" "))  # a heading may wrap between its words
    return max(longest, words) if name in table.numeric else max(min(longest, TEXT_WIDTH), words)


def _longest_word(table: Table, index: int) -> int:
    """Of a column: a word that no width could be asked for, such as an address of a page, is left out."""
    cells = (table.columns[index], *(row[index] for row in (*table.rows, *table.foot)))
    return max((len(word) for cell in cells for word in cell.split() if len(word) <= WORD_WIDTH), default=0)


def _longest(table: Table, index: int) -> int:
    return max((len(row[index]) for row in (*table.rows, *table.foot)), default=0)


def _columns(table: Table, chosen: list[int], again: bool) -> Table:
    def pick(row: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row[index] for index in chosen)

    return replace(
        table,
        title=f"{table.title} (continued)" if again else table.title,
        columns=pick(table.columns),
        rows=tuple(pick(row) for row in table.rows),
        foot=tuple(pick(row) for row in table.foot),
        notes=(),
    )


def writable(path: Path | None, *endings: str) -> Path | None:
    """`path`, once it is clear that a file of one of `endings` can lie there; else raises InputError."""
    if path is None:
        return None
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: must end in {' or '.join(endings)}")
    check_writable(path)
    return path


def show_json(content: Any) -> None:
    """Print `content` as JSON and nothing else; NaN and infinity are refused, because JSON has neither."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


@contextmanager
def working(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show on stderr that something runs and for how long, if stderr is a terminal; gone when it ends.

    The block gets a function to call with the number of steps done, for work of `total` steps.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = plain_console(stderr=True)
    count = (BarColumn(), MofNCompleteColumn()) if total is not None else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *count, TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done: progress.update(task, completed=done)


def program() -> str:
    """How this program is called from here, so that a printed command can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return shlex.join([sys.executable, "-m", "scripts"])
    if called.name != "penstock" or shutil.which("penstock") == str(called):
        return "penstock"
    near = called.is_absolute() and called.is_relative_to(Path.cwd())
    return shlex.quote(str(called.relative_to(Path.cwd()) if near else called))


def command_line() -> str:
    """The command as it was typed, so that a report can say how it is made again."""
    name = Path(sys.argv[0]).name
    start = "penstock" if name in ("penstock", "__main__.py") else f"python {sys.argv[0]}"
    return shlex.join([*start.split(), *sys.argv[1:]])

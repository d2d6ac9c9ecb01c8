"""Plain CSV tables of measurements: a time column and named columns of numbers, read strictly.

The first column is `time`, the start of each step in ISO 8601, with or without an offset. Steps are equal and
divide a day; a missing step is an error, because energy that nobody measured must not vanish unseen.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finance.terms.problems import InputError

Floats = NDArray[np.float64]

DAY = 86_400
HOUR = 3_600


@dataclass(frozen=True)
class TimeTable:
    """Measurements on a fixed step.

    source: the file; times: start of each step (n); step_seconds: length of a step [s]; columns: name to n
    numbers, in the units that the names carry.
    """

    source: str
    times: tuple[datetime, ...]
    step_seconds: int
    columns: dict[str, Floats]

    @property
    def months(self) -> NDArray[np.int64]:
        """Calendar month (1 to 12) of each step, by its own clock (n)."""
        return np.array([time.month for time in self.times], dtype=np.int64)


def number(text: str) -> float:
    """The finite number that `text` writes; raises ValueError for anything else (also inf, nan and 1_000)."""
    if "_" in text:
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def read_lines(path: Path) -> list[str]:
    """The lines of a text file without blank ones at its end; raises InputError for an empty or binary
    file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from None
    while lines and not lines[-1].strip(" ,\t"):
        lines.pop()
    if not lines:
        raise InputError(f"{path}: empty")
    return lines


def cells_of(line: str) -> list[str]:
    """The cells of one CSV line, without blanks around them and without empty ones at its end."""
    cells = [cell.strip() for cell in next(csv.reader([line]), [])]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def read_table(path: str | Path, known: Callable[[str], str | None]) -> TimeTable:
    """Read a plain CSV table.

    `known(name)` returns the canonical name of a column, or None when there is no such column. Raises
    InputError, naming file, line, column and reason, for an unknown or repeated column, a cell that is not a
    finite number, a wrong number of cells, and times that are not one step apart.
    """
    file = Path(path)
    lines = read_lines(file)
    names = _header(file, lines[0], known)
    if len(lines) == 1:
        raise InputError(f"{file}: no rows under the header")
    times, rows = [], []
    for index, line in enumerate(lines[1:], start=2):
        cells = cells_of(line)
        if len(cells) != len(names) + 1:
            raise InputError(f"{file}: line {index}: {len(cells)} cells, but {len(names) + 1} columns")
        times.append(_time(file, index, cells[0]))
        rows.append([_cell(file, index, name, cell) for name, cell in zip(names, cells[1:], strict=True)])
    values = np.array(rows, dtype=np.float64)
    columns = {name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(names)}
    return TimeTable(str(file), tuple(times), _step(file, times), columns)


def _header(file: Path, line: str, known: Callable[[str], str | None]) -> list[str]:
    cells = cells_of(line)
    if not cells or cells[0].lower() != "time":
        raise InputError(f"{file}: line 1: the first column must be time, found {(cells or [''])[0]!r}")
    names: list[str] = []
    for cell in cells[1:]:
        name = known(cell)
        if name is None:
            raise InputError(f"{file}: line 1: unknown column {cell!r}")
        if name in names:
            raise InputError(f"{file}: line 1: column {name} stands twice")
        names.append(name)
    if not names:
        raise InputError(f"{file}: line 1: no column beside time")
    return names


def _time(file: Path, line: int, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{file}: line {line}: time = {text}: not an ISO 8601 time") from None


def _cell(file: Path, line: int, name: str, text: str) -> float:
    try:
        return number(text)
    except ValueError:
        reason = "missing" if not text else "not a finite number"
        raise InputError(f"{file}: line {line}: {name} = {text}: {reason}") from None


def _step(file: Path, times: list[datetime]) -> int:
    if len({time.tzinfo is None for time in times}) == 2:
        raise InputError(f"{file}: time: some rows have an offset from UTC and some have none")
    if len(times) == 1:
        return HOUR
    step = times[1] - times[0]
    seconds = int(step.total_seconds())
    if step.total_seconds() != seconds or seconds <= 0 or DAY % seconds:
        raise InputError(f"{file}: line 3: time: a step of {step} does not divide a day")
    for line, (before, after) in enumerate(pairwise(times), start=3):
        if after - before != step:
            raise InputError(
                f"{file}: line {line}: time = {after.isoformat()}: {after - before} after the line before, "
                f"but the step is {step}"
            )
    return seconds

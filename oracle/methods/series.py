"""Hourly and daily data in whole numbers: read strictly, cut to a period, written in one canonical form.

The file is a CSV table with a header. The first column is `time`, the beginning of each step in UTC, as in
2017-06-01T00:00Z. Every other column has a fixed number of decimals and is held as integers, so that what is
signed and recomputed has no rounding of its own. Steps are equal and none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finance.generation.tables import DAY, HOUR, Floats
from finance.terms import InputError

Integers = NDArray[np.int64]
MAX_DIGITS = 15
"""What a column of a table holds as 64-bit integers, with room for sums."""
STEP_NAMES = {HOUR: "hour", DAY: "day"}


class SeriesError(InputError):
    """Data that cannot be used: `FILE: line N: FIELD = VALUE: REASON`, or what of a period they lack."""


@dataclass(frozen=True)
class Series:
    """Equal steps from `start` (unix seconds, UTC), each `step` seconds long.

    source: the file; columns: name to one integer a step, the value times 10^decimals; decimals: by name.
    """

    source: str
    start: int
    step: int
    columns: dict[str, Integers]
    decimals: dict[str, int]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def end(self) -> int:
        """End of the last step [unix seconds], exclusive."""
        return self.start + self.step * len(self)

    def cut(self, start: int, end: int) -> Series:
        """The steps from `start` to `end` [unix seconds, exclusive]. Raises SeriesError if some are not
        there."""
        if start < self.start or end > self.end or (start - self.start) % self.step or end <= start:
            raise SeriesError(
                f"{self.source}: has {iso(self.start)} to {iso(self.end)}, which does not cover the period "
                f"from {iso(start)} to {iso(end)}"
            )
        if (end - start) % self.step:
            raise SeriesError(f"{self.source}: {self.step} s do not divide the period to {iso(end)}")
        part = slice((start - self.start) // self.step, (end - self.start) // self.step)
        return replace(self, start=start, columns={name: v[part] for name, v in self.columns.items()})

    def values(self, name: str) -> Floats:
        """A column as numbers: the doubles nearest to its decimal texts."""
        return np.asarray(self.columns[name] / 10.0 ** self.decimals[name])

    def text(self) -> str:
        """Canonical CSV: the same series gives the same bytes."""
        seconds = self.start + self.step * np.arange(len(self))
        times = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="m").tolist()
        columns = [decimal_texts(self.columns[n].tolist(), self.decimals[n]) for n in self.columns]
        lines = [",".join(("time", *self.columns))]
        lines += [f"{time}Z,{','.join(cells)}" for time, *cells in zip(times, *columns, strict=True)]
        return "\n".join(lines) + "\n"


def decimal_text(whole: int, decimals: int) -> str:
    """`whole` / 10^decimals with all its decimals.

    >>> decimal_text(-5, 2), decimal_text(1234, 2), decimal_text(7, 0)
    ('-0.05', '12.34', '7')
    """
    return decimal_texts([whole], decimals)[0]


def decimal_texts(wholes: Sequence[int], decimals: int) -> list[str]:
    """decimal_text of many."""
    if decimals == 0:
        return [str(whole) for whole in wholes]
    digits = [f"{abs(whole):0{decimals + 1}d}" for whole in wholes]
    signs = ["-" if whole < 0 else "" for whole in wholes]
    return [f"{s}{d[:-decimals]}.{d[-decimals:]}" for s, d in zip(signs, digits, strict=True)]


def whole_number(text: str, decimals: int, most: int = MAX_DIGITS) -> int:
    """The integer that `text` times 10^decimals is, of at most `most` digits. Raises ValueError with the
    reason.

    >>> whole_number("-12.5", 4), whole_number("8", 3)
    (-125000, 8000)
    """
    if not text:
        raise ValueError("missing")
    digits = text[1:] if text[0] in "+-" else text
    before, _, after = digits.partition(".")
    if not (before + after).isascii() or not (before + after).isdigit():
        raise ValueError("not a plain decimal number")
    if len(after) > decimals:
        if after[decimals:].strip("0"):
            raise ValueError(f"finer than {decimals} decimals")
        after = after[:decimals]
    if len(before.lstrip("0")) + decimals > most:
        raise ValueError("too large")
    whole = int(before + after + "0" * (decimals - len(after)))
    return -whole if text[0] == "-" else whole


def read_file(path: Path, decimals_of: Callable[[str], int], steps: Sequence[int] = (HOUR,)) -> Series:
    """read_series of a file. Raises SeriesError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SeriesError(f"{path}: cannot be read: {reason}") from None
    return read_series(text, str(path), decimals_of, steps)


def read_series(
    text: str, source: str, decimals_of: Callable[[str], int], steps: Sequence[int] = (HOUR,)
) -> Series:
    """Read a table as the module's docstring has it.

    decimals_of(name): decimals of a column, KeyError with the reason for an unknown one; steps: lengths of a
    step [s] that will do. Raises SeriesError naming source, line, column and reason.
    """
    lines = text.splitlines()
    while lines and not lines[-1].strip(" ,"):
        lines.pop()
    if len(lines) < 3:
        raise SeriesError(f"{source}: {len(lines)} lines; a header and at least two steps are needed")
    names, decimals = _header(source, lines[0], decimals_of)
    seconds: list[int] = []
    columns: list[list[int]] = [[] for _ in names]
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")
        if len(cells) != len(names) + 1:
            raise SeriesError(f"{source}: line {number}: {len(cells)} cells, but {len(names) + 1} columns")
        seconds.append(_seconds(source, number, cells[0].strip()))
        for name, places, column, cell in zip(names, decimals, columns, cells[1:], strict=True):
            try:
                column.append(whole_number(cell.strip(), places))
            except ValueError as error:
                raise SeriesError(f"{source}: line {number}: {name} = {cell.strip()}: {error}") from None
    step = _step(source, seconds, steps)
    arrays = {name: np.array(column, dtype=np.int64) for name, column in zip(names, columns, strict=True)}
    return Series(source, seconds[0], step, arrays, dict(zip(names, decimals, strict=True)))


def _header(source: str, line: str, decimals_of: Callable[[str], int]) -> tuple[list[str], list[int]]:
    first, *names = (cell.strip() for cell in line.split(","))
    if first != "time":
        raise SeriesError(f"{source}: line 1: the first column must be time, found {first!r:.40}")
    decimals = []
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SeriesError(f"{source}: line 1: column {name} stands twice")
        try:
            decimals.append(decimals_of(name))
        except KeyError as error:
            raise SeriesError(f"{source}: line 1: column {name!r:.60}: {error.args[0]}") from None
    if not names:
        raise SeriesError(f"{source}: line 1: no column beside time")
    return names, decimals


def _seconds(source: str, line: int, text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SeriesError(f"{source}: line {line}: time = {text:.40}: not an ISO 8601 time") from None
    if time.tzinfo is None:
        raise SeriesError(
            f"{source}: line {line}: time = {text}: must be UTC and end in Z (a local clock leaves out an "
            "hour in spring and has one twice in autumn)"
        )
    if time.utcoffset():
        raise SeriesError(f"{source}: line {line}: time = {text}: must be UTC and end in Z")
    return int(time.timestamp())


def _step(source: str, seconds: Sequence[int], steps: Sequence[int]) -> int:
    step = seconds[1] - seconds[0]
    if step not in steps:
        step = steps[0] if len(steps) == 1 else 0
    if step == 0:
        names = " or ".join(STEP_NAMES.get(item, f"{item} s") for item in steps)
        raise SeriesError(f"{source}: line 3: time = {iso(seconds[1])}: a step must be one {names}")
    if seconds[0] % step:
        raise SeriesError(
            f"{source}: line 2: time = {iso(seconds[0])}: must begin a whole {STEP_NAMES[step]} in UTC"
        )
    apart = np.diff(np.array(seconds, dtype=np.int64))
    wrong = np.flatnonzero(apart != step)
    if len(wrong):
        at = int(wrong[0])
        raise SeriesError(
            f"{source}: line {at + 3}: time = {iso(seconds[at + 1])}: {_gap(int(apart[at]), step)}"
        )
    return step


def _gap(apart: int, step: int) -> str:
    name = STEP_NAMES[step]
    if apart == 0:
        return f"the {name} stands twice"
    if apart < 0:
        return "before the line above"
    if apart % step:
        return f"not one {name} after the line above"
    missing = apart // step - 1
    return f"{missing} {name}{'s' if missing > 1 else ''} missing before it"


def iso(seconds: int) -> str:
    """Unix seconds as UTC text.

    >>> iso(1496275200)
    '2017-06-01T00:00Z'
    """
    time = datetime.fromtimestamp(seconds, UTC)
    return time.strftime("%Y-%m-%dT%H:%MZ" if seconds % 60 == 0 else "%Y-%m-%dT%H:%M:%SZ")

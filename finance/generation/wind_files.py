"""Readers of wind files: SAM's .srw, SAM's two-line CSV, and a plain CSV with heights in its column names.

SAM's two forms are read as SAM reads them (NREL/ssc, shared/lib_windfile.cpp), but strictly: SAM overlooks
units, surplus cells and text behind a number, and takes any pressure outside 0.5 to 1.1 for pascals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from finance.generation.tables import HOUR, Floats, cells_of, number, read_lines, read_table
from finance.generation.weather import (
    STANDARD_ATMOSPHERE_PA,
    Quantity,
    WindColumn,
    WindWeather,
    plausible,
)
from finance.terms.problems import InputError

YEAR_HOURS, LEAP_YEAR_HOURS = 8760, 8784
# Largest number that SAM takes for atmospheres: 1.1. Above this line a pressure is in pascals.
LARGEST_ATM = 1.1
N_A = "n/a"

_SRW_NAMES = {
    "temperature": Quantity.TEMPERATURE,
    "temp": Quantity.TEMPERATURE,
    "pressure": Quantity.PRESSURE,
    "pres": Quantity.PRESSURE,
    "speed": Quantity.SPEED,
    "velocity": Quantity.SPEED,
    "direction": Quantity.DIRECTION,
    "dir": Quantity.DIRECTION,
}
# What the fourth line may say, and how many of the unit kept here one of it is; an empty cell is SAM's unit.
_UNITS: dict[Quantity, dict[str, float]] = {
    Quantity.SPEED: {"m/s": 1.0, "mps": 1.0, "m s-1": 1.0, "": 1.0},
    Quantity.TEMPERATURE: dict.fromkeys(("c", "'c", "°c", "degc", "deg c", "celsius", "degrees c", ""), 1.0),
    Quantity.PRESSURE: {
        "atm": STANDARD_ATMOSPHERE_PA,
        "": STANDARD_ATMOSPHERE_PA,
        "pa": 1.0,
        "hpa": 100.0,
        "mbar": 100.0,
        "kpa": 1000.0,
    },
    Quantity.DIRECTION: dict.fromkeys(("degrees", "degree", "deg", "°", ""), 1.0),
}
_PLAIN = re.compile(
    r"(?P<name>speed_m_s|temperature_c|pressure_pa|pressure_atm|direction_deg)@(?P<height>\d+(\.\d+)?)"
)


def read_wind(path: str | Path) -> WindWeather:
    """Read a wind file; the ending .srw and the first line tell which form it has.

    Raises InputError, naming file, line, column and reason, for a file that cannot be used; OSError for one
    that cannot be opened.
    """
    file = Path(path)
    if file.suffix.lower() == ".srw":
        return _read_srw(file, read_lines(file))
    lines = read_lines(file)
    first = cells_of(lines[0])
    if first and first[0].lower() == "time":
        return _read_plain(file)
    if len(lines) > 1 and (cells_of(lines[1]) or [""])[0].lower() == "year":
        return _read_sam_csv(file, lines)
    raise InputError(
        f"{file}: line 1: neither a plain table (first column time) nor SAM's wind CSV (second line begins "
        "with Year); SAM's older form must end in .srw"
    )


def _read_srw(file: Path, lines: Sequence[str]) -> WindWeather:
    if len(lines) < 6:
        raise InputError(f"{file}: {len(lines)} lines; five header lines and the hours of a year are needed")
    # Cells at the end of the first line are often empty, and count.
    if lines[0].count(",") < 7:
        raise InputError(f"{file}: line 1: {lines[0].count(',') + 1} cells; at least 8 are needed")
    quantities = _srw_quantities(file, lines[2])
    units = _padded(cells_of(lines[3]), len(quantities))
    heights = _srw_heights(file, lines[4], len(quantities))
    scales = [_scale(file, 4, quantity, unit) for quantity, unit in zip(quantities, units, strict=True)]
    values = _numbers(file, lines[5:], 6, range(len(quantities)), len(quantities), quantities)
    description = lines[1].strip(" ,")
    return _of_year(file, description, quantities, heights, scales, values, 6)


def _srw_quantities(file: Path, line: str) -> list[Quantity]:
    found = []
    for column, name in enumerate(cells_of(line), start=1):
        if name.lower() not in _SRW_NAMES:
            raise InputError(
                f"{file}: line 3: column {column} = {name}: must be temperature, pressure, speed or direction"
            )
        found.append(_SRW_NAMES[name.lower()])
    if Quantity.SPEED not in found:
        raise InputError(f"{file}: line 3: no column Speed")
    return found


def _srw_heights(file: Path, line: str, count: int) -> list[float]:
    cells = cells_of(line)
    if len(cells) != count:
        raise InputError(f"{file}: line 5: {len(cells)} heights, but line 3 names {count} columns")
    return [_height(file, 5, cell) for cell in cells]


def _height(file: Path, line: int, text: str) -> float:
    try:
        height = number(text)
    except ValueError:
        raise InputError(f"{file}: line {line}: height = {text}: not a finite number") from None
    if not 0 < height < 1000:
        raise InputError(f"{file}: line {line}: height = {text}: must lie between 0 and 1000 m")
    return height


def _scale(file: Path, line: int, quantity: Quantity, unit: str) -> float:
    known = _UNITS[quantity]
    if unit.lower() not in known:
        names = ", ".join(name for name in known if name)
        raise InputError(f"{file}: line {line}: unit of {quantity.value} = {unit}: must be one of {names}")
    return known[unit.lower()]


def _padded(cells: list[str], count: int) -> list[str]:
    return [*cells, *[""] * (count - len(cells))][:count]


def _read_sam_csv(file: Path, lines: Sequence[str]) -> WindWeather:
    """SAM's newer form: a line of site facts, a line of column names with heights, rows."""
    facts = [cell.strip() for cell in lines[0].split(",")]
    named = {name.lower(): value for name, value in pairwise(facts)}
    if named.get("site timezone") != named.get("data timezone"):
        raise InputError(
            f"{file}: line 1: data timezone = {named.get('data timezone')}: differs from site timezone "
            f"{named.get('site timezone')}"
        )
    names = cells_of(lines[1])
    picked = [(index, _sam_quantity(name)) for index, name in enumerate(names)]
    used = [(index, quantity) for index, quantity in picked if quantity is not None]
    quantities = [quantity for _, quantity in used]
    if Quantity.SPEED not in quantities:
        raise InputError(f"{file}: line 2: no column of wind speed")
    heights, scales = [], []
    for index, quantity in used:
        digits = re.search(r"\d+(\.\d+)?", names[index])
        if digits is None:
            raise InputError(f"{file}: line 2: {names[index]}: no height in the name")
        heights.append(_height(file, 2, digits.group()))
        unit = re.search(r"\(([^)]*)\)", names[index])
        scales.append(_scale(file, 2, quantity, unit.group(1).strip() if unit else ""))
    values = _numbers(file, lines[2:], 3, [index for index, _ in used], len(names), quantities)
    description = " ".join(part for part in ("site", named.get("siteid", "")) if part)
    return _of_year(file, description, quantities, heights, scales, values, 3)


def _sam_quantity(name: str) -> Quantity | None:
    """The quantity that SAM finds in a column name, or None for a column that it does not use."""
    text = name.lower()
    if "temp" in text:
        return Quantity.TEMPERATURE
    if "pres" in text and "surface" not in text:
        return Quantity.PRESSURE
    if "speed" in text:
        return Quantity.SPEED
    return Quantity.DIRECTION if "dir" in text else None


def _numbers(
    file: Path,
    lines: Sequence[str],
    first_line: int,
    wanted: Sequence[int],
    width: int,
    quantities: Sequence[Quantity],
) -> Floats:
    """The wanted columns of all rows; n/a becomes NaN."""
    rows = []
    for index, line in enumerate(lines, start=first_line):
        cells = cells_of(line)
        if len(cells) != width:
            raise InputError(f"{file}: line {index}: {len(cells)} cells, but {width} columns")
        try:
            rows.append([number(cells[column]) for column in wanted])
        except ValueError:
            rows.append(_marked(file, index, cells, wanted, quantities))
    return np.array(rows, dtype=np.float64)


def _marked(
    file: Path, line: int, cells: Sequence[str], wanted: Sequence[int], quantities: Sequence[Quantity]
) -> list[float]:
    """One row that has a cell which is no number: n/a is allowed, anything else named."""
    values = []
    for column, quantity in zip(wanted, quantities, strict=True):
        text = cells[column]
        try:
            values.append(float("nan") if text.lower() == N_A else number(text))
        except ValueError:
            reason = "missing" if not text else "not a finite number"
            where = f"column {column + 1} ({quantity.value})"
            raise InputError(f"{file}: line {line}: {where} = {text}: {reason}") from None
    return values


def _of_year(
    file: Path,
    description: str,
    quantities: Sequence[Quantity],
    heights: Sequence[float],
    scales: Sequence[float],
    values: Floats,
    first_line: int,
) -> WindWeather:
    """A whole year of rows without a usable calendar: 8760 hours, or 8784 with 29 February, or parts of
    them."""
    leap = len(values) % LEAP_YEAR_HOURS == 0
    hours = LEAP_YEAR_HOURS if leap else YEAR_HOURS
    if len(values) % hours or HOUR % (len(values) // hours):
        raise InputError(
            f"{file}: {len(values)} rows; 8760 hours (8784 in a leap year), or whole parts of hours, are "
            "needed"
        )
    columns = []
    for k, (quantity, height, scale) in enumerate(zip(quantities, heights, scales, strict=True)):
        column = np.ascontiguousarray(values[:, k])
        if quantity is Quantity.PRESSURE and scale == STANDARD_ATMOSPHERE_PA:
            column = np.where(column > LARGEST_ATM, column, column * scale)  # SAM's rule for pascals
        else:
            column = column * scale
        columns.append(WindColumn(quantity, height, column))
        plausible(str(file), columns[-1], first_line)
    times = _calendar(2012 if leap else 2011, len(values), HOUR * hours // len(values))
    return WindWeather(
        source=str(file),
        description=description,
        columns=tuple(columns),
        months=np.array([time.month for time in times]),
        step_seconds=HOUR * hours // len(values),
        leap_day=np.array([(time.month, time.day) == (2, 29) for time in times]),
        labels=tuple(time.strftime("%m-%d %H:%M") for time in times),
    )


def _calendar(year: int, steps: int, step_seconds: int) -> list[datetime]:
    # The year only says whether there is a 29 February; it is not shown.
    start = datetime(year, 1, 1)  # noqa: DTZ001
    return [start + timedelta(seconds=step_seconds * k) for k in range(steps)]


def _read_plain(file: Path) -> WindWeather:
    table = read_table(file, _plain_name)
    columns = []
    for name, values in table.columns.items():
        kind, height = name.split("@")
        if kind == "pressure_atm":
            kind, values = Quantity.PRESSURE.value, values * STANDARD_ATMOSPHERE_PA
        columns.append(WindColumn(Quantity(kind), _height(file, 1, height), values))
        plausible(str(file), columns[-1], 2)
    return WindWeather(
        source=str(file),
        description="",
        columns=tuple(columns),
        months=table.months,
        step_seconds=table.step_seconds,
        leap_day=np.array([(time.month, time.day) == (2, 29) for time in table.times]),
        labels=tuple(time.isoformat() for time in table.times),
    )


def _plain_name(name: str) -> str | None:
    matched = _PLAIN.fullmatch(name)
    return None if matched is None else f"{matched['name']}@{float(matched['height']):g}"

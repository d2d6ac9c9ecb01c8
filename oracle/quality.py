"""Quality control of measured series: what cannot be is refused, what is unlikely is said.

A value beyond what was ever measured on earth is an error of instrument or unit, and no node signs it. One
that is only rare may be true, and leaving it out would be a choice of its own: it is signed with a word in
the evidence, or refused where the node's configuration says so (`suspect: refuse`).

Records: World Meteorological Organization, World Weather and Climate Extremes Archive (wmo.asu.edu), and for
an hour the 401 mm of Shangdi, Inner Mongolia, 3 July 1975, which are more than the archive's 305 mm in 42
minutes at Holt, Missouri, 22 June 1947 (G. A. Lott, Monthly Weather Review 82, 1954). All comparisons are of
integers, so that whoever repeats them from the evidence finds the same words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finance.generation.tables import DAY, HOUR

Integers = NDArray[np.int64]

RAIN_RECORDS: tuple[tuple[int, int, str], ...] = (
    (60, 38, "Barot, Guadeloupe, 1970"),
    (42 * 60, 305, "Holt, Missouri, 1947"),
    (HOUR, 401, "Shangdi, Inner Mongolia, 1975"),
    (12 * HOUR, 1144, "Foc-Foc, La Reunion, 1966"),
    (DAY, 1825, "Foc-Foc, La Reunion, 1966"),
    (2 * DAY, 2493, "Cherrapunji, 1995"),
    (3 * DAY, 3930, "Cratere Commerson, La Reunion, 2007"),
    (4 * DAY, 4936, "Cratere Commerson, La Reunion, 2007"),
    (365 * DAY, 26_470, "Cherrapunji, 1860 and 1861"),
)
"""Duration [s], most rain in it [mm], and where."""
RARE_PART = 2
"""Assumed: more than the record divided by this is suspect."""

SPEED_RECORD_MM_S, SPEED_RARE_MM_S = 113_200, 50_000
"""The strongest gust (Barrow Island, 1996), which no hour's mean reaches; and the ten-minute mean that the
windiest class of turbines is built to see once in fifty years (IEC 61400-1, class I)."""
TEMPERATURE_RECORDS_MK = (-89_200, 56_700)
"""Thousandths of a degree Celsius: Vostok, 1983; Furnace Creek, 1913."""
PRICE_LIMITS = {"eur": (-500, 5000), "usd": (-1000, 9000), "aud": (-1000, 17_500)}
"""What markets let a price be, per MWh: the harmonised limits of the European day-ahead coupling since 2022;
ERCOT's offer cap until 2021, the highest in the United States, with an assumed floor; the Australian rules'
floor and cap of 2024. A price beyond is suspect."""
STUCK_HOURS = {"rain": 12, "speed": 6, "temperature": 24, "price": 24}
"""Assumed: an instrument that shows the same for so long, and not nothing, may be stuck (the flat line test
of the IOOS QARTOD manuals, whose counts each station sets for itself)."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a series: at which step, from 0, and what."""

    step: int
    words: str


def impossible_rain(hundredths: Integers, step_seconds: int) -> Finding | None:
    """The first sum of depths [0.01 mm] that is more than ever fell in its time."""
    return next(_excess(hundredths, step_seconds, 1), None)


def rare_rain(hundredths: Integers, step_seconds: int) -> list[Finding]:
    """What is unlikely about depths [0.01 mm]: more than half a record, or a gauge that does not move."""
    return [*_excess(hundredths, step_seconds, RARE_PART), *_stuck(hundredths, step_seconds, "rain")]


def _excess(hundredths: Integers, step_seconds: int, part: int) -> Iterator[Finding]:
    sums = np.concatenate([[0], np.cumsum(hundredths)])
    for seconds, record, where in RAIN_RECORDS:
        steps = min(seconds // step_seconds, len(hundredths))
        if steps == 0:
            continue
        within = sums[steps:] - sums[:-steps]
        over = np.flatnonzero(within * part > record * 100)
        if len(over):
            first = int(over[0])
            most = "the most" if part == 1 else f"more than 1/{part} of the most"
            depth = f"{int(within[first]) // 100}.{int(within[first]) % 100:02d}"
            yield Finding(
                first,
                f"{depth} mm in {_duration(steps * step_seconds)}; {most} on record is {record} mm in "
                f"{_duration(seconds)} ({where})",
            )


def impossible_weather(name: str, thousandths: Integers) -> Finding | None:
    """The first wind speed [mm/s] or temperature [0.001 degrees Celsius] beyond the records."""
    if name.startswith("speed"):
        low, high, unit = 0, SPEED_RECORD_MM_S, "m/s"
    elif name.startswith("temperature"):
        (low, high), unit = TEMPERATURE_RECORDS_MK, "degrees Celsius"
    else:
        return None
    over = np.flatnonzero((thousandths < low) | (thousandths > high))
    if not len(over):
        return None
    found = f"{thousandths[over[0]] / 1000:g}"
    return Finding(int(over[0]), f"{found} {unit}; on record are {low / 1000:g} to {high / 1000:g} {unit}")


def rare_weather(name: str, thousandths: Integers, step_seconds: int) -> list[Finding]:
    """What is unlikely about wind speeds [mm/s] or temperatures [0.001 degrees Celsius]."""
    kind = "speed" if name.startswith("speed") else "temperature" if name.startswith("temp") else None
    if kind is None:
        return []
    found = list(_stuck(thousandths, step_seconds, kind))
    over = np.flatnonzero(thousandths > SPEED_RARE_MM_S)
    if kind == "speed" and len(over):
        speed = f"{thousandths[over[0]] / 1000:g} m/s"
        found.append(Finding(int(over[0]), f"{speed}; turbines are built to see 50 m/s once in fifty years"))
    return found


def rare_prices(currency: str, prices: Integers, decimals: int, step_seconds: int) -> list[Finding]:
    """What is unlikely about prices per MWh [10^-decimals of the currency]."""
    found = list(_stuck(prices, step_seconds, "price"))
    limits = PRICE_LIMITS.get(currency.lower())
    if limits is None:
        return found
    low, high = limits
    over = np.flatnonzero((prices < low * 10**decimals) | (prices > high * 10**decimals))
    if len(over):
        price = f"{prices[over[0]] / 10**decimals:g}"
        words = f"{price} {currency.upper()} per MWh; its markets take {low} to {high}"
        found.append(Finding(int(over[0]), words))
    return found


def _stuck(values: Integers, step_seconds: int, kind: str) -> Iterator[Finding]:
    """The longest run of one value, if it is too long; a gauge that shows nothing, or a calm, is none."""
    steps = max(2, STUCK_HOURS[kind] * HOUR // step_seconds)
    if len(values) < steps:
        return
    ends = np.flatnonzero(np.concatenate([values[1:] != values[:-1], [True]]))
    lengths = np.diff(np.concatenate([[-1], ends]))
    lengths = np.where(values[ends] == 0, 0, lengths)
    longest = int(np.argmax(lengths))
    if lengths[longest] >= steps:
        run = int(lengths[longest])
        words = f"the same value for {_duration(run * step_seconds)}: it may be stuck"
        yield Finding(int(ends[longest]) - run + 1, words)


def _duration(seconds: int) -> str:
    for name, length in (("day", DAY), ("hour", HOUR), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds} s"

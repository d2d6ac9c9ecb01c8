"""Hourly rain: where it comes from, in which unit, and how a gauge sees it.

A series is a fixed-step record of depth. `start` is the beginning of the first step, in UTC; a step's depth
fell between its own time and the next one's.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from finance.generation.tmy3 import packaged

TMY3_FILE = "723170TYA.CSV"
TMY3_STATION = "Greensboro Piedmont Triad Int., NC (USAF 723170)"
TMY3_RAIN_COLUMN = "Lprecip depth (mm)"
TMY3_HOURS_COLUMN = "Lprecip quantity (hr)"
TMY3_DEPTH_UNIT_MM = 0.1
"""The column says mm, but a year of 8,345 mm would be eight times Greensboro's normal of about 1,080 mm. And
351 of the 358 values are multiples of 2.54, rounded: tips of a 0.01 inch gauge in tenths of a millimetre."""

GAUGE_BIAS_SD = 0.02
"""Assumed: spread of the catch error between the nodes' gauges; none errs by more than three times this."""

GAUGE_NOISE = 0.05
"""Assumed: standard deviation of the error of one hour's reading."""

STORM_GAP_HOURS = 6
"""Assumed: dry hours that part two storms."""

_CSV_HEADER = ("start_utc", "depth_mm")


class RainError(ValueError):
    """A rain record that cannot be used; the message names the file, the line and the reason."""


@dataclass(frozen=True)
class RainSeries:
    """A fixed-step record of rain depth.

    start: beginning of the first step, timezone-aware UTC; step_seconds: length of a step [s];
    depths_mm: depth per step [mm]; source: where the numbers come from.
    """

    start: datetime
    step_seconds: int
    depths_mm: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise RainError("start has no time zone")
        if self.step_seconds <= 0 or 3600 % self.step_seconds:
            raise RainError(f"step_seconds = {self.step_seconds}: must divide an hour")
        if not self.depths_mm:
            raise RainError("no steps")
        for index, depth in enumerate(self.depths_mm):
            if not math.isfinite(depth) or depth < 0:
                raise RainError(f"step {index}: depth {depth} mm is not a finite number >= 0")

    @property
    def end(self) -> datetime:
        """End of the last step, UTC."""
        return self.start + timedelta(seconds=self.step_seconds * len(self.depths_mm))

    @property
    def total_mm(self) -> float:
        """Depth over the whole record [mm]."""
        return math.fsum(self.depths_mm)

    @property
    def wet_steps(self) -> int:
        """Number of steps with rain."""
        return sum(depth > 0 for depth in self.depths_mm)

    def wet(self) -> list[tuple[datetime, float]]:
        """Start [UTC] and depth [mm] of every step with rain."""
        step = timedelta(seconds=self.step_seconds)
        return [(self.start + step * i, depth) for i, depth in enumerate(self.depths_mm) if depth > 0]

    def scaled(self, factor: float) -> RainSeries:
        """The same storms with every depth times `factor` (>= 0)."""
        return RainSeries(
            self.start, self.step_seconds, tuple(depth * factor for depth in self.depths_mm), self.source
        )


def tmy3_rain(year: int, path: str | Path | None = None) -> RainSeries:
    """Rain of the typical meteorological year that pvlib ships, placed in calendar year `year` (UTC).

    Depth in mm, hourly. The file's clock is local standard time and marks the end of an hour; here each hour
    carries its start, and local time is read as UTC. A leap day, which a typical year does not have, is dry.
    Source: NREL TMY3, station 723170 Greensboro (S. Wilcox and W. Marion, Users Manual for TMY3 Data Sets,
    NREL/TP-581-43156, 2008), as packaged by pvlib. Unit: see TMY3_DEPTH_UNIT_MM.
    Raises RainError for a file without the column, with a missing hour, or with values of another duration.
    """
    file = Path(path) if path is not None else packaged(TMY3_FILE)
    with file.open(newline="") as stream:
        stream.readline()  # station line
        rows = list(csv.DictReader(stream))
    if len(rows) != 8760:
        raise RainError(f"{file}: {len(rows)} hours; a typical year has 8760")
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours = (datetime(year + 1, 1, 1, tzinfo=UTC) - start) // timedelta(hours=1)
    depths = [0.0] * hours
    for number, row in enumerate(rows, start=3):
        try:
            raw, duration = float(row[TMY3_RAIN_COLUMN]), float(row[TMY3_HOURS_COLUMN])
            month, day = (int(part) for part in row["Date (MM/DD/YYYY)"].split("/")[:2])
            hour = int(row["Time (HH:MM)"].split(":")[0]) - 1
        except (KeyError, TypeError, ValueError) as error:
            raise RainError(f"{file}: line {number}: {error}") from None
        if raw < 0 or duration != 1:
            raise RainError(
                f"{file}: line {number}: depth {raw:g} over {duration:g} h is missing or not hourly"
            )
        index = (datetime(year, month, day, hour, tzinfo=UTC) - start) // timedelta(hours=1)
        depths[index] = raw * TMY3_DEPTH_UNIT_MM
    rounded = tuple(round(depth, 3) for depth in depths)
    return RainSeries(start, 3600, rounded, f"NREL TMY3 {TMY3_STATION}, placed in {year}")


def gauge(truth: RainSeries, *, bias: float, noise: float, seed: int) -> RainSeries:
    """What one gauge records of the true rain.

    bias: systematic catch error (0.03 reads 3 % too much); noise: standard deviation of the error of single
    steps (normal, multiplicative, cut off at -1); seed: of those errors. Depths are recorded in whole
    hundredths of a millimetre. Same arguments, same record.
    """
    if not -1 < bias < 1 or noise < 0:
        raise RainError(f"gauge bias {bias}, noise {noise}: out of range")
    errors = np.random.default_rng(seed).normal(0.0, 1.0, len(truth.depths_mm)) * noise
    seen = np.asarray(truth.depths_mm) * (1 + bias) * np.maximum(0.0, 1 + errors)
    depths = tuple(hundredths / 100 for hundredths in np.rint(seen / 0.01).tolist())
    return RainSeries(truth.start, truth.step_seconds, depths, truth.source)


def storms(depths_mm: Sequence[float], gap_steps: int = STORM_GAP_HOURS) -> list[tuple[int, int]]:
    """Storms as (first, last + 1) indices: wet steps with fewer than `gap_steps` dry ones between them."""
    events: list[tuple[int, int]] = []
    for index in (i for i, depth in enumerate(depths_mm) if depth > 0):
        if events and index - events[-1][1] < gap_steps:
            events[-1] = (events[-1][0], index + 1)
        else:
            events.append((index, index + 1))
    return events


def resample_storms(truth: RainSeries, seed: int | np.random.Generator) -> RainSeries:
    """Another year of the same climate, by a seasonal block bootstrap of storms.

    Each month takes its number of storms from a Poisson law around its own and its neighbours' mean, draws
    them with replacement from those three months, and drops each at a random hour of the month (a storm that
    runs past the end of the year goes on at its start; overlapping storms add up). Depth is not conserved:
    that is the weather's spread.
    """
    rng = np.random.default_rng(seed)
    step = timedelta(seconds=truth.step_seconds)
    depths = np.asarray(truth.depths_mm)
    months = np.array([(truth.start + step * i).month for i in range(len(depths))])
    by_month: dict[int, list[tuple[int, int]]] = {month: [] for month in range(1, 13)}
    for first, last in storms(truth.depths_mm):
        by_month[int(months[first])].append((first, last))
    out = np.zeros_like(depths)
    for month in range(1, 13):
        season = [event for m in (month - 1, month, month + 1) for event in by_month[(m - 1) % 12 + 1]]
        slots = np.flatnonzero(months == month)
        if not season or not len(slots):
            continue
        for pick in rng.integers(0, len(season), rng.poisson(len(season) / 3)):
            first, last = season[pick]
            at = int(rng.choice(slots))
            np.add.at(out, (at + np.arange(last - first)) % len(out), depths[first:last])
    rounded = tuple(round(float(depth), 3) for depth in out)
    return RainSeries(truth.start, truth.step_seconds, rounded, f"{truth.source}; storms resampled by season")


def to_csv(series: RainSeries) -> str:
    """Canonical text: comment lines, header, one line per step with rain. Same series, same bytes."""
    out = io.StringIO()
    out.write(f"# {series.source}\n")
    out.write(
        f"# step_seconds={series.step_seconds} steps={len(series.depths_mm)} first={_iso(series.start)}\n"
    )
    out.write(",".join(_CSV_HEADER) + "\n")
    for time, depth in series.wet():
        out.write(f"{_iso(time)},{depth!r}\n")
    return out.getvalue()


def from_csv(text: str, name: str = "rain") -> RainSeries:
    """Read what to_csv wrote. Raises RainError naming `name`, the line and the reason."""
    lines = text.splitlines()
    try:
        source = lines[0].removeprefix("# ")
        fields = dict(part.split("=", 1) for part in lines[1].removeprefix("# ").split())
        start = _parse(fields["first"])
        step, steps = int(fields["step_seconds"]), int(fields["steps"])
        header = tuple(lines[2].split(","))
    except (IndexError, KeyError, ValueError):
        raise RainError(f"{name}: line 2: expected '# step_seconds=... steps=... first=...'") from None
    if header != _CSV_HEADER:
        raise RainError(f"{name}: line 3: expected {','.join(_CSV_HEADER)}")
    if not 0 < steps <= 10_000_000 or step <= 0:
        raise RainError(f"{name}: line 2: steps = {steps}, step_seconds = {step}: out of range")
    depths = [0.0] * steps
    for number, line in enumerate(lines[3:], start=4):
        try:
            time, depth = line.split(",")
            offset = (_parse(time) - start) / timedelta(seconds=step)
            index = int(offset)
            value = float(depth)
        except ValueError:
            raise RainError(f"{name}: line {number}: expected a time and a depth") from None
        if index != offset or not 0 <= index < steps or depths[index]:
            raise RainError(f"{name}: line {number}: {time} is off the grid or given twice")
        depths[index] = value
    try:
        return RainSeries(start, step, tuple(depths), source)
    except RainError as error:
        raise RainError(f"{name}: {error}") from None


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def node_rain(start: int, end: int, seed: int) -> tuple[RainSeries, Callable[[int], dict[str, Any]]]:
    """Rain and gauges for the nodes of a demonstration: a typical year placed in the years from `start` to
    `end` [unix seconds], simulated and not measured, and each node's gauge section (its errors from `seed`).
    """
    first = datetime.fromtimestamp(start, UTC).year
    last = datetime.fromtimestamp(end - 1, UTC).year
    years = [tmy3_rain(year) for year in range(first, last + 1)]
    depths = tuple(depth for year in years for depth in year.depths_mm)
    source = years[0].source if first == last else f"{years[0].source} and repeated to {last}"

    def gauge_of(index: int) -> dict[str, Any]:
        drawn = np.random.default_rng([seed, index]).normal(0, GAUGE_BIAS_SD)
        bias = float(np.clip(drawn, -3 * GAUGE_BIAS_SD, 3 * GAUGE_BIAS_SD))
        return {
            "id": f"gauge-{index}",
            "bias": round(bias, 4),
            "noise": GAUGE_NOISE,
            "seed": seed * 100 + index,
        }

    return RainSeries(years[0].start, years[0].step_seconds, depths, source), gauge_of

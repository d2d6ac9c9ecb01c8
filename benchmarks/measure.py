"""How the benchmarks measure: warm-up first, then a few repetitions, best and median both told."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds of the repetitions after one warm-up call, and that call's own (compilation included)."""

    first: float
    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return median(self.seconds)


def timed(call: Callable[[], Any], repeat: int) -> Timing:
    """Call once to warm up, then `repeat` times."""
    started = perf_counter()
    call()
    first, seconds = perf_counter() - started, []
    for _ in range(repeat):
        started = perf_counter()
        call()
        seconds.append(perf_counter() - started)
    return Timing(first, tuple(seconds))


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy the machine was."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def line(
    what: str, value: float, unit: str, mark: float | None = None, *, least: bool = True, rival: bool = False
) -> dict[str, Any]:
    """One measured number. `mark` is what it should reach (`least`) or stay below; None: no mark."""
    met = None if mark is None else (value >= mark if least else value <= mark)
    bound = None if mark is None else ("at least" if least else "at most")
    return {
        "what": what, "value": value, "unit": unit, "mark": mark, "bound": bound, "met": met, "rival": rival
    }  # fmt: skip

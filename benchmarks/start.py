"""How long whole commands take, from the start of Python to its end; NumPy and pandas alone beside them.

Each repetition runs the rival and then the commands, so that a machine whose speed drifts drifts for all. All
keep their bytecode, as a start does after set-up and a first use.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks.measure import line, machine
from scripts.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PENSTOCK = (sys.executable, "-m", "scripts")
RIVAL = (sys.executable, "-c", "import numpy, pandas")
BOND, SWAP = "deals/dc-water-eib-2016.yaml", "deals/bloom-wind-prs.yaml"


class Marks(NamedTuple):
    """At most so many seconds on two idle cores, and times the rival on any machine."""

    seconds: float
    times: float


MARKS: dict[tuple[str, ...], Marks] = {
    ("validate", BOND): Marks(0.5, 0.75),
    ("validate", SWAP): Marks(0.5, 1.15),
    ("price", BOND): Marks(1.5, 3.0),
    ("price", SWAP): Marks(4.0, 7.5),
    ("--help",): Marks(0.5, 0.55),
}
HELP = Marks(0.5, 0.8)
"""Of every command's own help; the slowest is shown."""


class Run(NamedTuple):
    """Seconds of one whole process: by the clock, and of the processors."""

    wall: float
    cpu: float


def run(repeat: int = 5) -> dict[str, Any]:
    """Each command `repeat` times after a warm-up, which compiles what is not compiled yet."""
    commands = {words: (*PENSTOCK, *words) for words in MARKS}
    helps = {(name, "--help"): (*PENSTOCK, name, "--help") for name in COMMANDS}
    everything = {("rival",): RIVAL, **commands, **helps}
    for command in everything.values():
        _run(command)
    found: dict[tuple[str, ...], list[Run]] = {words: [] for words in everything}
    for _ in range(repeat):
        for words, command in everything.items():
            found[words].append(_run(command))
    results = []
    for words, marks in MARKS.items():
        results += _lines(f"penstock {' '.join(words)}", found[words], found["rival",], marks)
    slowest = max(helps, key=lambda words: min(each.wall for each in found[words]))
    what = f"slowest help of {len(helps)} commands: {slowest[0]}"
    results += _lines(what, found[slowest], found["rival",], HELP)
    bare = min(each.wall for each in found["rival",])
    results.append(line("python -c 'import numpy, pandas'", bare, "s", rival=True))
    return {
        "benchmark": "start",
        "machine": machine(),
        "repeat": repeat,
        "results": results,
        "note": "Whole processes, the best by the clock; times the rival by processor time, median of runs.",
    }


def _lines(what: str, runs: list[Run], rival: list[Run], marks: Marks) -> list[dict[str, Any]]:
    ratio = median(own.cpu / other.cpu for own, other in zip(runs, rival, strict=True))
    return [
        line(what, min(each.wall for each in runs), "s", marks.seconds, least=False),
        line(f"{what}: times the rival", ratio, "times", marks.times, least=False),
    ]


def _run(command: tuple[str, ...]) -> Run:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    environment = {**os.environ, "COLUMNS": "120"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    wall, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

"""How long a demonstration takes: warm, and from a clean clone with nothing set up."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measure import line, machine

ROOT = Path(__file__).resolve().parents[1]
WARM_SECONDS = {"dc-water-eib-2016": 30.0, "bloom-wind-prs": 60.0}
CLEAN_SECONDS = 240.0


def run(repeat: int = 5) -> dict[str, Any]:
    """Two deals, each once to warm up and then at most twice."""
    results: list[dict[str, Any]] = []
    for deal, mark in WARM_SECONDS.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "scripts", "demo", f"deals/{deal}.yaml", "--out", folder]
            lives = [_seconds(command, ROOT) for _ in range(1 + min(repeat, 2))]
            summary = json.loads((Path(folder) / "summary.json").read_text())
        apart = sum(abs(int(found["difference"])) for found in summary["payments"].values())
        results += [
            line(f"{deal}: warm demonstration", min(lives[1:]), "s", mark, least=False),
            line(f"{deal}: paid off what was due, in all", apart, "minor units", 0, least=False),
        ]
    return _told("demo", min(repeat, 2), results, "The best of the repetitions.")


def run_clean(repeat: int = 5) -> dict[str, Any]:
    """`make demo` in a clone of what is committed, once: set-up, compiler and demonstration."""
    del repeat
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", str(ROOT), folder], check=True)
        spent = _seconds(["make", "demo"], Path(folder))
    results = [line("Clean clone to result", spent, "s", CLEAN_SECONDS, least=False)]
    return _told("clean", 1, results, "With the package registry's answers, cached or not, as they come.")


def _seconds(command: list[str], folder: Path) -> float:
    started = perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return perf_counter() - started


def _told(name: str, repeat: int, results: list[dict[str, Any]], note: str) -> dict[str, Any]:
    return {"benchmark": name, "machine": machine(), "repeat": repeat, "results": results, "note": note}

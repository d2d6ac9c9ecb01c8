"""The bonds benchmark in the form of `penstock bench`."""

from __future__ import annotations

from typing import Any

from benchmarks.bonds import AGREEMENT, FACE, REQUIRED_RATIO, SEED, measure
from benchmarks.measure import line, machine

BONDS = 50_000


def run(repeat: int = 5) -> dict[str, Any]:
    """benchmarks.bonds.measure on 50,000 bonds, with its marks."""
    found = measure(BONDS, repeat)
    unit = "bonds/s"
    return {
        "benchmark": "bonds",
        "machine": machine(),
        "repeat": repeat,
        "seed": SEED,
        "results": [
            line("Five-year bonds: schedule, flows, present value", found["bonds_per_second"], unit),
            line("Five-year bonds: QuantLib", found["quantlib_bonds_per_second"], unit, rival=True),
            line("Five-year bonds: times QuantLib", found["ratio"], "times", REQUIRED_RATIO),
            line(
                "Five-year bonds: largest difference, of face",
                found["largest_difference"] / FACE,
                "fraction",
                AGREEMENT,
                least=False,
            ),
        ],
        "note": "Rates are of the best run; the machine may have been busy, so the ratio says more.",
    }

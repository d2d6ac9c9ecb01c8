"""Securitisation: expected loss of tranches by the exact recursion, and ORE's cash-flow CBO in the same run.

The pool is Viveracqua Hydrobond's of 2016, with assumed chances of default. ORE simulates, so the difference
is told in its standard errors, which the exact law gives. Without ORE only our side is measured: see
benchmarks.ore_cbo for how to have it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import ore_cbo
from benchmarks.measure import line, machine, timed
from finance.securitisation import (
    Hazard,
    Issuer,
    LargePool,
    LossDistribution,
    Pool,
    Tranche,
    loss_distribution,
    tranches,
)

OWED = {12: 0.04, 30: 0.06, 20: 0.10, 8: 0.15, 7: 0.25}  # millions, chance of default by maturity (assumed)
POOL = Pool(tuple(Issuer(owed * 10**6, Hazard.of(p, ore_cbo.YEARS), 0.4, 0.2) for owed, p in OWED.items()))
LAYERS = tranches(0, 7_700_000, 30_800_000, 77_000_000, names=("junior", "mezzanine", "senior"))
SAMPLES = 50_000
MOST_ERRORS = 4.0  # a simulation is off by more once in 16,000 times
NAMES, LARGE = 125, LargePool(125, 0.05, 0.2, 0.4)


def run(repeat: int = 5) -> dict[str, Any]:
    """Our times and errors, and ORE's where it is to be had."""
    python = ore_cbo.interpreter()
    note = "Times are medians. "
    if python is None:
        note += "ORE is absent: set PENSTOCK_ORE_PYTHON to a Python with open-source-risk-engine."
    else:
        note += f"ORE by {SAMPLES:,} paths of each tranche, with its start; errors are its standard errors."
    return {
        "benchmark": "securitisation",
        "machine": machine(),
        "repeat": repeat,
        "seed": ore_cbo.SEED,
        "results": [*_ours(repeat), *(_against_ore(python) if python else [])],
        "note": note,
    }


def _ours(repeat: int) -> list[dict[str, Any]]:
    many = Pool.equal(NAMES, NAMES, Issuer(1, Hazard.of(0.05, 10), 0.4, 0.2))
    law = loss_distribution(many, 10)
    off = abs(law.mean - many.expected_loss(10)) / NAMES
    return [
        line("Hydrobond 2016: law of the loss", 1e3 * timed(_law, repeat).median, "ms"),
        line(
            f"{NAMES} names: law of the loss",
            1e3 * timed(lambda: loss_distribution(many, 10), repeat).median,
            "ms",
        ),
        line(f"{NAMES} names: expected loss off, of the pool", off, "fraction", 1e-12, least=False),
        line(
            f"{NAMES} names: excess over 3 % above that of very many",
            law.excess(3.75) - LARGE.excess(3.75),
            "units",
        ),
    ]


def _law() -> LossDistribution:
    return loss_distribution(POOL, ore_cbo.YEARS)


def _against_ore(python: str) -> list[dict[str, Any]]:
    law = _law()
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        worth = ore_cbo.values(python, Path(folder), POOL, LAYERS, SAMPLES)
        seconds = perf_counter() - begun
    results = [line("Hydrobond 2016: three tranches by ORE", 1e3 * seconds, "ms", rival=True)]
    for layer, value in zip(LAYERS, worth, strict=True):
        ours, theirs = layer.expected_loss(law), float(layer.size) - value
        errors = abs(theirs - ours) / _standard_error(layer, law)
        results += [
            line(f"Expected loss of the {layer.name} tranche", ours, "EUR"),
            line(f"Expected loss of the {layer.name} tranche: ORE", theirs, "EUR", rival=True),
            line(f"{layer.name}: ORE off, in its standard errors", errors, "", MOST_ERRORS, least=False),
        ]
    return results


def _standard_error(layer: Tranche, law: LossDistribution) -> float:
    lost = np.clip(law.losses - float(layer.attachment), 0, float(layer.size))
    mean = float(law.probabilities @ lost)
    return float(np.sqrt(law.probabilities @ (lost - mean) ** 2 / SAMPLES))

"""Waterfalls: periods a second in whole numbers and on many paths, a ladder in pandas and waterfall-py beside
them in the same run.

A path-period is one period of one path: costs, senior interest and principal, a reserve, a lock-up,
mezzanine, a sweep and equity. 10,000 paths x 40 quarters of a project loan, with revenue from a crisis to a
boom.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from benchmarks.measure import line, machine, timed
from finance.waterfalls import project, project_paths
from tests.finance.waterfall_deals import CFADS, MATURE, ladder, peer_deal, project_loan, readme_deal

PATHS, PERIODS, SEED = 10_000, 40, 20261202
ALONE = "waterfall-py is not installed (pip install waterfall-py), and not measured."


def run(repeat: int = 5) -> dict[str, Any]:
    """All measurements; `repeat` repetitions of each after a warm-up."""
    peers, missing = _peer(repeat)
    return {
        "benchmark": "waterfall",
        "machine": machine(),
        "repeat": repeat,
        "seed": SEED,
        "results": [*_loan(repeat), *peers],
        "note": f"Rates are medians; the ratios to the rivals say more on a busy machine. {missing}".strip(),
    }


def _loan(repeat: int) -> list[dict[str, Any]]:
    plan, figures = project_loan(Random(SEED), PERIODS)
    level = figures["opex"] + figures["senior"] // 30
    revenue = (level * np.random.default_rng(SEED).uniform(0.4, 1.8, (PATHS, PERIODS))).round()
    first = [int(each) for each in revenue[0]]
    whole = PERIODS / timed(lambda: project(plan, {"revenue": first}), repeat).median
    paths = PATHS * PERIODS / timed(lambda: project_paths(plan, {"revenue": revenue}), repeat).median
    rival = PERIODS / timed(lambda: ladder(figures, plan.due, first), repeat).median
    return [
        line("Project loan, whole numbers: project", whole, "periods/s"),
        line("Project loan, 10,000 paths: project_paths", paths, "path-periods/s"),
        line("Project loan: a ladder in pandas", rival, "path-periods/s", rival=True),
        line("Project loan, 10,000 paths: times the ladder", paths / rival, "times", 20),
    ]


def _peer(repeat: int) -> tuple[list[dict[str, Any]], str]:
    """Its own deal by both; nothing, and why, where it is not installed."""
    try:
        import waterfall as peer
    except ModuleNotFoundError:
        return [], ALONE
    plan, deal = readme_deal(), peer_deal()
    facts = {"mature": MATURE}
    ours = len(plan.due) / timed(lambda: project(plan, {"cfads": CFADS}, facts), repeat).median
    theirs = len(plan.due) / timed(lambda: peer.run(deal), repeat).median
    return [
        line("waterfall-py's README deal, whole numbers: project", ours, "periods/s"),
        line("waterfall-py's README deal: waterfall-py", theirs, "periods/s", rival=True),
        line("waterfall-py's README deal: times waterfall-py", ours / theirs, "times"),
    ], ""

"""The seed of random tests: PENSTOCK_SEED if it is set. Every run prints it at its end (conftest.py)."""

from __future__ import annotations

import os
import random

_GIVEN = os.environ.get("PENSTOCK_SEED")
# Processes that share the work take the seed of the one that started them.
SEED = int(_GIVEN or os.environ.get("PENSTOCK_RUN_SEED") or random.SystemRandom().randrange(2**32))
os.environ["PENSTOCK_RUN_SEED"] = str(SEED)


def usual(seed: int) -> int:
    """`seed`, so that a simulated figure is the same in every run; PENSTOCK_SEED if it is set."""
    return int(_GIVEN) if _GIVEN else seed

"""The seed and size of random tests: set by environment, always printed."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator

import pytest

# Processes that share the work take the seed of the one that started them.
SEED = int(
    os.environ.get("PENSTOCK_SEED")
    or os.environ.get("PENSTOCK_RUN_SEED")
    or random.SystemRandom().randrange(2**32)
)
os.environ["PENSTOCK_RUN_SEED"] = str(SEED)
CASES = int(os.environ.get("PENSTOCK_FUZZ_CASES") or 10_000)


@pytest.fixture(scope="session")
def seed() -> int:
    """Seed of this run; PENSTOCK_SEED=<it> repeats it."""
    return SEED


@pytest.fixture(scope="session")
def cases() -> int:
    """Random cases per function; PENSTOCK_FUZZ_CASES sets it (nightly: 200000)."""
    return CASES


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command under test does to the process's log ends with the test, and so does its stream."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler and handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"PENSTOCK_SEED={SEED} PENSTOCK_FUZZ_CASES={CASES} (per settlement function)")

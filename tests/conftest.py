"""The seed and size of random tests: set by environment, always printed. And no skip passes for green where
PENSTOCK_STRICT is set, as continuous integration does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis.core
import pytest
from hypothesis import HealthCheck, settings

from tests.seeds import SEED

STRICT = bool(os.environ.get("PENSTOCK_STRICT"))
hypothesis.core.global_force_seed = SEED
# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")
LONGEST_FIRST = ("e2e", "chain", "api", "kinds", "oracle", "settlement", "finance", "house")
"""Folders by how long their files take, so that no worker is left with a long one while others have ended."""
TESTS = Path(__file__).parent
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {TESTS / folder: place for place, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: min((places.get(each, len(places)) for each in item.path.parents), default=0))


def _no_skip(report: Any) -> Any:
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} did not run, and PENSTOCK_STRICT lets none be left out: {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _no_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _no_skip((yield))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"PENSTOCK_SEED={SEED} PENSTOCK_FUZZ_CASES={CASES} (per settlement function)")

"""The published ACTUS reference cases, one test each, to 1e-8 (they are not part of this repository)."""

from __future__ import annotations

import pytest

from finance.actus.cases import Case, read_cases
from finance.actus.conformance import run_case
from finance.actus.contracts import CONTRACT_TYPES
from tools.shared_data import SHARED_DATA

FOLDER = SHARED_DATA / "actus"
FILES = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
CASES = [case for path in FILES for case in read_cases(path, CONTRACT_TYPES)]


PUBLISHED = 137
needs_cases = pytest.mark.skipif(
    not CASES, reason=f"no ACTUS reference cases in {FOLDER} (set PENSTOCK_SHARED_DATA)"
)


@needs_cases
def test_every_published_case_is_read() -> None:
    assert len(CASES) == PUBLISHED


@needs_cases
@pytest.mark.parametrize("case", CASES, ids=[f"{case.type}-{case.id}" for case in CASES])
def test_case(case: Case) -> None:
    difference, _ = run_case(case)
    assert difference is None

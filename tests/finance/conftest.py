"""The good deal file, and ways to make another from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finance.terms import Deal, load_deal
from finance.terms.reader import read_deal_yaml

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "deals" / "dc-water-eib-2016.yaml"


@pytest.fixture(scope="session")
def good_path() -> Path:
    return GOOD


@pytest.fixture(scope="session")
def deal() -> Deal:
    return load_deal(GOOD)


@pytest.fixture
def tree() -> dict[str, Any]:
    """The good file as plain data, fresh for each test."""
    return read_deal_yaml(GOOD)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """edited((old, new), ...): the good file (or deals/`base`.yaml) with each `old` text, which must occur,
    replaced by `new`.
    """

    def write(*edits: tuple[str, str], base: str = GOOD.stem) -> Path:
        text = (GOOD.parent / f"{base}.yaml").read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text, f"{base} no longer has {old!r}"
            text = text.replace(old, new, 1)
        path = tmp_path / "deal.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write

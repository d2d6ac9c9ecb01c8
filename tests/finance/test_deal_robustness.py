"""Whatever stands in a deal file, reading it gives a deal or clear lines of problems: never another error."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.terms import settlement_terms
from finance.terms import DealFileError, parse_deal
from finance.terms.reader import read_deal_yaml

GOOD = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
MISSING = object()
STRANGE: list[Any] = [
    MISSING,
    None,
    "",
    "x",
    True,
    -1,
    Decimal("NaN"),
    10**50,
    date(2199, 12, 31),
    [],
    {"x": 1},
    {"value": 0, "assumed": "x"},
    {"value": Decimal("-1e39"), "assumed": "x"},
    {"value": date(2199, 12, 31), "assumed": "x"},
]


def paths(item: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from paths(child, (*path, key))


ALL = list(paths(read_deal_yaml(GOOD)))


@pytest.mark.parametrize("section", sorted({str(path[0]) for path in ALL}))
def test_strange_values_anywhere(section: str) -> None:
    for path in (path for path in ALL if path[0] == section):
        for strange in STRANGE:
            tree = read(path, strange)
            try:
                deal = parse_deal(tree, "deal.yaml")
            except DealFileError as error:
                lines = [str(problem) for problem in error.problems]
            else:
                # What is accepted can always be settled and hashed.
                settlement_terms(deal)
                assert deal.terms_hash.startswith("0x")
                continue
            where = f"{path} = {strange}"
            assert lines, where
            for line in lines:
                assert line.startswith("deal.yaml: "), where
                assert "\n" not in line, where
                assert len(line) < 400, where


GOOD_TREE = read_deal_yaml(GOOD)


def read(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    tree = deepcopy(GOOD_TREE)
    holder: Any = tree
    for step in path[:-1]:
        holder = holder[step]
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return tree

"""Whatever stands in a deal file, reading it gives a deal or clear lines of problems: never another error."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.bond import replay
from finance.settlement.terms import settlement_terms
from finance.terms import DealFileError, parse_deal
from finance.terms.reader import read_deal_yaml

pytestmark = pytest.mark.slow

DEALS = Path(__file__).resolve().parents[2] / "deals"
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


def wide() -> dict[str, Any]:
    """A bond with everything: a step of tiers, a step that is a line, instalments, and a dated outcome."""

    def term(value: Any) -> dict[str, Any]:
        return {"value": value, "assumed": "x"}

    tree = read_deal_yaml(DEALS / "singapore-ebus-loan.yaml")
    claim = tree["parts"]["bond"]
    tiers, other = claim["coupon"]["steps"][:2]
    points = [
        {"kpi": term(Decimal("0.1")), "rate": term(0)},
        {"kpi": term(1), "rate": term(Decimal("-0.001"))},
    ]
    claim["coupon"]["steps"] = [
        tiers,
        {key: value for key, value in other.items() if key != "tiers"} | {"line": points},
    ]
    half = {"date": term(date(2030, 1, 1)), "fraction": term(Decimal("0.5"))}
    claim["amortisation"] = {"kind": "schedule", "instalments": [half]}
    claim["outcome_payment"] = {"kpi": "electric-share", "period": 3, "pays": "on_date",
                                "date": term(date(2030, 1, 1)),
                                "line": [{"kpi": term(0), "amount": term(100)}]}  # fmt: skip
    series = term([Decimal("0.1"), Decimal("0.2")])
    tree["kpis"]["electric-share"]["process"] = {"kind": "empirical", "series": series}
    del tree["kpis"]["electric-share"]["periods"][3:]
    del tree["kpis"]["electric-share"]["reported_values"]["value"][3:]
    return tree


def paths(item: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from paths(child, (*path, key))


TREES = {"bullet": read_deal_yaml(DEALS / "dc-water-eib-2016.yaml"), "wide": wide()}
SECTIONS = sorted({(name, str(path[0])) for name, tree in TREES.items() for path in paths(tree)})


def test_the_trees_are_good() -> None:
    assert all(parse_deal(tree) for tree in TREES.values())


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_strange_values_anywhere(name: str, section: str) -> None:
    tree = TREES[name]
    for path in [path for path in paths(tree) if path[0] == section]:
        for strange in STRANGE:
            where = f"{path} = {strange}"
            try:
                deal = parse_deal(changed(tree, path, strange), "deal.yaml")
            except DealFileError as error:
                lines = [str(problem) for problem in error.problems]
            else:
                # What is accepted can always be settled and hashed.
                terms = settlement_terms(deal)
                assert replay(terms, terms.hard_cap, [None] * len(terms.fixings)), where
                assert deal.terms_hash.startswith("0x")
                continue
            assert lines, where
            for line in lines:
                assert line.startswith("deal.yaml: "), where
                assert "\n" not in line, where
                assert len(line) < 400, where


def changed(tree: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    tree = deepcopy(tree)
    holder: Any = tree
    for step in path[:-1]:
        holder = holder[step]
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return tree

"""Whatever stands in a deal file, reading it gives a deal or clear lines of problems: never another error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from finance.settlement.bond import replay
from finance.settlement.terms import settlement_terms
from finance.terms import DealFileError, parse_deal
from finance.terms.canonical import plain
from finance.terms.reader import read_deal_json, read_deal_text, read_deal_yaml

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


BOOK = sorted(DEALS.glob("*.yaml"))
KEYS = ["", "x", "a\nb", "A b", "\u2028", "\x1b[31m", "é", "9", "x" * 40, "value", "kind"]
FOREIGN = re.compile(
    r"[Ii]nput |[Ss]hould |valid (?:string|dictionary|list|integer)|match pattern|instance of|[Vv]alue error"
    r"|Field required|Extra inputs|validation|pydantic|sys\.|https?:|Traceback"
)
"""Words of the libraries that read, which mean nothing to who writes a deal."""


def mangled(tree: dict[str, Any], rng: Random) -> dict[str, Any]:
    """One to three changes anywhere: a value for another of the deal or a strange one, a key, a list's
    length."""
    for _ in range(rng.randint(1, 3)):
        tree = deepcopy(tree)
        every = list(paths(tree))
        holder, path = tree, rng.choice(every)
        for step in path[:-1]:
            holder = holder[step]
        key, elsewhere = path[-1], rng.choice(every)
        other: Any = tree
        for step in elsewhere:
            other = other[step]
        how = rng.randrange(5)
        if how == 0 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = holder.pop(key)
        elif how == 1 and isinstance(holder, list):
            holder.append(deepcopy(holder[key]))
        elif how == 2:
            del holder[key]
        elif how == 3:
            holder[key] = deepcopy(other)
        else:
            holder[key] = rng.choice([*STRANGE[1:], *KEYS, 10**900, Decimal("9" * 5000), [[]], {"a\nb": 1}])
    return tree


@pytest.mark.parametrize("file", BOOK, ids=lambda file: file.stem)
def test_days_that_no_date_has(file: Path) -> None:
    good = read_deal_yaml(file)
    fields = [path for path in paths(good) if path[-1] == "value" and str(path[-2]).endswith("_days")]
    assert fields
    for path in fields:
        for days in (150_000_000, -150_000_000, 10**14):
            with pytest.raises(DealFileError) as refused:
                parse_deal(changed(good, path, days), "deal.yaml")
            assert any(path[-2] in problem.field for problem in refused.value.problems), (path, days)


@pytest.mark.parametrize("file", BOOK, ids=lambda file: file.stem)
def test_every_refusal_is_a_plain_line_with_file_and_field(file: Path, seed: int) -> None:
    good, rng, refused = read_deal_yaml(file), Random(f"{seed}/{file.stem}"), 0
    for _ in range(80):
        tree = mangled(good, rng)
        try:
            assert parse_deal(tree, "deal.yaml").terms_hash
            continue
        except DealFileError as error:
            refused, found = refused + 1, error
        assert str(found).splitlines() == [str(each) for each in found.problems]
        for each in found.problems:
            assert str(each).startswith(f"deal.yaml: {each.field} = "), each
            assert each.field, each
            assert str(each).isprintable()
            assert len(str(each)) < 700, each
            assert not FOREIGN.search(each.reason), each
    assert refused > 40


@pytest.mark.parametrize("digits", [41, 999, 5_000, 100_000])
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_number_of_many_digits_is_a_problem_of_its_field(digits: int, form: str) -> None:
    """However many: Python reads no int of more than 4,300, and says how to change that."""
    tree = deepcopy(TREES["bullet"])
    tree["parts"]["offering"]["soft_cap"]["value"] = tree["currency"]["minor_units"] = 123454321
    text = json.dumps(tree, default=lambda each: plain(each) if isinstance(each, Decimal) else str(each))
    text = text.replace("123454321", "7" * digits)
    read = read_deal_json if form == "json" else read_deal_text
    with pytest.raises(DealFileError) as caught:
        parse_deal(read(text.encode()), "deal.yaml")
    found = {problem.field: problem.reason for problem in caught.value.problems}
    assert found["parts.offering.soft_cap.value"] == "has more digits than a deal can carry (40)"
    assert found["currency.minor_units"].startswith("must be ")
    assert all(len(str(problem)) < 400 for problem in caught.value.problems)


@pytest.mark.parametrize("where", ['{"a": "%s"}', '{"%s": 1}', '{"a": [1.5, {"b": "x%sy"}]}'])
def test_half_a_character_is_no_text(where: str) -> None:
    assert read_deal_json((where % r"\uD83D\udca7").encode())  # both halves: a drop of water
    for half in (r"\ud83d", r"\uDCA7", r"\udca7\ud83d"):
        with pytest.raises(DealFileError, match=r"^deal: not JSON: holds half a character"):
            read_deal_json((where % half).encode())


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

"""What every kind has in the deal file, its schema, its price and its words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ulp
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from api.i18n import Translator
from api.instruments import INSTRUMENTS, words_of
from api.pages.format import Format
from api.pages.term_sheet import term_sheet
from chain.kinds import PLANS
from finance.terms import Deal, DealFileError, load_deal, parse_deal
from finance.terms.json_schema import deal_schema
from finance.terms.kinds import KINDS, kind_name
from finance.terms.part import ANY
from finance.terms.reader import read_deal_yaml
from scripts.cli import main
from scripts.kinds import MODULES
from tests.kinds.deals import LEADING, ROOT, Tree, alone, at, leaves, shown
from tests.kinds.lives import Kept, periods_of
from tests.settlement.twins import person

HANGUL = re.compile("[가-힣]")


# -- the section of the file


def models_in(model: type[BaseModel], known: set[type[BaseModel]] | None = None) -> Iterator[type[BaseModel]]:
    """A model and all that its fields hold, each once, but terms, which all have the same fields."""
    known = set() if known is None else known
    if model in known:
        return
    known.add(model)
    yield model
    for field in model.model_fields.values():
        edge = [field.annotation]
        while edge:
            each = edge.pop()
            edge += get_args(each)
            if isinstance(each, type) and issubclass(each, BaseModel) and "value" not in each.model_fields:
                yield from models_in(each, known)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    """In the schema, or by its name on the page of the deal file or in its model's words."""
    page = (ROOT / "docs" / "deal-file.md").read_text()
    for model in models_in(KINDS[kind]):
        for name, field in model.model_fields.items():
            named = re.search(rf"\b{field.alias or name}\b", page + (model.__doc__ or ""))
            assert field.description or named, f"{model.__name__}.{name}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_has_the_kind(kind: str) -> None:
    schema = deal_schema()
    (any_part,) = schema["properties"]["parts"]["patternProperties"].values()
    choice = any_part["discriminator"]["mapping"]
    section = schema["$defs"][choice[kind].rpartition("/")[2]]
    assert section["properties"]["kind"]["const"] == kind == kind_name(KINDS[kind])
    assert section["additionalProperties"] is False
    for model in models_in(KINDS[kind]):
        told = schema["$defs"][model.__name__]["properties"]
        assert told.keys() == {field.alias or name for name, field in model.model_fields.items()}


def same(stated: Any, kept: Any) -> bool:
    if isinstance(stated, int | Decimal) and not isinstance(stated, bool):
        return Decimal(stated) == Decimal(kept)
    return bool(kept == (stated.isoformat() if isinstance(stated, date) else stated))


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, date):
        return value + timedelta(days=1)
    return value + (1 if isinstance(value, int | Decimal) else "X" if value.isupper() else "-x")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_in_the_terms_hash(kind: str) -> None:
    """Whatever a file says of a part stands in what is hashed, and the hash is another if it is."""
    changed = 0
    for file in shown(kind):
        deal, tree = load_deal(file), read_deal_yaml(file)
        hashed = json.loads(deal.canonical_json)
        assert Deal.model_validate(hashed).terms_hash == deal.terms_hash
        for key in (key for key, part in deal.parts.items() if part.kind == kind):
            for path in leaves(tree["parts"][key]):
                where = ("parts", key, *path)
                assert same(at(tree, where), at(hashed, where)), f"{file.name}: {where}"
                changed_tree = deepcopy(tree)
                at(changed_tree, where[:-1])[where[-1]] = other(at(tree, where))
                try:
                    found = Deal.model_validate(changed_tree)
                except ValidationError:  # a choice
                    continue
                assert found.terms_hash != deal.terms_hash, f"{file.name}: {where}"
                changed += 1
    assert changed


def linked(kind: str) -> Iterator[tuple[Tree, str, str, str]]:
    """Deal files with a part of a kind, its key, the field that links, and the kind that is wanted."""
    for file in shown(kind):
        for key, part in load_deal(file).parts.items():
            if part.kind == kind:
                for field, link, _ in part.links():
                    yield read_deal_yaml(file), key, field, link.kind


WANTED = {
    kind: [link for _, link in model.linking()] for kind, model in KINDS.items() if any(model.linking())
}
"""Links of each kind. One that leads to parts of any kind can only lead nowhere."""


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        *(("nowhere", kind) for kind in WANTED),
        *(
            ("another kind", kind)
            for kind, links in WANTED.items()
            if all(each.kind != ANY for each in links)
        ),
    ],
)
def test_a_link_leads_to_a_part_of_its_kind(to: str, kind: str) -> None:
    """Or is refused in one line that says which is wanted."""
    tried = Counter[str]()
    for tree, key, field, wanted in linked(kind):
        keys = [name for name, each in tree["parts"].items() if each["kind"] != wanted]
        tree["parts"][key][field] = "nobody" if to == "nowhere" else keys[0]
        with pytest.raises(DealFileError) as refused:
            parse_deal(tree)
        (found,) = (each for each in refused.value.problems if each.field == f"parts.{key}.{field}")
        assert wanted in found.reason
        assert "\n" not in str(found)
        tried[field] += 1
    assert tried.keys() == {field for field, _ in KINDS[kind].linking()}


# -- where it is shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_deal_shows_it(kind: str) -> None:
    """And the page of the deal file names ours."""
    assert shown(kind)
    ours = KINDS[kind].__module__.startswith("finance.")
    assert not ours or f"\n| {kind} |" in (ROOT / "docs" / "deal-file.md").read_text()


@pytest.mark.parametrize("kind", LEADING)
def test_what_leads_is_everywhere(kind: str) -> None:
    assert kind in PLANS
    assert INSTRUMENTS[kind].kind == kind
    assert {"TITLE", "about", "price", "cashflows", "sensitivity"} <= set(dir(MODULES[kind]))


@pytest.mark.parametrize("kind", LEADING)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_has_words(kind: str, language: str) -> None:
    """What it is, what it gives and takes, and its name, in the language of the page."""
    say, write = Translator(language), Format(language)
    for deal in (group for file in shown(kind) for group in load_deal(file).groups.values()):
        if deal.kind != kind:
            continue
        words = words_of(deal, say, write)
        told = [words.what, *words.gets, *words.loses, *(ruling.what for ruling in words.rulings)]
        told.append(say(INSTRUMENTS[kind].name(deal)))
        assert words.gets
        assert words.loses
        for line in map(str, told):
            assert line
            assert "{" not in line
            assert bool(HANGUL.search(line)) == (language == "ko"), line
        assert term_sheet(deal, say, write).groups


# -- price and settlement


def certain(tree: Tree, values: dict[str, Decimal]) -> Tree:
    """The same where every KPI takes one value, whatever happens."""
    for kpi, value in values.items():
        far_less = Decimal("1e-3").scaleb(-tree["kpis"][kpi]["decimals"])  # than the step of the KPI on chain
        known = {
            "mean": {"value": value, "assumed": "it is known"},
            "sd": {"value": far_less, "assumed": "nearly"},
        }
        tree["kpis"][kpi]["process"] = {"kind": "normal", **known}
    for name in ("default_probability", "revenue_sd"):  # everybody pays, as expected
        tree["asset"].get("parameters", {}).pop(name, None)
    return tree


def priced(tree: Tree, folder: Path) -> dict[str, int]:
    """What `penstock cashflows` expects on each day, in millionths of the currency."""
    file, found = folder / "deal.yaml", Counter[str]()
    file.write_text(json.dumps(tree, default=str))
    done = CliRunner().invoke(main, ["cashflows", str(file), "--json"])
    assert done.exit_code == 0, done.output
    for row in json.loads(done.stdout):
        day, amount = row.get("date") or row["pay_date"], row.get("expected", row.get("expected_settlement"))
        found[day] += round(Decimal(str(amount)) * 10**6)
    return dict(found)


def settled(deal: Deal, values: dict[str, Decimal]) -> tuple[dict[str, int], int, int]:
    """What everybody but the payer or issuer gets on each day by the books, and in all; and
    units in issue."""
    reports = {
        (kpi, period): int(values[kpi].scaleb(deal.kpis[kpi].decimals)) for kpi, period in periods_of(deal)
    }
    life = Kept(deal, reports).live()
    debtors = debtors_of(deal)
    found = Counter[str]()
    for when, flow in life.flows:
        day = datetime.fromtimestamp(when, UTC).date().isoformat()
        found[day] += flow.amount * ((flow.payer in debtors) - (flow.payee in debtors))
    return dict(found), -sum(life.world.money[each] for each in debtors), life.units


def debtors_of(deal: Deal) -> set[str]:
    """Who pays what is priced: a payer, an issuer; of a part that several may pay, all of them but those who
    hold its claims."""
    if any(part.named for part in deal.parts.values()):
        return {person(name) for name in deal.people} | {person(f"part {n}") for n in range(50)}
    return {person("payer"), person("issuer")}


@pytest.mark.parametrize("kind", LEADING)
def test_a_price_on_known_kpis_is_settlement(kind: str, seed: int, tmp_path: Path) -> None:
    """To the unit, of an issue to less than a minor unit for each of its own: day by day between the first
    date and the last, and in all. On those two collateral and the price of an issue come and go as well."""
    rng = Random(f"{seed}/priced/{kind}")
    for file in alone(kind):
        tree = read_deal_yaml(file)
        if tree["asset"].get("twin") == "wind":  # whose KPI is simulated from its weather
            continue
        deal, values = load_deal(file), {}
        for (kpi, _), (low, high) in periods_of(deal).items():
            values[kpi] = Decimal(rng.randint(low, high)).scaleb(-deal.kpis[kpi].decimals)
        deal = parse_deal(certain(tree, values))
        expected = priced(tree, tmp_path)
        found, total, units = settled(deal, values)
        where = f"PENSTOCK_SEED={seed}, {file.name}: {values}"
        least = units + len(expected)  # and what rounding keeps from a claim in each period
        # A price is the mean of ten thousand floats: of an amount beyond 2^53 / 10,000 minor units it does
        # not know the last digits, unless they are zeros.
        grain = len(expected) * max(1, round(10_000 * ulp(float(max(map(abs, expected.values()))))))
        assert -grain <= sum(expected.values()) - total <= max(grain, least), where
        for day in sorted(expected)[1:-1]:
            assert abs(expected[day] - found.get(day, 0)) <= max(grain, least), f"{where}: {day}"

"""The reference of finance is what docstrings say; they say enough; the nomenclature names what exists."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from inspect import getsource, isclass

import pytest

from tools.reference import PAGE, ROOT, Entry, members, offered, page

OFFERED = {f"{package}.{entry.name}": entry for package, entries in offered() for entry in entries}
MEMBERS = {
    f"{name}.{each.name.partition('.')[2]}": each
    for name, entry in OFFERED.items()
    for each in members(entry)
}
PLAIN = re.compile(
    r"\b(int|float|str|bool|Any|tuple|list|dict|Decimal|Floats|Ints|Hours|ArrayLike|Term|Steps)\b"
)
FLOAT = re.compile(r"\b(float|Decimal|Floats|ArrayLike)\b")
UNIT = re.compile(
    r"\b(currency|money|amounts?|per 100|prices?|revenue|fractions?|rates?|factors?|share|years?|months?|"
    r"days?|hours?|seconds?|MWh|MW|kW|Wh|m/s|(in|of|for) (its|their|the KPI's|a|the) .{0,6}units?|units of|"
    r"knots?|probabilit(y|ies)|chances?|sd|standard deviations?|variance|correlation|DSCR|normals?|"
    r"equally likely)\b|\[[^\]]+\]|%"
)
CITED = re.compile(
    r"doi:|\(?(1[6-9]|20)\d\d\)|\b(IEC|ISO) \d|Technical Specifications|section \d|QuantLib|NREL"
)
OWN = {
    "finance.actus.errors",
    "finance.generation.whole",
    "finance.pricing.flows",
    "finance.pricing.frames",
    "finance.pricing.prepared",
    "finance.pricing.processes.protocol",
    "finance.pricing.value",
    "finance.pricing.worth",
    "finance.settlement.waterfall",
    "finance.settlement.waterfall_plan",
    "finance.swaps.inputs",
    "finance.swaps.periods",
    "finance.swaps.scenarios",
    "finance.waterfalls.paths",
    "finance.waterfalls.projection",
}
"""Shapes of our own, and what puts formulas of other modules together; those cite their sources."""


def protocols(entry: Entry) -> set[str]:
    """What protocols of the modules of a class explain: the names of their members."""
    owner = entry.owner or entry.what
    homes = [sys.modules[each.__module__] for each in owner.__mro__ if each.__module__.startswith("finance.")]
    if owner.__module__.startswith("finance.pricing.processes"):
        homes.append(import_module("finance.pricing.processes.protocol"))
    return {
        name
        for home in homes
        for each in vars(home).values()
        if isclass(each) and getattr(each, "_is_protocol", False)
        for name in vars(each)
        if name == "__call__" or not name.startswith("_")
    }


def explained(entry: Entry) -> bool:
    """Whether a protocol of its module says what a member means; those of protocols speak for themselves."""
    return not getattr(entry.owner, "_is_protocol", False) and entry.name.partition(".")[2] in protocols(
        entry
    )


def words(entry: Entry) -> str:
    """The docstring, and with that of a member its class's, where fields are explained."""
    return f"{entry.text} {Entry('', entry.owner).text if entry.owner else ''}"


def unnamed(entry: Entry) -> list[str]:
    """Numbers, texts and collections that are taken and that the docstring does not name."""
    evident = protocols(entry) if isclass(entry.owner or entry.what) else set()
    return [
        each.name
        for each in entry.parameters
        if each.name not in evident
        and PLAIN.search(str(each.annotation).replace("str | Path", "Path"))
        and not re.search(rf"\b{each.name.replace('_', '[ _-]')}", words(entry))
    ]


def test_page_is_made_from_docstrings() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tools/reference.py writes it"


@pytest.mark.parametrize("name", [name for name, each in OFFERED.items() if callable(each.what)])
def test_what_is_offered_says_what_it_means(name: str) -> None:
    entry = OFFERED[name]
    assert len(entry.text) > 20
    assert not entry.text.startswith(f"{entry.name}("), "that is what dataclass writes"
    assert unnamed(entry) == []


@pytest.mark.parametrize("name", [name for name, each in MEMBERS.items() if not explained(each)])
def test_members_say_what_they_mean(name: str) -> None:
    assert MEMBERS[name].text
    assert unnamed(MEMBERS[name]) == []


@pytest.mark.parametrize("name", [name for name, each in (OFFERED | MEMBERS).items() if each.text])
def test_a_unit_is_said_where_floats_pass(name: str) -> None:
    entry = (OFFERED | MEMBERS)[name]
    types = [str(each.annotation) for each in entry.parameters]
    types += [str(entry.function.__annotations__.get("return"))] if entry.function else []
    assert not any(map(FLOAT.search, types)) or UNIT.search(words(entry))


HOMES = {each.what.__module__ for each in OFFERED.values() if callable(each.what)}


@pytest.mark.parametrize("home", sorted(each for each in HOMES if not each.startswith("finance.terms.")))
def test_a_source_is_cited(home: str) -> None:
    """By every module that offers something and takes a formula or a convention from the field."""
    assert (home in OWN) != bool(CITED.search(getsource(import_module(home))))


def test_nomenclature_names_what_exists() -> None:
    text = (ROOT / "docs" / "nomenclature.md").read_text(encoding="utf-8")
    named = [each.rpartition(".") for each in re.findall(r"`(finance\.[\w.]+)`", text)]
    assert len(named) > 70
    missing = [f"{module}.{name}" for module, _, name in named if not hasattr(import_module(module), name)]
    assert missing == []

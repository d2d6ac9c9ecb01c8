"""The examples in the documents and docstrings of finance are run, so their numbers are true."""

from __future__ import annotations

import doctest
import re
from collections import Counter
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.waterfall import Op
from finance.settlement.waterfall_plan import CASH
from finance.terms.reader import read_deal_yaml
from finance.waterfalls import Flow, Projection

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = [
    "finance.generation.water",
    "finance.generation.weather",
    "finance.generation.whole",
    "finance.generation.wind",
    "finance.pricing.closed",
    "finance.pricing.data_value",
    "finance.pricing.draws",
    "finance.pricing.frames",
    "finance.pricing.market",
    "finance.actus.conformance",
    "finance.actus.contracts",
    "finance.actus.dates",
    "finance.actus.day_count",
    "finance.pricing.process",
    "finance.pricing.processes.correlated",
    "finance.pricing.processes.gaussian",
    "finance.pricing.value",
    "finance.pricing.yields",
    "finance.securitisation.coverage",
    "finance.securitisation.large_pool",
    "finance.securitisation.loss",
    "finance.securitisation.pool",
    "finance.securitisation.rating",
    "finance.securitisation.tranche",
    "finance.swaps.debt",
    "finance.swaps.estimates",
    "finance.swaps.periods",
    "finance.swaps.pricing",
    "finance.swaps.scenarios",
    "finance.report.text",
    "finance.terms.schedule",
    "finance.waterfalls",
]


PAGES = [
    "actus.md",
    "deal-file.md",
    "generation.md",
    "pricing.md",
    "proxy-revenue-swap.md",
    "securitisation.md",
    "spv.md",
    "offering-book.md",
    "trade-desk.md",
]
INSTRUMENTS = sorted(
    path.name for path in (ROOT / "docs" / "instruments").glob("*.md") if path.name != "README.md"
)
PAGES += [f"instruments/{name}" for name in INSTRUMENTS]


@pytest.mark.parametrize("name", PAGES)
def test_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    path = ROOT / "docs" / name
    result = doctest.testfile(str(path), module_relative=False, optionflags=OPTIONS, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(import_module(name), optionflags=OPTIONS)
    assert result.attempted > 0
    assert result.failed == 0


def test_deal_file_page_names_every_field() -> None:
    """A field that the schema has and the page does not explain is a hole in the page."""
    from finance.terms.json_schema import deal_schema

    page = (ROOT / "docs" / "deal-file.md").read_text(encoding="utf-8")
    definitions = deal_schema()["$defs"] | {"Deal": deal_schema()}
    fields = {field for model in definitions.values() for field in model.get("properties", {})}
    assert not {field for field in fields if f"`{field}`" not in page}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instrument_page_quotes_its_deal(name: str, tmp_path: Path) -> None:
    """The terms that a page shows are those of the deal file that it links to, and the index has the page."""
    page = (ROOT / "docs" / "instruments" / name).read_text(encoding="utf-8")
    linked = re.search(r"\]\(../../(deals/[a-z0-9-]+\.yaml)\)", page)
    assert linked
    parts = read_deal_yaml(ROOT / linked[1])["parts"].values()
    (fragment,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = tmp_path / "fragment.yaml"
    shown.write_text(fragment, encoding="utf-8")
    assert any(contains(part, read_deal_yaml(shown)) for part in parts)
    assert f"]({name})" in (ROOT / "docs" / "instruments" / "README.md").read_text(encoding="utf-8")


def test_the_tables_of_the_waterfall_are_what_its_example_computes() -> None:
    """What falls due, what each step spends and leaves in cash, and what is kept, year by year."""
    page = (ROOT / "docs" / "spv.md").read_text(encoding="utf-8")
    example = doctest.DocTestParser().get_doctest(page, {}, "spv.md", None, None)
    doctest.DocTestRunner(optionflags=OPTIONS).run(example, clear_globs=False)
    made: Projection = example.globs["made"]
    flows = {(flow.period, flow.step, flow.target): flow for flow in made.flows()}
    due = Counter[tuple[int, str]]()
    for flow in flows.values():
        if flow.step and made.plan.steps[flow.step - 1].op == Op.PAY:
            due[flow.period, flow.target] += flow.amount
    for name, *cells, _ in rows_of(page, "due"):
        assert list(map(int, cells)) == [due[i, name] + left for i, left in enumerate(made.after(name))]
    for name, *cells in rows_of(page, "after"):
        assert list(map(int, cells)) == made.after(name)
    cash = [0, *made.after(CASH)[:-1]]
    for step, _, target, *cells in rows_of(page, "step | what | to"):
        for year, cell in enumerate(cells):
            if " = " in cell:
                assert {Fraction(each) for each in cell.split(" = ")} == set(made.ratios(target)[year])
                continue
            flow = flows.pop((year, int(step), target), Flow(year, int(step), "", "", 0))
            cash[year] += flow.amount * ((flow.target == CASH) - (flow.source == CASH))
            assert cell == f"{flow.amount}, {cash[year]}"
    assert not flows, "money that the page does not show"


def rows_of(page: str, head: str) -> list[list[str]]:
    """The cells of the table that begins with these columns, without their backquotes."""
    table = page.split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table]


def contains(whole: Any, part: Any) -> bool:
    """Whether `part` is in `whole`: every field of a mapping, the first items of a list, terms by value."""
    if isinstance(part, dict) and "value" in part:
        return bool(isinstance(whole, dict) and whole.get("value") == part["value"])
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contains(whole.get(key), item) for key, item in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(
            contains(found, item) for found, item in zip(whole, part, strict=False)
        )
    return bool(whole == part)


def test_links_between_documents_lead_somewhere() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"

"""The examples in the documents and docstrings of finance are run, so their numbers are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

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
    "finance.swaps.debt",
    "finance.swaps.estimates",
    "finance.swaps.periods",
    "finance.swaps.pricing",
    "finance.swaps.scenarios",
    "finance.report.text",
    "finance.terms.schedule",
]


@pytest.mark.parametrize(
    "name", ["actus.md", "deal-file.md", "generation.md", "pricing.md", "proxy-revenue-swap.md"]
)
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

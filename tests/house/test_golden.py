"""What must not change by accident: terms hashes, prices, reconciliations and the description of the API.

The files in golden/ are a net against accident and nothing more; see `unchanged`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chain.network import LocalChain, rpc, start_anvil
from chain.reconcile import reconcile
from finance.terms import load_deal
from scripts.cli import main
from tests.api.without_chain import offline
from tests.book import groups
from tests.chain.bond_life import BEFORE_THE_OFFERING, whole_life
from tests.chain.swap_life import BEFORE, rain_life
from tests.house.unchanged import RENEW, unchanged

ROOT = Path(__file__).resolve().parents[2]
DEALS = sorted((ROOT / "deals").glob("*.yaml"))
FEWER = {"bloom-wind-prs": ["--paths", "200"]}
"""Options that spare a long simulation; its seed is the command's own."""
WORDS = frozenset({"description", "summary", "title", "example", "examples"})
"""What an API says beside its shape, and may say otherwise any day."""


def test_terms_hashes() -> None:
    """What investors bought is what runs: the hash of each deal of the book."""
    unchanged("terms-hashes", {path.stem: load_deal(path).terms_hash for path in DEALS})


@pytest.mark.parametrize("name", groups())
def test_prices(name: str) -> None:
    file, _, part = name.partition("--")
    path, of = ROOT / "deals" / f"{file}.yaml", ["--part", part] if part else []
    result = CliRunner().invoke(main, ["price", str(path), *of, "--json", *FEWER.get(file, [])])
    assert result.exit_code == 0, result.stderr
    unchanged(f"price-{name}", json.loads(result.stdout))


def test_api_description(tmp_path: Path) -> None:
    """Paths, parameters, bodies and answers, by what clients are built from; words and examples aside."""
    unchanged("openapi", dict(shape_of(offline(tmp_path).get("/v1/openapi.json").json())))


def shape_of(described: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """A line for each operation and each field of a schema."""
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", bare(operation)
    for name, schema in described["components"]["schemas"].items():
        yield f"schema {name}", bare(schema)


def bare(node: Any, named: bool = False) -> Any:
    """Without words and examples; `named`: its keys are names that somebody gave, none of them words."""
    if isinstance(node, list):
        return [bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return node["$ref"].rpartition("/")[2]
    if node.keys() == {"content", "description"}:  # an answer: what it is made of is enough
        return {kind: bare(each["schema"]) for kind, each in node["content"].items()}
    kept = {key: each for key, each in node.items() if named or key not in WORDS}
    return {key: bare(each, key == "properties") for key, each in kept.items()}


@contextmanager
def steady(timestamp: int) -> Iterator[LocalChain]:
    """A chain whose blocks are a second apart from that time on, however long they took."""
    with start_anvil(timestamp=timestamp) as chain:
        rpc(chain.w3, "anvil_setBlockTimestampInterval", 1)
        yield chain


def test_reconciliation_of_a_bond() -> None:
    with steady(BEFORE_THE_OFFERING) as chain:
        life = whole_life(chain, 420_000)
        unchanged("reconcile-bond", numbered(reconcile(life.w3, life.record).as_json()))


def test_reconciliation_of_a_swap() -> None:
    with steady(BEFORE["water-utility-rainfall-swap"]) as chain:
        unchanged("reconcile-swap", numbered(rain_life(chain).reconcile().as_json()))


def numbered(result: dict[str, Any]) -> dict[str, Any]:
    """A reconciliation whose transactions are numbered: their hashes change with the bytecode."""
    numbers: dict[str, int] = {}
    for row in result["rows"]:
        row["tx"] = numbers.setdefault(row["tx"], len(numbers)) if row["tx"] else ""
    return result


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": [1.0, "x"], "b": {"c": 2}}, None),
        ({"a": [1.0 + 1e-12, "x"], "b": {"c": 2}}, None),
        ({"a": [1.0 + 1e-7, "x"], "b": {"c": 2}}, r"a\[0\]: was 1.0, is 1.0000001"),
        ({"a": [1.0], "b": {"c": 2}}, "a: had 2 items, has 1"),
        ({"a": [1.0, "x"], "b": {}}, "b.c: is gone"),
        ({"a": [1.0, "x"], "b": {"c": 2, "d": 0}}, "b.d: is new"),
        ({"a": [1.0, "x"], "b": {"c": "2"}}, "b.c: was 2, is '2'"),
        ({"a": [1.0, "x"], "b": {"c": True}}, "b.c: was 2, is True"),
    ],
)
def test_what_has_changed_is_noticed(
    now: Any, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(RENEW, raising=False)
    with pytest.raises(AssertionError, match="PENSTOCK_UPDATE_GOLDEN=1 writes it"):
        unchanged("some", now, tmp_path)
    (tmp_path / "some.json").write_text('{"a": [1.0, "x"], "b": {"c": 2}}')
    if said is None:
        return unchanged("some", now, tmp_path)
    with pytest.raises(AssertionError, match=said):
        unchanged("some", now, tmp_path)

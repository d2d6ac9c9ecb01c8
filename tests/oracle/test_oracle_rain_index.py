"""rain-index/1 in a stranger's bundle and in a node's configuration: weights, depths, columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.terms import feed_terms
from finance.terms import InputError, load_deal
from oracle.evidence import Bundle, canonical
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import METHODS, MethodError, inputs_of, recompute
from oracle.methods.rain_table import check_rain, rain_decimals
from oracle.node_config import ConfigError
from tests.oracle.conftest import ROOT
from tests.oracle.offline import FEED, edit, start
from tests.oracle.test_oracle_methods_other import rain_bundle
from tests.oracle.test_oracle_quality import rain

GAUGES = {"a": [100, 200], "b": [0, 101]}


def with_weights(weights: Any) -> Bundle:
    good = rain_bundle(GAUGES, {"a": 400_000, "b": 600_000}, 4)
    document = good.document("parameters.json")
    document["parameters"]["weights_millionths"] = weights
    return Bundle({**good.files, "parameters.json": canonical(document)})


def test_a_weight_may_be_nothing_or_all() -> None:
    for weights, value in (({"a": 10**6, "b": 0}, 30_000), ({"a": 0, "b": 10**6}, 10_100)):
        found = rain_bundle(GAUGES, weights, 4)
        assert recompute(found) == found.context.value == value
        (shown,) = inputs_of(found).readings.values()
        assert sum(shown.values) == pytest.approx(value / 10**4)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"a": 400_000.0, "b": 600_000}, "weights_millionths: not whole numbers by gauge"),
        ({"a": True, "b": 999_999}, "weights_millionths: not whole numbers by gauge"),
        ({"a": "400000", "b": 600_000}, "weights_millionths: not whole numbers by gauge"),
        ([400_000, 600_000], "weights_millionths: not whole numbers by gauge"),
        (None, "weights_millionths: not whole numbers by gauge"),
        ({}, r"weights: sum to 0\.000000: must be 0 or more each, and 1 together"),
        ({"a": -1, "b": 10**6 + 1}, r"weights: sum to 1\.000000: must be 0 or more each"),
        ({"a": 400_000, "b": 600_001}, r"weights: sum to 1\.000001"),
        ({"a": 400_000, "c": 600_000}, "columns and weights differ: rain_mm@b, rain_mm@c"),
        ({"a": 10**6}, "columns and weights differ: rain_mm@b"),
    ],
)
def test_weights_of_a_stranger(weights: Any, says: str) -> None:
    bundle = with_weights(weights)
    method = METHODS["rain-index/1"]
    acts: tuple[Callable[[Bundle], Any], ...] = (recompute, inputs_of, method.raw_value)
    for act in acts:
        with pytest.raises(MethodError, match=says):
            act(bundle)
    nothing = Bundle({**bundle.files, "parameters.json": canonical({"twin": "rain-index", "parameters": 3})})
    with pytest.raises(MethodError, match="not whole numbers by gauge"):
        recompute(nothing)


def test_depths_are_nothing_or_more_and_their_line_is_named() -> None:
    check_rain(rain([0.0, 0.01]))
    for depths, line, shown in (([0, -0.01], 3, "-0.01"), ([-2, 5, -3], 2, "-2.00")):
        with pytest.raises(
            InputError, match=rf"rain\.csv: line {line}: rain_mm@a = {shown}: must be 0 or more"
        ):
            check_rain(rain(depths))


def test_columns_of_the_rain_table() -> None:
    assert rain_decimals("rain_mm@north-1") == 2
    for name in ("rain_mm@", "rain_mm@North", "rain_inch@a", "rain_mm@" + "a" * 32, "depth"):
        with pytest.raises(KeyError, match="there are columns rain_mm@GAUGE"):
            rain_decimals(name)


# -- a node


@pytest.fixture
def node(tmp_path: Path) -> NodeFiles:
    deal = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    return prepare_nodes(tmp_path, feed_terms(deal, "rainfall"), deal=deal)[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.0000001", "finer than 6 decimals"),
        ("1,0", "not a plain decimal"),
        ("0.999999", r"sum to 0\.999999"),
    ],
)
def test_weights_are_whole_millionths(node: NodeFiles, text: str, says: str) -> None:
    edit(node, twin={"weights": {"g1": "1.000000"}})
    start(node)
    edit(node, twin={"weights": {"g1": text}})
    with pytest.raises(ConfigError, match=says):
        start(node)


def test_evidence_keeps_what_the_gauge_saw(node: NodeFiles) -> None:
    """Of a node with an error: the index is that of its own readings, not of the true rain."""
    true = (node.config.parent / "rain.csv").read_text()
    edit(node, gauge={"id": "g", "bias": 0.5})
    bundle = start(node)._measure(FEED, 0, 0).bundle
    lines = bundle.text("rain.csv").splitlines()[1:]
    seen = sum(float(line.split(",")[1]) for line in lines)
    fell = sum(
        float(depth)
        for hour, depth in (line.split(",") for line in true.splitlines()[1:])
        if lines[0][:17] <= hour <= lines[-1][:17]
    )
    assert seen == pytest.approx(1.5 * fell, rel=1e-3)
    assert float(bundle.document("results.json")["index_mm"]) == pytest.approx(seen)
    assert json.loads(bundle.text("observation.json"))["gauge"] == "g"

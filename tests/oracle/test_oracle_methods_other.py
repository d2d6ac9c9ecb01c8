"""rain-index/1 and reported-values/1, the registry, and what prepare makes of every deal in the book."""

from __future__ import annotations

import json
import random
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, InputError, load_deal
from oracle.evidence import Bundle, EvidenceError
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import METHODS, MethodError, measure, method_hash, recompute
from oracle.methods.reported_table import ReportedRow
from oracle.methods.series import Series, decimal_text, read_series, whole_number
from oracle.node import RefusedError
from oracle.node_config import ConfigError
from oracle.verifier import verify_report
from tests.oracle.conftest import ROOT
from tests.oracle.offline import edit, report_of, request, start

ABOUT: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "k", "gauge": "gauge-1"}
DEALS = sorted(path.name for path in (ROOT / "deals").glob("*.yaml"))


def load(name: str) -> tuple[Deal, FeedTerms]:
    deal = load_deal(ROOT / "deals" / name)
    return deal, feed_terms(deal, next(iter(deal.oracle)))


# ------------------------------------------------------------------------------------------ registry


@pytest.mark.parametrize("name", DEALS)
def test_every_deal_gets_nodes_whose_reports_verify(name: str, tmp_path: Path) -> None:
    """From the deal file alone: data, nodes, three observations of the first period, a report that holds."""
    deal = load_deal(ROOT / "deals" / name)
    for kpi in deal.oracle:
        terms = feed_terms(deal, kpi)
        method = METHODS[terms.method]
        assert terms.method_hash == method_hash(terms.method)
        assert deal.asset.twin == method.twin
        files = prepare_nodes(tmp_path / kpi, terms, deal=deal)
        nodes = [start(item) for item in files[:3]]
        assert nodes[0].info()["twin"] == method.twin
        done = verify_report(report_of(nodes, terms, tmp_path / kpi / "report"))
        assert done.ok, [check for check in done.checks if not check.ok]
        stated = deal.kpis[kpi].reported_values
        label = "simulated" if stated is None else "as published" if stated.is_sourced else "assumed"
        if method.id != "swmm-paired-rain/1":  # whose rain file names its station, as it always has
            for item in files:
                texts = [path.read_text() for path in item.config.parent.glob("*.[jc]s*")]
                assert any(label in text for text in texts)


def test_a_method_is_listed_by_its_own_id() -> None:
    assert [METHODS[id].id for id in METHODS] == list(METHODS)


def test_every_feed_of_the_book_has_a_known_method() -> None:
    """And every method a feed, but for unit-value/1: a deal of its own is in test_oracle_unit_value."""
    policies = [policy for name in DEALS for policy in load_deal(ROOT / "deals" / name).oracle.values()]
    assert {policy.method for policy in policies} == METHODS.keys() - {"unit-value/1"}


@pytest.mark.parametrize("text", ["", "-", ".", "1e3", "1_0", "٣", "0x1", "1.2.3", "--1", "nan", " 1"])
def test_texts_that_are_no_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        whole_number(text, 3)


def test_numbers_go_to_text_and_back(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(2000):
        decimals, whole = rng.randint(0, 6), rng.randint(-(10**8), 10**8)
        text = decimal_text(whole, decimals)
        assert Fraction(text) == Fraction(whole, 10**decimals)
        assert whole_number(text, decimals) == whole


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("parameters.json", '"source":"a test\'s"', '"source":"\\ud800"'),
        ("parameters.json", '"source":"a test\'s"', '"source":NaN'),
        ("observation.json", '"gauge":"gauge-1"', '"gauge":"\\ud800"'),
        ("observation.json", '"gauge":"gauge-1"', '"gauge":[[]]'),
        ("observation.json", '"period_end":1704074400', '"period_end":1' + "0" * 300),
        ("rain.csv", "2024-01-01T00:00Z", "9999-12-31T23:00Z"),
        ("rain.csv", ",1.00", "," + "1" * 5000),
    ],
)
def test_nonsense_in_a_strangers_bundle_is_one_clear_error(name: str, old: str, new: str) -> None:
    found = rain_bundle({"a": [100, 0]}, {"a": 10**6}, 2)
    text = found.text(name)
    assert old in text
    with pytest.raises((MethodError, EvidenceError)) as problem:
        recompute(Bundle({**found.files, name: text.replace(old, new, 1).encode()}))
    assert "\n" not in str(problem.value)


# ------------------------------------------------------------------------------------------ rain


def rain_bundle(
    columns: dict[str, list[int]], weights: dict[str, int], decimals: int, step: int = 3600
) -> Bundle:
    whole = {f"rain_mm@{name}": np.array(values, dtype=np.int64) for name, values in columns.items()}
    rain = Series("by hand", 1704067200, step, whole, dict.fromkeys(whole, 2))
    return measure("rain-index/1", weights, rain, "a test's", decimals=decimals, **ABOUT).bundle


def test_weighted_rain_by_hand() -> None:
    """Half of 3.00 mm, a quarter of 1.01 and a quarter of 0 are 1.7525 mm: 1.75 with two decimals."""
    gauges = {"north": [100, 200], "east": [0, 101], "south": [0, 0]}
    weights = {"north": 500_000, "east": 250_000, "south": 250_000}
    assert rain_bundle(gauges, weights, 2).context.value == 175
    found = rain_bundle(gauges, weights, 4)
    assert found.context.value == 17_525
    assert found.document("results.json")["gauges_mm"] == {"north": "3.00", "east": "1.01", "south": "0.00"}
    assert recompute(found) == 17_525


def test_random_weights_against_fractions(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        cut = sorted(rng.randrange(10**6 + 1) for _ in range(2))
        weights = {"a": cut[0], "b": cut[1] - cut[0], "c": 10**6 - cut[1]}
        gauges = {name: [rng.choice([0, 0, rng.randrange(5_000)]) for _ in range(30)] for name in weights}
        decimals = rng.randint(0, 3)
        exact = sum(Fraction(weights[name], 10**6) * Fraction(sum(gauges[name]), 100) for name in weights)
        found = rain_bundle(gauges, weights, decimals, rng.choice([3600, 86_400]))
        assert found.context.value == round(exact * 10**decimals)
        assert recompute(found) == found.context.value


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("rain.csv", ",1.00", ",1.01", r"results\.json: .*gauges_mm"),
        ("rain.csv", ",1.00", ",-1.00", "must be 0 or more"),
        ("rain.csv", ",1.00", ",1.001", "finer than 2 decimals"),
        ("rain.csv", "rain_mm@north", "rain_inch@north", "unknown"),
        ("rain.csv", "rain_mm@north", "rain_mm@west", "columns and weights differ"),
        ("rain.csv", "T01:00Z", "T02:00Z", "1 hour missing|a step must"),
        ("parameters.json", '"east":250000', '"east":250001', r"sum to 1\.000001"),
        ("parameters.json", '"source":"a test\'s"', '"source":7', "source = 7"),
        ("results.json", '"value":"175"', '"value":"176"', "value = 176"),
        ("observation.json", '"value":"175"', '"value":"176"', "value = 176, but its own raw data give 175"),
        ("observation.json", '"period_end":1704074400', '"period_end":1704078000', "do not cover"),
    ],
)
def test_forged_rain_does_not_recompute(name: str, old: str, new: str, says: str) -> None:
    gauges = {"north": [100, 200], "east": [0, 101], "south": [0, 0]}
    found = rain_bundle(gauges, {"north": 500_000, "east": 250_000, "south": 250_000}, 2)
    text = found.text(name)
    assert old in text
    with pytest.raises(MethodError, match=says):
        recompute(Bundle({**found.files, name: text.replace(old, new, 1).encode()}))


@pytest.fixture
def rain_nodes(tmp_path: Path) -> tuple[list[NodeFiles], FeedTerms]:
    deal, terms = load("water-utility-rainfall-swap.yaml")
    return prepare_nodes(tmp_path / "nodes", terms, deal=deal, gauge_weights=[0.5, 0.3, 0.2]), terms


def test_rain_nodes_with_three_gauges(rain_nodes: Any, tmp_path: Path) -> None:
    files, terms = rain_nodes
    nodes = [start(item) for item in files]
    values = [node.observe(request(terms, 2)).value for node in nodes]
    assert max(values) - min(values) <= terms.max_spread
    found = nodes[0].evidence(nodes[0].observe(request(terms, 2)).evidence)
    lines = found.text("rain.csv").splitlines()
    assert lines[0] == "time,rain_mm@g1,rain_mm@g2,rain_mm@g3"
    assert (lines[1][:17], lines[-1][:17]) == ("2024-07-01T00:00Z", "2024-09-30T23:00Z")
    gauge = json.loads(files[1].config.read_text())["gauge"]
    edit(files[1], gauge={**gauge, "bias": -0.5}, state="cooked")
    cooked = start(files[1])
    done = verify_report(report_of([nodes[0], cooked, nodes[2], nodes[3]], terms, tmp_path / "r", 2))
    assert [(check.name, check.node) for check in done.checks if not check.ok] == [("gauge", cooked.address)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"twin": {"weights": {"g1": "0.5", "g2": "0.5", "g3": "0.2"}}}, r"weights: sum to 1\.200000"),
        ({"twin": {"weights": {"g1": "1"}}}, "columns and weights differ: rain_mm@g2"),
        (
            {"twin": {"weights": {"g1": "0.50000001", "g2": "0", "g3": "0"}}},
            r"twin\.weights\.g1 = 0\.50000001",
        ),
        ({"rain": "absent.csv"}, "cannot be read"),
        ({"prices": "prices.csv"}, "prices"),
    ],
)
def test_bad_rain_configurations(rain_nodes: Any, change: dict[str, Any], says: str) -> None:
    (files, *_), _terms = rain_nodes
    edit(files, **change)
    with pytest.raises(ConfigError, match=says) as problem:
        start(files)
    assert "\n" not in str(problem.value)


def test_daily_rain_is_read_and_mixed_steps_are_not() -> None:
    text = "time,rain_mm@a\n2024-01-01T00:00Z,1.5\n2024-01-02T00:00Z,0\n"
    found = read_series(text, "rain", lambda _: 2, (3600, 86_400))
    assert (found.step, found.columns["rain_mm@a"].tolist()) == (86_400, [150, 0])
    with pytest.raises(InputError, match=r"line 4: .* not one day after"):
        read_series(text + "2024-01-02T01:00Z,0\n", "rain", lambda _: 2, (3600, 86_400))
    with pytest.raises(InputError, match=r"line 3: .* must be one hour or day"):
        read_series("time,a\n2024-01-01T00:00Z,1\n2024-01-01T12:00Z,0\n", "rain", lambda _: 2, (3600, 86_400))


# ------------------------------------------------------------------------------------------ reported


def reported(
    value: str, decimals: int = 4, end: str = "2021-12-31", document: str = "https://example.org/a"
) -> Bundle:
    row = ReportedRow(date.fromisoformat(end), value, document, "as published")
    return measure("reported-values/1", row, 1609459200, 1640995200, decimals=decimals, **ABOUT).bundle


@pytest.mark.parametrize(
    ("value", "decimals", "whole"),
    [("0.459", 4, 4590), ("-3", 0, -3), ("12.50", 1, 125), ("0.5500", 6, 550_000)],
)
def test_reported_value_is_the_row(value: str, decimals: int, whole: int) -> None:
    found = reported(value, decimals)
    assert recompute(found) == found.context.value == whole
    assert value in found.text("report.csv")


def test_reported_value_is_never_rounded() -> None:
    with pytest.raises(MethodError, match=r"value = 0\.45901: finer than 4 decimals"):
        reported("0.45901")
    with pytest.raises(MethodError, match="the period ends on 2021-12-31"):
        reported("0.459", end="2020-12-31")


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("report.csv", "0.459", "0.460", "value|reads"),
        ("report.csv", "2021-12-31", "2021-12-30", "the period ends on"),
        ("report.csv", "2021-12-31,0.459", "2021-12-31,0.4590", "reads|value|canonical|results"),
        ("report.csv", "as published", "published", "label = published"),
        ("report.csv", "https://example.org/a", "", "document"),
        ("report.csv", "period_end,value", "period,value", "line 1"),
        ("results.json", '"value":"4590"', '"value":"4591"', "value = 4591"),
        (
            "observation.json",
            '"value":"4590"',
            '"value":"4591"',
            "value = 4591, but its own raw data give 4590",
        ),
    ],
)
def test_forged_reports_do_not_recompute(name: str, old: str, new: str, says: str) -> None:
    found = reported("0.459")
    text = found.text(name)
    assert old in text
    changed = Bundle({**found.files, name: text.replace(old, new, 1).encode()})
    assert changed.root != found.root
    if new.endswith("0.4590"):  # the same value written otherwise is the same value
        assert recompute(changed) == 4590
        return
    with pytest.raises(MethodError, match=says):
        recompute(changed)


def reports_file(folder: Path, *rows: str) -> Path:
    path = folder / "published.csv"
    path.write_text("\n".join(["period_end,value,document,label", *rows]) + "\n")
    return path


def test_nodes_read_what_was_published_and_name_who_read_otherwise(tmp_path: Path) -> None:
    deal, terms = load("enel-slb-2019.yaml")
    path = reports_file(tmp_path, '2021-12-31,0.5512,"Annual report, page 7",simulated')
    files = prepare_nodes(tmp_path / "nodes", terms, deal=deal, reports=path)
    nodes = [start(item) for item in files]
    assert {node.observe(request(terms)).value for node in nodes} == {551_200}
    mine = files[1].config.parent / "reports.csv"
    mine.write_text(mine.read_text().replace("0.5512", "0.5421"))
    edit(files[1], state="other")
    other = start(files[1])
    done = verify_report(report_of([nodes[0], other, nodes[2], nodes[3]], terms, tmp_path / "r"))
    assert done.report.value == 551_200
    assert [(check.name, check.node) for check in done.checks if not check.ok] == [
        ("same value", other.address)
    ]


def test_a_period_without_publication_is_no_observation(tmp_path: Path) -> None:
    deal, terms = load("singapore-ebus-loan.yaml")
    files = prepare_nodes(tmp_path / "n", terms, deal=deal, values=["0.08", "0.2"])
    node = start(files[0])
    assert node.observe(request(terms, 1)).value == 2000
    with pytest.raises(RefusedError, match="period_end = 2028-12-31: nothing is published"):
        node.observe(request(terms, 2))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["2021-12-31,55 %,x,simulated"], "line 2: value = 55 %: not a plain decimal number"),
        (["31/12/2021,0.55,x,simulated"], "line 2: period_end = 31/12/2021: not a day"),
        (["2021-12-31,0.55,x,simulated"] * 2, "line 3: period_end = 2021-12-31: stands twice"),
        (["2021-12-31,0.55,x"], "line 2: 3 cells, but 4 columns"),
        (["2021-12-31,0.55,,simulated"], "line 2: document"),
        (["2021-12-31,0.55,x,true"], "label = true"),
        (['2021-12-31,0.55,"x,simulated'], "not a CSV table"),
    ],
)
def test_bad_publications(tmp_path: Path, rows: list[str], says: str) -> None:
    deal, terms = load("enel-slb-2019.yaml")
    files = prepare_nodes(tmp_path / "n", terms, deal=deal)[0]
    reports_file(tmp_path, *rows).rename(files.config.parent / "reports.csv")
    with pytest.raises(ConfigError, match=says) as problem:
        start(files)
    assert "\n" not in str(problem.value)


def test_too_many_values(tmp_path: Path) -> None:
    deal, terms = load("enel-slb-2019.yaml")
    with pytest.raises(InputError, match="values: 2 with 1 documents, but the KPI has 1 periods"):
        prepare_nodes(tmp_path, terms, deal=deal, values=["0.5", "0.6"])


def test_a_period_beyond_the_calendar() -> None:
    found = reported("0.459")
    text = found.text("observation.json").replace('"period_end":1640995200', '"period_end":1' + "0" * 300)
    with pytest.raises(MethodError, match="cannot be recomputed"):
        recompute(Bundle({**found.files, "observation.json": text.encode()}))

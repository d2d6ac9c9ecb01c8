"""What no node signs, and what it signs with a word: against published records, through the methods."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, InputError, load_deal
from oracle import quality
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import METHODS, MethodError, measure, recompute, suspicions_of
from oracle.methods.rain_table import check_rain
from oracle.methods.reported_table import ReportedRow
from oracle.methods.series import Series
from oracle.methods.wind import check_prices, check_wind
from oracle.node import RefusedError
from oracle.node_config import ConfigError
from oracle.twins.rain import RainError
from oracle.verifier import verify_report
from tests.oracle.conftest import ROOT
from tests.oracle.offline import edit, report_of, request, start

HOUR, DAY = 3600, 86_400
ABOUT: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "k", "gauge": "gauge-1"}


def rain(depths_mm: list[float], step: int = HOUR) -> Series:
    column = np.rint(np.array(depths_mm) * 100).astype(np.int64)
    return Series("rain.csv", 1_704_067_200, step, {"rain_mm@a": column}, {"rain_mm@a": 2})


@pytest.mark.parametrize(
    ("depths", "step", "says"),
    [
        # The case, and the record itself: Shangdi had 401 mm in an hour.
        (
            [0, 499, 0],
            HOUR,
            r"line 3: rain_mm@a: 499\.00 mm in 1 hour; the most on record is 401 mm in 1 hour",
        ),
        ([401.01], HOUR, r"401\.01 mm in 1 hour"),
        ([0, 1825.01], DAY, r"1825\.01 mm in 1 day; the most on record is 1825 mm in 1 day \(Foc-Foc"),
        # No hour beyond the record, but half a day is: 1,144 mm at Foc-Foc.
        ([0, *[100.0] * 12], HOUR, r"1200\.00 mm in 12 hours; the most on record is 1144 mm"),
        # No day is, but four are: 4,936 mm at Commerson.
        ([1250.0] * 4, DAY, r"mm in 2 days; the most on record is 2493 mm in 2 days"),
        ([1234.1] * 4, DAY, r"4936\.40 mm in 4 days; the most on record is 4936 mm in 4 days"),
        ([72.6] * 366, DAY, r"in 365 days; the most on record is 26470 mm"),
        ([38.01], 60, r"38\.01 mm in 1 minute"),
        ([51.0] * 6, 420, r"306\.00 mm in 42 minutes; the most on record is 305 mm .*Holt"),
    ],
)
def test_more_rain_than_ever_fell_is_refused(depths: list[float], step: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_rain(rain(depths, step))


PUBLISHED = (
    (60, 38), (42 * 60, 305), (HOUR, 401), (12 * HOUR, 1144), (DAY, 1825), (2 * DAY, 2493), (3 * DAY, 3930),
    (4 * DAY, 4936), (365 * DAY, 26_470),
)  # fmt: skip
"""Seconds, and the most rain in them [mm]: World Weather and Climate Extremes Archive; an hour: Shangdi."""


@pytest.mark.parametrize(("seconds", "most"), PUBLISHED)
def test_the_records_are_the_published_ones(seconds: int, most: int) -> None:
    """In as long as the record's: as much is possible and a hundredth more is not; half of it is usual."""

    def fell(hundredths: int, step: int) -> Any:
        return np.array([hundredths], dtype=np.int64), step

    assert quality.impossible_rain(*fell(100 * most, seconds)) is None
    assert quality.impossible_rain(*fell(100 * most + 1, seconds)) is not None
    assert quality.impossible_rain(*fell(100 * most + 1, seconds + 1)) is None  # a longer one allows more
    assert quality.rare_rain(*fell(50 * most, seconds)) == []
    assert len(quality.rare_rain(*fell(50 * most + 1, seconds))) == 1


def test_rain_against_every_window_by_hand(seed: int) -> None:
    """The first record that is broken, by sums over all windows: no cumulative sums, no shortcuts."""
    rng = random.Random(seed)
    for _ in range(200):
        step = rng.choice([60, 600, HOUR, DAY])
        depths = [rng.choice([0, 0, rng.randrange(60_000)]) for _ in range(rng.randrange(1, 40))]
        broken = False
        for seconds, record in PUBLISHED:
            steps = min(seconds // step, len(depths))
            if steps and any(
                sum(depths[i : i + steps]) > 100 * record for i in range(len(depths) - steps + 1)
            ):
                broken = True
        found = quality.impossible_rain(np.array(depths, dtype=np.int64), step)
        assert (found is not None) == broken, (seed, step, depths)


def wind(**columns: list[float]) -> Series:
    names = {"speed": "speed_m_s@80", "temperature": "temperature_c@80", "pressure": "pressure_pa@80"}
    decimals = {"speed_m_s@80": 3, "temperature_c@80": 3, "pressure_pa@80": 0}
    given = {"speed": [5.0, 6.0], "temperature": [10.0, 11.0], "pressure": [101_325.0, 101_000.0], **columns}
    whole = {
        names[k]: np.rint(np.array(v) * 10 ** decimals[names[k]]).astype(np.int64) for k, v in given.items()
    }
    return Series("wind.csv", 1_704_067_200, HOUR, whole, decimals)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"speed": [5, 113.3]}, r"line 3: speed_m_s@80: 113\.3 m/s; on record are 0 to 113\.2"),
        ({"temperature": [56.8, 10]}, r"line 2: temperature_c@80: 56\.8 degrees Celsius"),
        ({"temperature": [10, -89.3]}, r"line 3: temperature_c@80: -89\.3 degrees Celsius"),
    ],
)
def test_weather_beyond_the_records_is_refused(columns: dict[str, list[float]], says: str) -> None:
    check_wind(wind(speed=[0, 113.2], temperature=[56.7, -89.2]))
    with pytest.raises(InputError, match=says):
        check_wind(wind(**columns))


def test_what_is_rare_is_said() -> None:
    weather = [
        each.words
        for name, values in wind(speed=[50.001, 3], temperature=[1, 2]).columns.items()
        for each in quality.rare_weather(name, values, HOUR)
    ]
    assert weather == ["50.001 m/s; turbines are built to see 50 m/s once in fifty years"]
    prices = np.array([100, 9000, 9000.01, -1000.01]) * 10_000
    (found,) = quality.rare_prices("USD", np.rint(prices).astype(np.int64), 4, HOUR)
    assert (found.step, found.words) == (2, "9000.01 USD per MWh; its markets take -1000 to 9000")
    assert quality.rare_prices("KRW", np.array([10**9 * 10_000]), 4, HOUR) == []
    (half,) = quality.rare_rain(np.array([0, 20_051, 0]), HOUR)
    assert half.words.startswith("200.51 mm in 1 hour; more than 1/2 of the most on record is 401 mm")


def test_an_instrument_that_does_not_move(seed: int) -> None:
    rng = random.Random(seed)
    moving = [rng.randrange(1, 9000) for _ in range(100)]
    moving = [v + (v == w) for v, w in zip(moving, [0, *moving], strict=False)]
    for kind, hours in quality.STUCK_HOURS.items():
        for run, found in ((hours - 1, False), (hours, True), (hours + 30, True)):
            stuck = np.array([*moving[:10], *[4321] * run, *[v for v in moving[10:] if v != 4321]])
            runs = list(quality._stuck(stuck, HOUR, kind))
            assert bool(runs) == found, (kind, run)
            assert not found or runs[0].step == 10
        assert not list(quality._stuck(np.zeros(1000, dtype=np.int64), HOUR, kind))  # dry, or calm


@pytest.mark.parametrize(
    ("currency", "low", "high"), [("eur", -500, 5000), ("usd", -1000, 9000), ("aud", -1000, 17_500)]
)
def test_what_markets_let_a_price_be(currency: str, low: int, high: int) -> None:
    """To a hundredth of a cent; the day-ahead coupling's, ERCOT's and the Australian rules' limits."""
    for within in (low, high):
        assert quality.rare_prices(currency, np.array([within * 10_000]), 4, HOUR) == []
    for beyond in (low * 10_000 - 1, high * 10_000 + 1):
        assert len(quality.rare_prices(currency, np.array([beyond]), 4, HOUR)) == 1


def test_the_last_thousandth_of_a_record() -> None:
    """113.2 m/s and -89.2 to 56.7 degrees were measured; 50 m/s is what turbines are built for."""
    for name, low, high in (("speed_m_s@80", 0, 113_200), ("temperature_c@80", -89_200, 56_700)):
        assert quality.impossible_weather(name, np.array([low, high])) is None
        for beyond in (low - 1, high + 1):
            assert quality.impossible_weather(name, np.array([beyond])) is not None
    assert quality.impossible_weather("pressure_pa@80", np.array([0, 10**9])) is None
    assert quality.rare_weather("speed_m_s@80", np.array([50_000]), HOUR) == []
    assert len(quality.rare_weather("speed_m_s@80", np.array([50_001]), HOUR)) == 1
    assert quality.rare_weather("temperature_c@80", np.array([50_001]), HOUR) == []
    assert quality.rare_weather("pressure_pa@80", np.array([101_325] * 1000), HOUR) == []


@pytest.mark.parametrize(("kind", "hours"), [("rain", 12), ("speed", 6), ("temperature", 24), ("price", 24)])
@pytest.mark.parametrize("step", [HOUR, HOUR // 4])
def test_how_long_an_instrument_may_show_the_same(kind: str, hours: int, step: int) -> None:
    """The documented hours, in steps of an hour or a quarter of one, wherever in the series they stand."""
    steps = hours * HOUR // step
    for before, after in ((0, 5), (5, 0), (3, 4)):
        for run, found in ((steps - 1, False), (steps, True)):
            values = np.array([*range(1000, 1000 + before), *[77] * run, *range(2000, 2000 + after)])
            runs = {
                "rain": lambda v: quality.rare_rain(v, step),
                "speed": lambda v: quality.rare_weather("speed_m_s@80", v, step),
                "temperature": lambda v: quality.rare_weather("temperature_c@80", v, step),
                "price": lambda v: quality.rare_prices("krw", v, 4, step),
            }[kind](values)
            assert [each.step for each in runs] == ([before] if found else []), (before, run)
            shown = "1 day" if hours == 24 else f"{hours} hours"
            assert not found or runs[0].words == f"the same value for {shown}: it may be stuck"


def test_no_simulated_series_of_the_book_is_suspect(tmp_path: Path) -> None:
    for name in ("water-utility-rainfall-swap", "bloom-wind-prs", "dc-water-eib-2016"):
        deal = load_deal(ROOT / "deals" / f"{name}.yaml")
        terms = feed_terms(deal, next(iter(deal.oracle)))
        node = start(prepare_nodes(tmp_path / name, terms, deal=deal)[0])
        signed = node.observe(request(terms))
        bundle = node.evidence(signed.evidence)
        assert suspicions_of(bundle) == []
        assert "suspect" not in bundle.document("results.json")


# -- a node with suspect data


@pytest.fixture
def wet(tmp_path: Path) -> tuple[FeedTerms, list[NodeFiles]]:
    """Four nodes whose rain has one hour of 250 mm: more than half of what ever fell in an hour."""
    deal = load_deal(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
    terms = feed_terms(deal, "rainfall")
    files = prepare_nodes(tmp_path / "nodes", terms, deal=deal)
    for item in files:
        path = item.config.parent / json.loads(item.config.read_text())["rain"]
        lines = path.read_text().splitlines()
        lines[100] = lines[100].rpartition(",")[0] + ",250.00"
        path.write_text("\n".join(lines) + "\n")
    return terms, files


def test_suspect_data_are_signed_with_a_word(wet: tuple[FeedTerms, list[NodeFiles]], tmp_path: Path) -> None:
    terms, files = wet
    nodes = [start(item) for item in files[:3]]
    bundle = nodes[0].evidence(nodes[0].observe(request(terms)).evidence)
    (words,) = bundle.document("results.json")["suspect"]
    assert "more than 1/2 of the most on record is 401 mm in 1 hour" in words
    assert suspicions_of(bundle) == [words]
    recompute(bundle)
    done = verify_report(report_of(nodes, terms, tmp_path / "report"))
    assert done.ok
    assert sum(check.name == "quality" and "suspect" in check.detail for check in done.checks) == 3


def test_or_refused_where_the_operator_says_so(wet: tuple[FeedTerms, list[NodeFiles]]) -> None:
    terms, files = wet
    with pytest.raises(RefusedError, match="suspect data are not signed here: rain_mm@"):
        start(edit(files[0], suspect="refuse")).observe(request(terms))


def test_a_node_with_impossible_rain_does_not_start(wet: tuple[FeedTerms, list[NodeFiles]]) -> None:
    _, files = wet
    path = files[0].config.parent / json.loads(files[0].config.read_text())["rain"]
    path.write_text(path.read_text().replace(",250.00", ",499.00"))
    with pytest.raises(ConfigError, match=r"line 101: rain_mm@.*401 mm in 1 hour"):
        start(files[0])


def test_swmm_rain_too(feed_terms: FeedTerms, area: float, tmp_path: Path) -> None:
    files = prepare_nodes(tmp_path, feed_terms, impervious_area_acres=area)[0]
    path = files.config.parent / "rain.csv"
    path.write_text(path.read_text().replace("2020-07-28T16:00:00Z,30.0", "2020-07-28T16:00:00Z,499.0"))
    with pytest.raises((ConfigError, RainError), match=r"499\.00 mm in 1 hour"):
        start(files)


# -- reported values


@pytest.mark.parametrize("value", ["1000", "1000.000000000001", "123456789012345678", "-99999", "0001000"])
def test_reported_values_of_a_thousand_and_more(value: str) -> None:
    from datetime import date

    row = ReportedRow(date(2021, 12, 31), value, "a document", "simulated")
    start_end = (1_609_459_200, 1_640_995_200)
    for decimals in (12, 18):
        found = measure("reported-values/1", row, *start_end, decimals=decimals, **ABOUT)
        whole, _, after = value.partition(".")
        assert found.value == int(whole + after.ljust(decimals, "0"))
        assert recompute(found.bundle) == found.value


def test_reported_values_beyond_any_kpi_are_refused() -> None:
    from datetime import date

    row = ReportedRow(date(2021, 12, 31), "9" * 39, "a document", "simulated")
    with pytest.raises(MethodError, match="too large"):
        measure("reported-values/1", row, 1_609_459_200, 1_640_995_200, decimals=0, **ABOUT)


# -- weights


def test_no_weight_is_negative() -> None:
    """Weights that make one, of which one would pay for the rain that another gauge did not see."""
    from tests.oracle.test_oracle_methods_other import rain_bundle

    good = rain_bundle({"a": [100, 0], "b": [0, 300]}, {"a": 400_000, "b": 600_000}, 2)
    text = good.text("parameters.json")
    bad = text.replace('"a":400000,"b":600000', '"a":-400000,"b":1400000')
    assert bad != text
    bundle = type(good)({**good.files, "parameters.json": bad.encode()})
    for act in (recompute, suspicions_of, METHODS["rain-index/1"].raw_value, METHODS["rain-index/1"].inputs):
        with pytest.raises(MethodError, match="must be 0 or more each"):
            act(bundle)


def test_no_weight_of_a_node_is_negative(wet: tuple[FeedTerms, list[NodeFiles]]) -> None:
    _, files = wet
    config = json.loads(files[0].config.read_text())
    (gauge,) = config["twin"]["weights"]
    path = files[0].config.parent / config["rain"]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},rain_mm@other", *(f"{line},1.00" for line in lines[1:])]) + "\n")
    edit(files[0], twin={"weights": {gauge: "1.4", "other": "-0.4"}})
    with pytest.raises(ConfigError, match="must be 0 or more each"):
        start(files[0])


def test_prices_keep_their_bound() -> None:
    column = np.array([0, 1_000_001 * 10_000], dtype=np.int64)
    prices = Series("p.csv", 0, HOUR, {"price_usd_mwh": column}, {"price_usd_mwh": 4})
    with pytest.raises(InputError, match="more than 1000000 per MWh"):
        check_prices(prices)


def test_an_unknown_method_does_not_validate(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from scripts.validate import app

    text = (ROOT / "deals" / "enel-slb-2019.yaml").read_text()
    assert "reported-values/1" in text
    file = tmp_path / "enel-slb-2019.yaml"
    file.write_text(text.replace("reported-values/1", "reported-values/9"))
    assert isinstance(load_deal(file), Deal)  # the deal's own room cannot know
    done = CliRunner().invoke(app, [str(file)])
    assert done.exit_code != 0
    assert "oracle.renewable-share.method = reported-values/9: not known" in str(done.exception)

"""Simulated instruments and weather of a demonstration's nodes: the laws that the documentation gives."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from finance.generation.weather import SHEAR_EXPONENT
from finance.generation.wind import proxy_energy
from finance.settlement.terms import FeedTerms, feed_terms
from finance.swaps.scenarios import hourly_path
from finance.swaps.wind import typical_wind, wind_outlook, wind_plant
from finance.terms import Deal, InputError, load_deal
from oracle.local import prepare_nodes
from oracle.method import METHODS
from oracle.methods.base import Preparation
from oracle.methods.rain import Instrument
from oracle.methods.series import Series
from oracle.methods.stormwater import Gauge
from oracle.methods.wind import Sensor, seen
from oracle.twins.rain import TMY3_FILE, resample_storms, tmy3_rain
from oracle.twins.rain_index import rain_series
from oracle.twins.wind import LARGEST_WINDINESS, _factor, months_between, wind_twin
from tests.oracle.conftest import DEAL, ROOT
from tests.oracle.offline import FEED, edit, start

HOUR = 3600
JUNE_2017 = 1_496_275_200
RAIN = ROOT / "deals" / "water-utility-rainfall-swap.yaml"
BLOOM = ROOT / "deals" / "bloom-wind-prs.yaml"


@pytest.fixture(scope="module")
def wet() -> Deal:
    return load_deal(RAIN)


def sections_of(file: Path, kpi: str, seed: int) -> Callable[[int], Any]:
    """The instrument's section of any node, for one period of a deal."""
    deal = load_deal(file)
    terms = feed_terms(deal, kpi)
    short = replace(terms, period_starts=terms.period_starts[:1], period_ends=terms.period_ends[:1])
    node = METHODS[terms.method].prepare(Preparation(short, deal, seed, {}))
    name = "sensor" if file == BLOOM else "gauge"
    return lambda index: node(index).section[name]


@pytest.mark.parametrize(
    ("file", "kpi", "lasting", "hourly"),
    [
        (BLOOM, "proxy-revenue", 0.005, 0.02),
        (RAIN, "rainfall", 0.02, 0.05),
        (DEAL, "runoff-reduction", 0.02, 0.05),
    ],
    ids=["wind", "rain", "stormwater"],
)
def test_lasting_errors_are_as_large_as_documented(
    file: Path, kpi: str, lasting: float, hourly: float
) -> None:
    """Normal, and cut off at three times the spread; every node and every seed has its own."""
    of = sections_of(file, kpi, 1)
    sections = [of(index) for index in range(4000)]
    biases = [section["bias"] for section in sections]
    assert statistics.stdev(biases) == pytest.approx(lasting, rel=0.05)
    assert abs(statistics.mean(biases)) < 0.1 * lasting
    assert max(biases) == -min(biases) == 3 * lasting  # a few of four thousand lie further out
    assert all(bias == float(f"{bias:.4f}") for bias in biases)
    assert {section["noise"] for section in sections} == {hourly}
    other = sections_of(file, kpi, 2)
    assert len({each["seed"] for each in (*map(of, range(32)), *map(other, range(32)))}) == 64
    assert len({section["id"] for section in sections}) == 4000


# -- the node's own section


@pytest.mark.parametrize("kind", [Sensor, Instrument, Gauge])
def test_an_instrument_without_errors_is_a_measurement(kind: Any) -> None:
    assert kind(id="a").model_dump() == {"id": "a", "bias": 0, "noise": 0, "seed": 0}
    for good in ({"bias": -0.99}, {"bias": 0.99}, {"noise": 0}, {"noise": 1}, {"seed": 0}):
        kind(id="mast-1", **good)
    for bad in ({"bias": -1}, {"bias": 1}, {"noise": -0.01}, {"noise": 1.01}, {"more": 1}, {"id": "A b"}):
        with pytest.raises(ValidationError, match=next(iter(bad))):
            kind(**{"id": "a", **bad})


def hours(count: int) -> Series:
    """Speeds from 3 to 13 m/s, and a temperature."""
    speeds = np.linspace(3000, 13_000, count).round().astype(np.int64)
    columns = {"speed_m_s@80": speeds, "temperature_c@80": np.full(count, 15_000)}
    return Series("by hand", JUNE_2017, HOUR, columns, dict.fromkeys(columns, 3))


def test_a_mast_reads_with_its_errors() -> None:
    """Speeds with a lasting error and one of each hour; temperatures as they are."""
    true = hours(5000)
    assert (
        seen(true, Sensor(id="a")).columns["speed_m_s@80"].tolist() == true.columns["speed_m_s@80"].tolist()
    )
    high = seen(true, Sensor(id="a", bias=0.1)).columns["speed_m_s@80"]
    assert np.abs(high - 1.1 * true.columns["speed_m_s@80"]).max() <= 0.5
    found = seen(true, Sensor(id="a", bias=-0.05, noise=0.02, seed=3))
    ratio = found.columns["speed_m_s@80"] / true.columns["speed_m_s@80"]
    assert float(ratio.mean()) == pytest.approx(0.95, abs=0.001)
    assert float(ratio.std()) == pytest.approx(0.95 * 0.02, rel=0.05)
    assert found.columns["temperature_c@80"].tolist() == true.columns["temperature_c@80"].tolist()
    wild = seen(true, Sensor(id="a", noise=1.0, seed=3)).columns["speed_m_s@80"]
    assert wild.min() == 0


def test_a_gauge_reads_with_its_errors(wet: Deal, tmp_path: Path) -> None:
    terms = feed_terms(wet, "rainfall")
    files = prepare_nodes(tmp_path, terms, deal=wet)[0]
    gauge = {"id": "a"}

    def depths(**errors: float) -> Any:
        edit(files, gauge={**gauge, **errors})
        return start(files)._meter._rain.get().columns["rain_mm@g1"]

    true = depths()
    big = true > 300
    assert np.abs(depths(bias=0.1) - 1.1 * true).max() <= 0.5
    ratio = (depths(bias=-0.05, noise=0.05, seed=1) / np.maximum(true, 1))[big]
    assert float(ratio.mean()) == pytest.approx(0.95, abs=4 * 0.05 / big.sum() ** 0.5)
    assert float(ratio.std()) == pytest.approx(0.95 * 0.05, rel=0.15)
    assert depths(noise=1.0)[big].min() == 0


def test_the_last_period_is_measured_too(wet: Deal, tmp_path: Path) -> None:
    terms = feed_terms(wet, "rainfall")
    node = start(prepare_nodes(tmp_path, terms, deal=wet)[0])
    last = node._measure(FEED, len(terms.period_ends) - 1, 0).bundle.context
    assert (last.period_start, last.period_end) == (terms.period_starts[-1], terms.period_ends[-1])


# -- rain of several gauges


def test_gauges_of_one_index_see_the_same_rain_each_with_a_lasting_factor() -> None:
    """Five percent apart; the first is the place itself, whose storms are the typical year's, resampled."""
    begin = 1_704_067_200  # 2024, a leap year
    names = [f"g{i}" for i in range(400)]
    found = rain_series(f"pvlib:{TMY3_FILE}", begin, begin + 366 * 24 * HOUR, names, 7)
    depths = [found.columns[f"rain_mm@{name}"] for name in names]
    alone = rain_series(f"pvlib:{TMY3_FILE}", begin, begin + 366 * 24 * HOUR, ["g0"], 7)
    assert (alone.columns["rain_mm@g0"] == depths[0]).all()
    year = resample_storms(tmy3_rain(2024), np.random.default_rng([7, 2024]))
    assert depths[0].tolist() == [round(100 * depth) for depth in year.depths_mm]
    factors = np.array([each.sum() / depths[0].sum() for each in depths[1:]])
    assert float(factors.std()) == pytest.approx(0.05, rel=0.15)
    assert float(factors.mean()) == pytest.approx(1, abs=0.01)
    big = depths[0] > 200
    for each, factor in zip(depths[1:10], factors, strict=False):
        assert np.abs(each[big] / depths[0][big] / factor - 1).max() < 0.01
    with pytest.raises(InputError, match=f"station = elsewhere: must be pvlib:{TMY3_FILE}"):
        rain_series("elsewhere", begin, begin + HOUR, ["a"], 1)


def test_rain_does_not_depend_on_how_much_of_it_is_asked_for() -> None:
    begin, year = 1_704_067_200, 366 * 24 * HOUR
    station = f"pvlib:{TMY3_FILE}"
    long = rain_series(station, begin, begin + year + 40 * 24 * HOUR, ["a"], 3)
    for start_, end in ((begin, begin + year), (begin + 30 * HOUR, begin + year + HOUR)):
        part = rain_series(station, start_, end, ["a"], 3)
        assert part.text() == long.cut(start_, end).text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"station": "pvlib:elsewhere.csv"}, "station = pvlib:elsewhere.csv"),
        ({"gauge_weights": [0.5, 0.4]}, "gauge_weights = .*: must make 1 together"),
        ({"gauge_weights": []}, "gauge_weights = .*: must make 1 together"),
    ],
)
def test_rain_that_cannot_be_prepared(wet: Deal, tmp_path: Path, options: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        prepare_nodes(tmp_path, feed_terms(wet, "rainfall"), deal=wet, **options)
    with pytest.raises(InputError, match="station: is required"):
        prepare_nodes(tmp_path / "b", feed_terms(wet, "rainfall"))


# -- wind


@pytest.fixture(scope="module")
def windy(bloom: Deal) -> Any:
    """Two contract years of the wind deal at the heights of two masts."""
    end = JUNE_2017 + 730 * 24 * HOUR
    return wind_twin(bloom, JUNE_2017, end, 5, [80.0, 120.0])


def test_the_wind_has_the_energy_of_the_scenario_that_prices_the_swap(bloom: Deal) -> None:
    """Its days in their order, each contract year's speeds scaled to the scenario's windiness."""
    plant, typical = wind_plant(bloom), typical_wind(bloom)
    twin = wind_twin(bloom, JUNE_2017, JUNE_2017 + 730 * 24 * HOUR, 5)
    path = hourly_path(wind_outlook(bloom), months_between(JUNE_2017, JUNE_2017 + 730 * 24 * HOUR), 5, 0)
    hub = f"@{bloom.number('hub_height_m'):g}"
    speed = twin.wind.values(f"speed_m_s{hub}")
    for year in (0, 1):
        days = path.days[365 * year : 365 * (year + 1)]
        drawn = [values.reshape(-1, 24)[days].ravel() for values in vars(typical).values()][:3]
        here = slice(24 * 365 * year, 24 * 365 * (year + 1))
        usual = proxy_energy(*drawn, plant).sum()
        scaled = proxy_energy(speed[here], *drawn[1:], plant).sum()
        assert float(scaled / usual) == pytest.approx(float(path.windiness[year]), rel=2e-5)
        factor = speed[here][drawn[0] > 1] / drawn[0][drawn[0] > 1]
        assert float(factor.max() - factor.min()) < 2e-3  # one factor, to whole mm/s
        assert np.abs(twin.wind.values(f"temperature_c{hub}")[here] - drawn[1]).max() <= 0.0005
    price = twin.prices.values("price_usd_mwh")
    assert np.abs(price - np.asarray(path.hub)[: len(price)]).max() <= 0.00005


def test_masts_differ_by_height_as_the_atmosphere_does(bloom: Deal, windy: Any) -> None:
    low, high = (windy.wind.values(f"speed_m_s@{height}") for height in (80, 120))
    assert np.abs(high - low * 1.5**0.14)[low > 1].max() < 0.002
    assert SHEAR_EXPONENT == 0.14
    for height in (80, 120):
        (pressure,) = set(windy.wind.columns[f"pressure_pa@{height}"].tolist())
        # The barometric formula of the standard atmosphere (ISO 2533).
        metres = float(bloom.number("site_elevation_m")) + height
        assert pressure == pytest.approx(101_325 * (1 - 2.25577e-5 * metres) ** 5.25588, abs=2)
    assert windy.wind.decimals["pressure_pa@80"] == 0


def test_one_mast_below_the_hub_is_raised_to_it(bloom: Deal, one_quarter: FeedTerms, tmp_path: Path) -> None:
    """By the exponent of the contract: nearly the value of a mast at the hub, and not that of the mast."""
    values = {}
    for height in (91.5, 80.0):
        files = prepare_nodes(tmp_path / f"{height:g}", one_quarter, deal=bloom, measured_heights_m=[height])
        config = json.loads(files[0].config.read_text())
        edit(files[0], sensor={"id": "exact"}, twin={k: v for k, v in config["twin"].items() if k != "shear"})
        values[height] = start(files[0])._measure(FEED, 0, 0)
    assert values[80.0].value == pytest.approx(values[91.5].value, rel=2e-3)
    parameters = values[80.0].bundle.document("parameters.json")["parameters"]
    assert parameters["shear_millionths"] == 140_000  # the default
    assert "80 m" in values[80.0].bundle.document("results.json")["heights"]["speed_m_s"]


def test_no_year_is_windier_or_stiller_than_speeds_can_make_it(bloom: Deal) -> None:
    plant, typical = wind_plant(bloom), typical_wind(bloom)
    low, high = LARGEST_WINDINESS
    assert (low, high) == (0.6, 1.6)
    assert _factor(typical, plant, 0.0) == low
    assert _factor(typical, plant, 100.0) == high
    assert _factor(typical, plant, 1.0) == pytest.approx(1, abs=1e-6)
    assert low < _factor(typical, plant, 0.9) < 1 < _factor(typical, plant, 1.1) < high


DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("begin", "end", "first", "months"),
    [
        ("2017-06-01", "2017-09-01", "2017-06-01", 3),
        ("2017-06-01", "2027-06-01", "2017-06-01", 120),
        ("2017-06-15", "2017-08-20", "2017-06-15", 3),
        ("2017-12-31", "2018-01-01", "2017-12-28", 1),
        ("2017-12-29", "2018-03-01", "2017-12-28", 3),
        ("2017-12-28", "2018-01-02", "2017-12-28", 2),
    ],
)
def test_months_cover_the_asked_time_and_no_more(begin: str, end: str, first: str, months: int) -> None:
    seconds = [int(np.datetime64(day, "s").astype(int)) for day in (begin, end)]
    found = months_between(*seconds)
    assert (str(found.start), found.frequency, found.count) == (first, "month", months)


@pytest.mark.parametrize(("begin", "end"), [(1800, DAY), (0, 1800), (DAY, DAY), (DAY, HOUR)])
def test_a_time_that_is_no_whole_hours_is_refused(begin: int, end: int) -> None:
    with pytest.raises(InputError, match="must be whole hours"):
        months_between(JUNE_2017 + begin, JUNE_2017 + end)

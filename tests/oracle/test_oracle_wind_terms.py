"""proxy-revenue-wind/1 in a stranger's bundle: its terms, its curve, its tables, to the last value taken."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from finance.generation.curve import PowerCurve
from finance.generation.wind import WindPlant
from finance.terms import InputError
from oracle.evidence import Bundle, canonical
from oracle.method import MethodError, measure, recompute
from oracle.methods.series import Series
from oracle.methods.wind import check_prices, check_wind, price_decimals, wind_decimals
from oracle.methods.wind_terms import WindTerms

HOUR, JUNE_2017 = 3600, 1_496_275_200
CURVE = PowerCurve("by hand", (0.0, 3.0, 12.0, 25.0), (0.0, 0.0, 900.0, 900.0))
PLANT = WindPlant(CURVE, 40, 0.9, 0.97, 30.0)
SOURCES = {"wind": "a test's", "prices": "a test's"}
ABOUT: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "k", "gauge": "mast-1"}


def wind(*, line: str = "wind.csv", **columns: list[int]) -> Series:
    names = {"speed": "speed_m_s@100", "temperature": "temperature_c@100", "pressure": "pressure_pa@100"}
    given = {"speed": [6000, 12_000], "temperature": [15_000] * 2, "pressure": [101_325] * 2, **columns}
    whole = {names[k]: np.array(v, dtype=np.int64) for k, v in given.items()}
    return Series(line, JUNE_2017, HOUR, whole, {n: 0 if "pa" in n else 3 for n in whole})


def prices(*wholes: int) -> Series:
    column = {"price_usd_mwh": np.array(wholes, dtype=np.int64)}
    return Series("price.csv", JUNE_2017, HOUR, column, {"price_usd_mwh": 4})


@pytest.fixture
def bundle() -> Bundle:
    terms = WindTerms.of(PLANT, 100.0, 0.14, "USD")
    inputs = (terms, wind(), prices(200_000, -50_000), SOURCES)
    return measure("proxy-revenue-wind/1", *inputs, decimals=2, **ABOUT).bundle


# -- terms


def test_terms_come_back_from_a_bundle(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        hub, shear = rng.randrange(1, 1_000_000) / 1000, rng.choice([0, 1, rng.randrange(10**6)]) / 10**6
        speeds = sorted(rng.sample(range(25_001), rng.choice([2, 3, 9])))
        powers = [float(rng.randrange(5000)) for _ in speeds]
        curve = PowerCurve("drawn", tuple(v / 1000 for v in speeds), tuple(powers))
        terms = WindTerms.of(WindPlant(curve, rng.randrange(1, 99), 0.9, 1.0, 30.0), hub, shear, "EUR")
        assert (terms.hub_height_mm, terms.shear_millionths) == (round(hub * 1000), round(shear * 10**6))
        assert WindTerms.from_bundle(terms.to_dict(), terms.curve_text()) == terms
        lines = terms.curve_text().splitlines()
        assert lines[0] == "wind_speed_m_s,power_w"
        assert [float(line.split(",")[0]) for line in lines[1:]] == [v / 1000 for v in speeds]
        assert [int(line.split(",")[1]) for line in lines[1:]] == [1000 * p for p in powers]


@pytest.mark.parametrize(
    ("hub", "shear", "says"),
    [
        (1000.0, 0.14, r"hub_height_m = 1000\.0"),
        (-0.001, 0.14, r"hub_height_m = -0\.001"),
        (91.5005, 0.14, r"hub_height_m = 91\.5005: must be 0 or more, and not finer than 1/1000"),
        (91.5, -0.1, r"shear = -0\.1"),
        (91.5, 0.1400005, r"shear = 0\.1400005: must be 0 or more, and not finer than 1/1000000"),
    ],
)
def test_terms_finer_than_settlement_keeps(hub: float, shear: float, says: str) -> None:
    WindTerms.of(PLANT, 999.999, 0.0, "USD")
    with pytest.raises(InputError, match=says):
        WindTerms.of(PLANT, hub, shear, "USD")


def changed(bundle: Bundle, name: str, change: Callable[[Any], Any]) -> Bundle:
    """The bundle with a JSON file changed in place, or a text file replaced by what `change` gives."""
    if name.endswith(".json"):
        document = json.loads(bundle.text(name))
        change(document)
        return Bundle({**bundle.files, name: canonical(document)})
    return Bundle({**bundle.files, name: change(bundle.text(name)).encode()})


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("capacity_w", 10**13, "capacity_w = 10000000000000: not a whole number"),
        ("turbines", True, "turbines = True: not a whole number"),
        ("turbines", None, "turbines = None: not a whole number"),
        ("hub_height_mm", -1, "hub_height_mm = -1: not a whole number"),
        ("currency", "usd", "currency = usd: not three capitals"),
        ("currency", "USDT", "currency = USDT: not three capitals"),
        ("currency", 840, "currency = 840: not three capitals"),
        ("currency", None, "currency = None: not three capitals"),
    ],
)
def test_terms_of_a_stranger(bundle: Bundle, field: str, value: Any, says: str) -> None:
    assert recompute(bundle) == 5952  # 10.476 MWh at 20 and 30 MWh at -5
    with pytest.raises(MethodError, match=says):
        recompute(changed(bundle, "parameters.json", lambda d: d["parameters"].update({field: value})))
    with pytest.raises(MethodError, match="parameters: not a mapping"):
        recompute(changed(bundle, "parameters.json", lambda d: d.update(parameters=[])))


def test_the_largest_plant_is_read(bundle: Bundle) -> None:
    vast = changed(bundle, "parameters.json", lambda d: d["parameters"].update(capacity_w=10**13 - 1))
    with pytest.raises(MethodError, match=r"energy\.csv"):  # read, and another result
        recompute(vast)


@pytest.mark.parametrize("sources", [[], "wind", None, {"wind": "x", "prices": 7}, {"wind": None}])
def test_sources_are_texts_by_name(bundle: Bundle, sources: Any) -> None:
    with pytest.raises(MethodError, match=r"sources = .*: not texts by name"):
        recompute(changed(bundle, "parameters.json", lambda d: d.update(sources=sources)))


# -- the curve


def flat(points: int) -> str:
    """A curve of so many points and no power."""
    return "wind_speed_m_s,power_w\n" + "".join(f"{v / 1000:.3f},0\n" for v in range(points))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: "", "must be wind_speed_m_s,power_w and two or more points"),
        (lambda _: flat(0), "must be wind_speed_m_s,power_w and two or more points"),
        (lambda _: flat(1), "must be wind_speed_m_s,power_w and two or more points"),
        (lambda _: flat(10_001), "must be wind_speed_m_s,power_w and two or more points"),
        (lambda t: t.replace("3.000,0", "3.000,0,0"), "line 3: 3.000,0,0: not a speed and a power"),
        (lambda t: t.replace("3.000,0", "3.000,0.5"), "line 3: 3.000,0.5: not a speed and a power"),
        (lambda t: t.replace("3.000,0", "3.0001,0"), "line 3: 3.0001,0: not a speed and a power"),
        (lambda t: t.replace("0.000,0", "-0.001,0"), "speeds must rise, and nothing be negative"),
        (lambda t: t.replace("900000", "-900000", 1), "speeds must rise, and nothing be negative"),
        (lambda t: t.replace("12.000", "2.000"), "speeds must rise, and nothing be negative"),
    ],
)
def test_curves_that_are_none(bundle: Bundle, change: Callable[[str], str], says: str) -> None:
    assert "\n0.000,0\n3.000,0\n12.000,900000\n" in bundle.text("curve.csv")
    with pytest.raises(MethodError, match=rf"curve\.csv: {says}"):
        recompute(changed(bundle, "curve.csv", change))


def test_the_longest_curve_and_the_shortest_are_read(bundle: Bundle) -> None:
    for points in (2, 10_000):
        with pytest.raises(MethodError, match=r"energy\.csv"):  # read, and no energy
            recompute(changed(bundle, "curve.csv", lambda _, points=points: flat(points)))


# -- tables


def test_columns_of_the_wind_table() -> None:
    assert [wind_decimals(f"{name}@80") for name in ("speed_m_s", "temperature_c", "pressure_pa")] == [
        3,
        3,
        0,
    ]
    assert wind_decimals("speed_m_s@0.5") == 3
    for name in ("speed_m_s", "speed_m_s@", "@80", "speed_m_s@0", "speed_m_s@-5", "gust_m_s@80", "speed@80"):
        with pytest.raises(KeyError, match="unknown; there are speed_m_s@H"):
            wind_decimals(name)
    assert price_decimals("price_usd_mwh")("price_usd_mwh") == 4
    with pytest.raises(KeyError, match="the prices' column is price_usd_mwh"):
        price_decimals("price_usd_mwh")("price_eur_mwh")


@pytest.mark.parametrize("missing", ["speed", "temperature", "pressure"])
def test_each_quantity_is_needed(missing: str) -> None:
    whole = wind()
    names = {"speed": "speed_m_s", "temperature": "temperature_c", "pressure": "pressure_pa"}
    rest = {name: v for name, v in whole.columns.items() if not name.startswith(names[missing])}
    with pytest.raises(InputError, match=rf"wind\.csv: line 1: no column {names[missing]}@H"):
        check_wind(
            Series(whole.source, whole.start, HOUR, rest, {name: whole.decimals[name] for name in rest})
        )


def test_what_cannot_be_is_said_with_its_line() -> None:
    with pytest.raises(InputError, match=r"wind\.csv: line 3: pressure_pa at 100 m = 915"):
        check_wind(wind(pressure=[101_325, 915]))
    with pytest.raises(InputError, match=r"wind\.csv: line 2: pressure_pa at 100 m = 915"):
        check_wind(wind(pressure=[915, 101_325]))


def test_a_price_of_a_million_is_the_largest() -> None:
    assert check_prices(prices(10**10, -(10**10))) is not None
    for wrong in ((0, 10**10 + 1), (-(10**10) - 1, 10**11)):
        first = next(n for n, price in enumerate(wrong) if abs(price) > 10**10)
        with pytest.raises(
            InputError, match=rf"price\.csv: line {first + 2}: price_usd_mwh = -?1000000\.0001:"
        ):
            check_prices(prices(*wrong))


def test_wind_and_prices_have_the_same_hours(bundle: Bundle) -> None:
    text = bundle.text("price.csv")
    for other in (
        text.replace("T01:00Z", "T02:00Z").replace("T00:00Z", "T01:00Z"),
        text + "2017-06-01T02:00Z,1\n",
    ):
        with pytest.raises(MethodError, match=r"wind\.csv and price\.csv do not have the same hours"):
            recompute(changed(bundle, "price.csv", lambda _, other=other: other))


# -- what differs


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("results.json", lambda d: d.update(heights=7), "heights = 7, not "),
        ("results.json", lambda d: d["heights"].update(speed_m_s="?"), r"heights\.speed_m_s = \?, not "),
        ("results.json", lambda d: d.pop("hours"), "hours = None, not 2"),
        ("results.json", lambda d: d.update(more=1), "more = 1, not None"),
        (
            "energy.csv",
            lambda t: t.replace("10476000", "10476001"),
            "line 2: 2017-06-01T00:00Z,10476001, not 2017",
        ),
        ("energy.csv", lambda t: t + "2017-06-01T02:00Z,0\n", "4 lines, not 3"),
        ("energy.csv", lambda t: "".join(t.splitlines(keepends=True)[:2]), "2 lines, not 3"),
        (
            "wind.csv",
            lambda t: t.replace("6.000", "6.0"),
            "line 2: 2017-06-01T00:00Z,6.0,15.000,101325, not ",
        ),
    ],
)
def test_the_first_difference_is_named(bundle: Bundle, name: str, change: Any, says: str) -> None:
    with pytest.raises(MethodError, match=rf"{name}: not what the bundle's raw data give: {says}"):
        recompute(changed(bundle, name, change))

"""proxy-revenue-wind/1: to the unit against a second formula, tamper-proof, strict about its data, fast."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finance.generation.curve import PowerCurve, load_curve
from finance.generation.wind import WindPlant, proxy_energy
from finance.settlement.terms import FeedTerms
from finance.terms import Deal, InputError
from oracle.evidence import Bundle, EvidenceError
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import MethodError, measure, recompute
from oracle.methods.series import Series, read_series
from oracle.methods.wind import wind_decimals
from oracle.methods.wind_terms import WindTerms
from oracle.node import Node
from oracle.node_config import ConfigError
from oracle.verifier import verify_report
from tests.oracle.conftest import ROOT
from tests.oracle.offline import FEED, edit, report_of, request, start

HOUR = 3600
JUNE_2017 = 1496275200
SOURCES = {"wind": "a test's", "prices": "a test's"}
CURVE = PowerCurve("by hand", (3.0, 12.0, 25.0), (0.0, 900.0, 900.0))
PLANT = WindPlant(CURVE, 40, 0.9, 0.97, 30.0)


@pytest.fixture(scope="module")
def prepared(
    bloom: Deal, one_quarter: FeedTerms, tmp_path_factory: pytest.TempPathFactory
) -> list[NodeFiles]:
    return prepare_nodes(tmp_path_factory.mktemp("wind"), one_quarter, deal=bloom)


@pytest.fixture
def nodes(prepared: list[NodeFiles], tmp_path: Path) -> list[NodeFiles]:
    """Copies of the prepared nodes, to be spoilt."""
    copies = []
    for index, files in enumerate(prepared):
        home = tmp_path / f"node-{index}"
        shutil.copytree(files.config.parent, home, ignore=shutil.ignore_patterns("state"))
        copies.append(replace(files, config=home / "node.json"))
    return copies


@pytest.fixture(scope="module")
def bundle(prepared: list[NodeFiles], one_quarter: FeedTerms) -> Bundle:
    node = start(prepared[0])
    return node.evidence(node.observe(request(one_quarter)).evidence)


def series(columns: dict[str, list[int]], decimals: dict[str, int], begin: int = JUNE_2017) -> Series:
    whole = {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
    return Series("by hand", begin, HOUR, whole, decimals)


def by_hand(
    speed: list[int], temperature: list[int], pressure: list[int], price: list[int], decimals: int = 2
) -> Bundle:
    """A bundle of hours at 100 m: mm/s, thousandths of a degree, Pa, 0.0001 per MWh."""
    wind = series(
        {"speed_m_s@100": speed, "temperature_c@100": temperature, "pressure_pa@100": pressure},
        {"speed_m_s@100": 3, "temperature_c@100": 3, "pressure_pa@100": 0},
    )
    prices = series({"price_usd_mwh": price}, {"price_usd_mwh": 4})
    terms = WindTerms.of(PLANT, 100.0, 0.14, "USD")
    about: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "proxy-revenue"}
    done = measure(
        "proxy-revenue-wind/1", terms, wind, prices, SOURCES, gauge="mast-1", decimals=decimals, **about
    )
    return done.bundle


# ------------------------------------------------------------------------------------------ the number


def cube_root_below(n: int) -> int:
    """Largest integer whose cube is at most n, by halving: unlike the method's, which guesses in floats."""
    low, high = 0, 1 << (n.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= n else (low, middle - 1)
    return low


def second_formula(bundle: Bundle, decimals: int) -> int:
    """The KPI from the files of a bundle, with fractions throughout."""
    parameters = bundle.document("parameters.json")["parameters"]
    curve = [tuple(map(Fraction, line.split(","))) for line in bundle.text("curve.csv").splitlines()[1:]]
    factor = parameters["turbines"] * Fraction(parameters["efficiency_millionths"], 10**6)
    factor *= Fraction(parameters["availability_millionths"], 10**6)
    total = Fraction(0)
    wind = [line.split(",") for line in bundle.text("wind.csv").splitlines()]
    prices = [line.split(",") for line in bundle.text("price.csv").splitlines()]
    assert len(wind[0]) == 4  # one height, which is the hub's
    for (hour, *weather), (same, price) in zip(wind[1:], prices[1:], strict=True):
        assert hour == same
        v, t, p = map(Fraction, weather)
        kelvin = t + Fraction(27315, 100)
        ratio = (v * 10**9) ** 3 * (p / 101325) * (Fraction(28815, 100) / kelvin)
        speed = Fraction(cube_root_below(math.floor(ratio)), 10**9)
        watts = Fraction(0)
        for (a, low), (b, high) in pairwise(curve):
            if a <= speed < b and speed > curve[0][0]:
                watts = low + (high - low) * (speed - a) / (b - a)
        if speed == curve[-1][0]:
            watts = curve[-1][1]
        wh = min(round(watts * factor), parameters["capacity_w"])
        total += wh * Fraction(price) / 10**6
    return round(total * 10**decimals)  # Python rounds a fraction half to even


def test_value_is_a_second_formulas_to_the_unit(bundle: Bundle) -> None:
    assert second_formula(bundle, 2) == bundle.context.value


def test_random_hours_against_the_second_formula(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(30):
        n = rng.randint(2, 40)
        decimals = rng.choice([0, 2, 6])
        found = by_hand(
            [rng.choice([0, 3000, 12000, 25000, 25001, rng.randrange(30_000)]) for _ in range(n)],
            [rng.randrange(-40_000, 45_000) for _ in range(n)],
            [rng.randrange(70_000, 105_000) for _ in range(n)],
            [rng.randrange(-2_000_000, 2_000_000) for _ in range(n)],
            decimals,
        )
        assert found.context.value == second_formula(found, decimals)
        assert recompute(found) == found.context.value


def test_known_hours(seed: int) -> None:
    """15 C and one atmosphere correct nothing: 6 m/s give 300 kW a turbine, 12 m/s the line's 30 MW."""
    found = by_hand([6000, 12000], [15000] * 2, [101325] * 2, [200_000, -50_000])
    results = found.document("results.json")
    assert found.text("energy.csv").splitlines()[1:] == [
        "2017-06-01T00:00Z,10476000",  # 40 x 300 kW x 0.9 x 0.97
        "2017-06-01T01:00Z,30000000",
    ]
    assert results["energy_mwh"] == "40.476000"
    assert results["revenue"] == "59.5200000000"  # 10.476 x 20 - 30 x 5
    assert results["capture_price"] == "1.4705"
    assert found.context.value == 5952


@pytest.mark.parametrize(("tenths", "cents"), [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2), (-25, -2)])
def test_half_a_cent_goes_to_the_even_one(tenths: int, cents: int) -> None:
    """0.1 MWh at 0.05, 0.15, 0.25 a MWh is half a cent, one and a half, two and a half."""
    terms = WindTerms.of(WindPlant(CURVE, 1, 1.0, 1.0, 0.1), 100.0, 0.14, "USD")  # 0.1 MWh an hour
    wind = series(
        {"speed_m_s@100": [12000, 0], "temperature_c@100": [15000] * 2, "pressure_pa@100": [101325] * 2},
        {"speed_m_s@100": 3, "temperature_c@100": 3, "pressure_pa@100": 0},
    )
    prices = series({"price_usd_mwh": [100 * tenths, 0]}, {"price_usd_mwh": 4})
    about: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "k", "decimals": 2}
    done = measure("proxy-revenue-wind/1", terms, wind, prices, SOURCES, gauge="mast-1", **about)
    assert done.value == cents


def test_no_energy_has_no_capture_price() -> None:
    assert by_hand([0, 0], [0, 0], [101325] * 2, [1, 2]).document("results.json")["capture_price"] is None


def test_float_kernel_agrees(bundle: Bundle) -> None:
    """The bulk kernel that prices the swap has the same hours to 1e-6 of the quarter."""
    wind = read_series(bundle.text("wind.csv"), "wind.csv", wind_decimals)
    price = np.array([float(line.split(",")[1]) for line in bundle.text("price.csv").splitlines()[1:]])
    plant = WindPlant(load_curve("windpowerlib:V117/3300"), 54, 0.85, 0.97, 178.0)
    energy = proxy_energy(*(wind.values(name) for name in wind.columns), plant)
    assert float(energy @ price) == pytest.approx(bundle.context.value / 100, rel=1e-6)


def test_two_heights_are_interpolated(
    bloom: Deal, one_quarter: FeedTerms, nodes: list[NodeFiles], tmp_path: Path
) -> None:
    """Masts at 80 and 100 m around a hub of 91.5 m: the result is near that at the hub, and recomputes."""
    masts = prepare_nodes(tmp_path / "two", one_quarter, deal=bloom, measured_heights_m=[80, 100])
    node, at_hub = start(masts[0]), start(nodes[0])
    signed = node.observe(request(one_quarter))
    found = node.evidence(signed.evidence)
    assert "interpolated between 80 m and 100 m" in found.document("results.json")["heights"]["speed_m_s"]
    assert recompute(found) == signed.value
    assert signed.value == pytest.approx(at_hub.observe(request(one_quarter)).value, rel=0.01)


# ------------------------------------------------------------------------------------------ evidence


def test_evidence_holds_the_quarter_and_nothing_else(bundle: Bundle) -> None:
    assert sorted(bundle.files) == [
        "curve.csv", "energy.csv", "method.json", "observation.json", "parameters.json", "price.csv",
        "results.json", "wind.csv",
    ]  # fmt: skip
    for name in ("wind.csv", "price.csv", "energy.csv"):
        lines = bundle.text(name).splitlines()
        assert len(lines) == 1 + 92 * 24
        assert lines[1].startswith("2017-06-01T00:00Z,")
        assert lines[-1].startswith("2017-08-31T23:00Z,")
    sources = bundle.document("parameters.json")["sources"]
    assert all(text.startswith("simulated") for text in sources.values())
    assert bundle.document("results.json")["hours"] == 2208
    hours = sum(int(line.split(",")[1]) for line in bundle.text("energy.csv").splitlines()[1:])
    assert bundle.document("results.json")["energy_mwh"] == f"{hours // 10**6}.{hours % 10**6:06d}"


def forged(bundle: Bundle, name: str, old: str, new: str) -> Bundle:
    text = bundle.text(name)
    assert old in text, name
    return Bundle({**bundle.files, name: text.replace(old, new, 1).encode()})


def windy_hour(bundle: Bundle) -> str:
    """Time of an hour in which the plant runs below its rated power."""
    hours = (line.split(",") for line in bundle.text("energy.csv").splitlines()[1:])
    return next(time for time, wh in hours if 10_000_000 < int(wh) < 100_000_000)


def test_a_changed_hour_is_named(bundle: Bundle) -> None:
    hour = windy_hour(bundle)
    for name, column, says in (
        ("wind.csv", 1, "energy.csv"),
        ("price.csv", 1, "results.json: .*capture_price|results.json: .*mean_price"),
        ("energy.csv", 1, f"energy.csv: .*{hour}"),
    ):
        line = next(line for line in bundle.text(name).splitlines() if line.startswith(hour))
        cells = line.split(",")
        cells[column] = cells[column][:-1] + ("1" if cells[column][-1] != "1" else "2")
        changed = forged(bundle, name, line, ",".join(cells))
        if name == "price.csv":  # 0.0001 more or less may not move the rounded means, but moves the revenue
            says = r"results\.json"
        with pytest.raises(MethodError, match=says):
            recompute(changed)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("parameters.json", '"turbines":54', '"turbines":55', r"energy\.csv: not what"),
        ("parameters.json", '"efficiency_millionths":850000', '"efficiency_millionths":850001', "energy"),
        ("parameters.json", '"capacity_w":178000000', '"capacity_w":100000000', r"energy\.csv"),
        ("parameters.json", '"capacity_w":178000000', '"capacity_w":-1', "capacity_w = -1"),
        ("parameters.json", '"capacity_w":178000000', '"capacity_w":1e9', "capacity_w = 1000000000.0"),
        ("parameters.json", '"hub_height_mm":91500', '"hub_height_mm":191500', "more than 35 m"),
        ("parameters.json", '"currency":"USD"', '"currency":"EUR"', "price_eur_mwh"),
        ("parameters.json", '"price_decimals":4', '"price_decimals":3', "price_decimals = "),
        ("parameters.json", '"twin":"wind"', '"twin":"solar"', "twin = solar"),
        ("parameters.json", '"turbines":54', '"turbines":54 ', "canonical"),
        ("curve.csv", ",3300000", ",3300001", r"energy\.csv"),
        ("curve.csv", "wind_speed_m_s,power_w", "wind_speed_m_s,power_kw", r"curve\.csv: must be"),
        ("curve.csv", "3.000,24000\n", "3.000,-1\n", r"curve\.csv: speeds must rise"),
        ("results.json", '"energy_mwh":"', '"energy_mwh":"1', "energy_mwh = 1"),
        ("results.json", '"revenue":"', '"revenue":"1', "revenue = 1"),
        ("results.json", '"capture_price":"', '"capture_price":"1', "capture_price = 1"),
        ("results.json", '"value":"', '"value":"1', "value = 1"),
        ("method.json", "proxy-revenue-wind/1", "proxy-revenue-wind/2", "not known here"),
        ("method.json", '"hash":"0x', '"hash":"0xa', "not that of proxy-revenue-wind/1"),
        ("wind.csv", "2017-06-01T00:00Z", "2017-05-31T23:00Z", "missing before it"),
        ("wind.csv", "speed_m_s", "speed_mph", "unknown"),
        ("price.csv", "price_usd_mwh", "price_usd_kwh", "price_usd_mwh"),
        ("observation.json", '"period_end":1504224000', '"period_end":1504224001', "do not cover"),
    ],
)
def test_forgeries_do_not_recompute(bundle: Bundle, name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(MethodError, match=says) as problem:
        recompute(forged(bundle, name, old, new))
    assert "\n" not in str(problem.value)


def test_a_value_one_cent_off_does_not_recompute(bundle: Bundle) -> None:
    value = bundle.context.value
    with pytest.raises(MethodError, match=f"value = {value + 1}, but its own raw data give {value}"):
        recompute(forged(bundle, "observation.json", f'"value":"{value}"', f'"value":"{value + 1}"'))


def test_missing_and_foreign_files(bundle: Bundle) -> None:
    without = {name: content for name, content in bundle.files.items() if name != "energy.csv"}
    with pytest.raises(MethodError, match=r"missing or unknown files .*energy\.csv"):
        recompute(Bundle(without))
    with pytest.raises(MethodError, match=r"missing or unknown files .*rain\.csv"):
        recompute(Bundle({**bundle.files, "rain.csv": b""}))


def test_no_random_byte_gives_another_value(bundle: Bundle, seed: int) -> None:
    """Every changed byte changes the root, and none leads to a value other than the signed one."""
    rng = random.Random(seed)
    for _ in range(150):
        name = rng.choice(sorted(bundle.files))
        content = bundle.files[name]
        at, flip = rng.randrange(len(content)), 1 << rng.randrange(8)
        changed = Bundle(
            {**bundle.files, name: content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]}
        )
        assert changed.root != bundle.root
        try:
            assert recompute(changed) == bundle.context.value, (name, at, flip)
        except (MethodError, EvidenceError):
            continue


def test_another_process_finds_the_same_integer(bundle: Bundle, tmp_path: Path) -> None:
    folder = bundle.save(tmp_path)
    script = "import sys; from oracle.evidence import load; from oracle.method import recompute; "
    script += "print(recompute(load(sys.argv[1])))"
    found = [
        subprocess.run(
            [sys.executable, *flags, "-c", script, str(folder)],
            cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hashes},
        ).stdout.strip()
        for flags, hashes in (((), "1"), (("-O",), "2"))
    ]  # fmt: skip
    assert found == [str(bundle.context.value)] * 2


# ------------------------------------------------------------------------------------------ nodes


def test_same_seed_same_data(
    bloom: Deal, one_quarter: FeedTerms, nodes: list[NodeFiles], tmp_path: Path
) -> None:
    again = prepare_nodes(tmp_path / "again", one_quarter, deal=bloom)
    other = prepare_nodes(tmp_path / "other", one_quarter, deal=bloom, seed=7)
    for name in ("wind.csv", "prices.csv", "curve.csv"):
        first, second, third = (x[0].config.parent / name for x in (nodes, again, other))
        assert first.read_bytes() == second.read_bytes()
        assert (first.read_bytes() == third.read_bytes()) is (name == "curve.csv")


def test_nodes_differ_by_their_masts_only(nodes: list[NodeFiles], one_quarter: FeedTerms) -> None:
    values = [start(files).observe(request(one_quarter)).value for files in nodes]
    assert len(set(values)) == 4
    assert max(values) - min(values) < 0.06 * values[0]
    assert max(values) - min(values) < one_quarter.max_spread


def test_honest_nodes_pass_and_a_liar_is_named(
    nodes: list[NodeFiles], one_quarter: FeedTerms, tmp_path: Path
) -> None:
    running = [start(files) for files in nodes]
    assert verify_report(report_of(running[:3], one_quarter, tmp_path / "a")).ok
    edit(nodes[3], fault={"lie": 250_000}, state="liar")
    liar = start(nodes[3])
    assert (
        liar.observe(request(one_quarter)).value
        == running[3].observe(request(one_quarter)).value + 25_000_000
    )
    done = verify_report(report_of([*running[:3], liar], one_quarter, tmp_path / "b"))
    assert list(done.culprits) == [liar.address]
    assert {check.name for check in done.checks if not check.ok} == {"recomputes"}
    honest = sorted(node.observe(request(one_quarter)).value for node in running[:3])
    assert honest[0] <= done.report.value <= honest[-1]


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        ("price", "same prices"),
        ("turbines", "same twin"),
        ("mast", "wind"),
    ],
)
def test_cooked_inputs_recompute_but_are_named(
    nodes: list[NodeFiles], one_quarter: FeedTerms, tmp_path: Path, change: str, fails: str
) -> None:
    files = nodes[1]
    config = json.loads(files.config.read_text())
    if change == "price":
        prices = files.config.parent / "prices.csv"
        lines = prices.read_text().splitlines()
        lines[5] = lines[5].split(",")[0] + ",999.0000"
        prices.write_text("\n".join(lines) + "\n")
    elif change == "turbines":
        edit(files, twin={**config["twin"], "turbines": 60})
    else:  # the same mean wind, but the windy hours moved
        wind = files.config.parent / "wind.csv"
        header, *rows = wind.read_text().splitlines()
        cells = [row.split(",", 1) for row in rows]
        shifted = [
            f"{time},{rest}" for (time, _), (_, rest) in zip(cells, cells[5:] + cells[:5], strict=True)
        ]
        wind.write_text("\n".join([header, *shifted]) + "\n")
    running = [start(files) for files in nodes]
    done = verify_report(report_of(running, one_quarter, tmp_path / "r"))
    assert [(check.name, check.node) for check in done.checks if not check.ok] == [
        (fails, running[1].address)
    ]


def test_appended_hours_are_seen_and_change_nothing_before(
    bloom: Deal, wind_terms: FeedTerms, tmp_path: Path
) -> None:
    two = replace(
        wind_terms, period_starts=wind_terms.period_starts[:2], period_ends=wind_terms.period_ends[:2]
    )
    files = prepare_nodes(tmp_path, two, deal=bloom)[0]
    home = files.config.parent
    whole = {name: (home / name).read_text() for name in ("wind.csv", "prices.csv")}
    for name, text in whole.items():
        (home / name).write_text("".join(text.splitlines(keepends=True)[: 1 + 92 * 24]))
    node = start(files)
    first = node.observe(request(two)).value
    with pytest.raises(
        Exception, match=r"wind\.csv: has 2017-06-01T00:00Z to 2017-09-01T00:00Z, which does not"
    ):
        node.observe(request(two, 1))
    for name, text in whole.items():
        (home / name).write_text(text)
    node.observe(request(two, 1))  # without a restart
    assert node.observe(request(two)).value == first
    edit(files, state="fresh")
    assert start(files).observe(request(two)).value == first


# ------------------------------------------------------------------------------------------ bad data


def spoil(files: NodeFiles, name: str, change: Any) -> None:
    path = files.config.parent / name
    path.write_text(change(path.read_text()))


def drop(line: int) -> Any:
    return lambda text: "".join(x for i, x in enumerate(text.splitlines(keepends=True), 1) if i != line)


def twice(line: int) -> Any:
    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join([*lines[:line], lines[line - 1], *lines[line:]])

    return change


def swap(old: str, new: str) -> Any:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("wind.csv", drop(50), r"wind\.csv: line 50: time = 2017-06-03T01:00Z: 1 hour missing before it"),
        ("wind.csv", twice(50), r"wind\.csv: line 51: time = 2017-06-03T00:00Z: the hour stands twice"),
        ("prices.csv", drop(2100), r"prices\.csv: line 2100: .*1 hour missing"),
        ("wind.csv", lambda t: t.replace("Z,", ","), "must be UTC and end in Z .a local clock leaves out"),
        ("wind.csv", lambda t: t.replace("Z,", "-05:00,"), "T00:00-05:00: must be UTC and end in Z"),
        ("wind.csv", swap("speed_m_s@", "speed_mph@"), r"line 1: column 'speed_mph@91\.5': unknown"),
        ("wind.csv", swap("pressure_pa@91.5", "pressure_hpa@91.5"), "pressure_hpa"),
        ("wind.csv", swap("temperature_c@91.5", "speed_m_s@91.5"), r"speed_m_s@91\.5 stands twice"),
        ("wind.csv", swap("temperature_c@91.5", "temperature_c@0"), "unknown"),
        ("wind.csv", lambda t: t.replace(",91505\n", ",915.05\n"), "finer than 0 decimals"),
        ("wind.csv", lambda t: t.replace(",91505\n", ",915\n"), r"pressure_pa at 91\.5 m = 915: must lie"),
        ("wind.csv", lambda t: t.replace("\n", ",\n", 3), "cells, but 4 columns|column ''"),
        ("prices.csv", swap("price_usd_mwh", "price_eur_mwh"), "the prices' column is price_usd_mwh"),
        ("prices.csv", swap("price_usd_mwh", "price_usd_kwh"), "the prices' column is price_usd_mwh"),
        ("prices.csv", lambda t: t.replace(".", "e", 1), "not a plain decimal number"),
        (
            "prices.csv",
            lambda t: t.replace(".", "", 1).replace(",", ",99999999", 2),
            "more than 1000000 per MWh|header|column",
        ),
        ("curve.csv", swap("wind_speed_m_s,power_w", "speed,power"), "wind_speed_m_s,power_kw"),
        ("curve.csv", lambda _: "", "empty"),
        ("wind.csv", lambda _: "", "0 lines"),
        (
            "wind.csv",
            lambda t: t.replace("T00:00Z", "T00:30Z", 1),
            "must begin a whole hour in UTC",
        ),
        (
            "wind.csv",
            lambda t: t.replace("T01:00Z", "T01:30Z", 1),
            "line 3: .* not one hour after",
        ),
        ("wind.csv", lambda t: t.replace("T05:00Z", "T03:00Z", 1), "line 7: .* before the line above"),
    ],
)
def test_bad_data_stop_a_node_with_one_line(
    nodes: list[NodeFiles], name: str, change: Any, says: str
) -> None:
    spoil(nodes[0], name, change)
    with pytest.raises(ConfigError, match=says) as problem:
        start(nodes[0])
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"currency": "dollar"}, "currency"),
        ({"sensor": {"id": "Name Surname"}}, r"sensor\.id"),
        ({"wind": "absent.csv"}, r"absent\.csv: cannot be read"),
        ({"rain": "rain.csv"}, "rain"),
        ({"sources": {"wind": "x"}}, r"sources\.prices"),
    ],
)
def test_bad_configurations(nodes: list[NodeFiles], change: dict[str, Any], says: str) -> None:
    edit(nodes[0], **change)
    with pytest.raises(ConfigError, match=says) as problem:
        start(nodes[0])
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"turbines": 0}, r"twin\.turbines = 0"),
        ({"efficiency": 1.2}, r"efficiency = 1\.2"),
        ({"efficiency": 0.8500001}, "efficiency = 0.8500001: finer"),
        ({"availability": 0}, "availability = 0"),
        ({"capacity_mw": -5}, "capacity = -5"),
        ({"hub_height_m": 191.5}, "hub height = 191.5: .* more than 35 m away"),
        ({"curve": "absent.csv"}, r"absent\.csv"),
    ],
)
def test_bad_plants(nodes: list[NodeFiles], change: dict[str, Any], says: str) -> None:
    twin = json.loads(nodes[0].config.read_text())["twin"]
    edit(nodes[0], twin={**twin, **change})
    with pytest.raises(ConfigError, match=says) as problem:
        start(nodes[0])
    assert "\n" not in str(problem.value)


def test_prepare_says_what_a_deal_lacks(
    deal: Deal, bloom: Deal, one_quarter: FeedTerms, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"turbine_curve = \(missing\): is required"):
        prepare_nodes(tmp_path / "a", one_quarter, deal=deal)
    with pytest.raises(InputError, match="the wind twin needs the deal"):
        prepare_nodes(tmp_path / "b", one_quarter)
    with pytest.raises(ConfigError, match="scenario = high: not an option of proxy-revenue-wind/1"):
        prepare_nodes(tmp_path / "c", one_quarter, deal=bloom, scenario="high")


# ------------------------------------------------------------------------------------------ speed


def test_forty_quarters_of_ten_years(bloom: Deal, wind_terms: FeedTerms, tmp_path: Path) -> None:
    """87,648 hours are loaded once; a quarter is then measured, bundled and hashed in well under 50 ms."""
    files = prepare_nodes(tmp_path, wind_terms, deal=bloom)[0]
    lines = (files.config.parent / "wind.csv").read_text().count("\n")
    assert lines == 1 + 3652 * 24
    begin = time.process_time()
    node: Node = start(files)
    assert time.process_time() - begin < 8
    spent, values = [], []
    for period in range(40):
        begin = time.process_time()
        measured = node._measure(FEED, period, 0)
        assert measured.bundle.root
        spent.append(time.process_time() - begin)
        values.append(measured.value)
        assert sum(map(len, measured.bundle.files.values())) < 250_000
    assert float(np.median(spent)) < 0.05
    assert all(wind_terms.min_value <= value <= wind_terms.max_value for value in values)
    assert len(set(values)) == 40

"""Wind proxy generation: the formula, its kernels and its integers, by properties and by peers."""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numba
import numpy as np
import pytest

from finance.generation.curve import PowerCurve, library_names, load_curve
from finance.generation.weather import STANDARD_ATMOSPHERE_PA, HubWeather
from finance.generation.whole import (
    WholePlant,
    corrected_nm_s,
    energy_wh,
    floor_cube_root,
    half_even,
    step_wh,
    whole_weather,
    whole_wh,
)
from finance.generation.wind import (
    DensityRule,
    WindPlant,
    corrected_speed,
    cube_root,
    curve_power,
    density_ratio,
    proxy_energy,
    proxy_energy_numpy,
    run_wind,
)
from finance.terms import InputError
from tests.seeds import usual

SEED = usual(20170619)
SIMPLE = PowerCurve("simple", (3.0, 12.0, 25.0), (0.0, 900.0, 900.0))


@pytest.fixture
def draw() -> np.random.Generator:
    print(f"seed {SEED}")
    return np.random.default_rng(SEED)


def weather(draw: np.random.Generator, steps: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return draw.weibull(1.8, steps) * 10, draw.normal(8, 12, steps), draw.uniform(55_000, 104_000, steps)


def hub_weather(v: np.ndarray, t: np.ndarray, p: np.ndarray, step_seconds: int = 3600) -> HubWeather:
    months = np.ones(len(v), dtype=np.int64)
    labels = tuple(str(k) for k in range(len(v)))
    return HubWeather("made", 80.0, v, t, p, months, step_seconds, {}, labels)


def test_density_of_the_standard_atmosphere() -> None:
    """ISO 2533: 1.225 kg/m3 at sea level, 1.1117 at 1000 m (8.5 C, 89875 Pa), 0.7361 at 5000 m (-17.5 C,
    54020 Pa)."""
    assert density_ratio(15.0, STANDARD_ATMOSPHERE_PA) == 1
    assert density_ratio(8.5, 89_875.0) == pytest.approx(1.1117 / 1.225, rel=1e-4)
    assert density_ratio(-17.5, 54_020.0) == pytest.approx(0.7361 / 1.225, rel=1e-4)


def test_thin_air_by_hand() -> None:
    """At 1000 m 10 m/s carry the power per area of 10 x 0.9075^(1/3) = 9.682 m/s at sea level: 668.2 kW
    here."""
    v = float(corrected_speed(10.0, 8.5, 89_875.0))
    assert v == pytest.approx(9.682, abs=1e-3)
    energy = proxy_energy(np.array([10.0]), np.array([8.5]), np.array([89_875.0]), WindPlant(SIMPLE))
    assert energy[0] == pytest.approx(0.6682, abs=1e-4)


def test_the_same_power_per_area(draw: np.random.Generator) -> None:
    """rho v^3 is what the correction keeps."""
    v, t, p = weather(draw)
    assert density_ratio(t, p) * v**3 == pytest.approx(corrected_speed(v, t, p) ** 3, rel=1e-14)


def test_cube_root_is_numpys(draw: np.random.Generator) -> None:
    x = draw.uniform(0.1, 10, 200_000)
    assert cube_root(x) == pytest.approx(np.cbrt(x), rel=5e-16)


def test_curve_is_numpys_interpolation(draw: np.random.Generator) -> None:
    curve = load_curve("windpowerlib:V164/9500")
    v = draw.uniform(0, 30, 10_000)
    speeds, powers = curve.arrays()
    assert curve_power(curve, v) == pytest.approx(np.interp(v, speeds, powers, left=0, right=0), abs=1e-9)


def test_ends_and_steps_of_a_curve() -> None:
    """Zero at and below the first speed though the curve has power there; a vertical step holds its upper
    power."""
    curve = PowerCurve("step", (3, 4, 10, 10, 20), (50, 100, 700, 800, 800))
    below, above = np.nextafter(10.0, 0), np.nextafter(20.0, 30)
    found = curve_power(curve, [0, 3, 3.5, 4, below, 10, 15, 20, above, np.nan])
    assert found[:-1].tolist() == pytest.approx([0, 0, 75, 100, 700, 800, 800, 800, 0])
    assert np.isnan(found[-1])


@pytest.mark.parametrize("name", ["E-126/4200", "V90/2000/GS", "GE120/2500", "AD116/5000"])
def test_kernel_has_numpys_bits(name: str, draw: np.random.Generator) -> None:
    """Not one bit apart, whatever the number of threads; also at the points of the curve and beside them."""
    plant = WindPlant(load_curve(f"windpowerlib:{name}"), 30, 0.93, 0.97, 60.0)
    v, t, p = weather(draw, 50_000)
    at = np.repeat(plant.curve.speeds, 3)
    at[::3], at[2::3] = np.nextafter(at[::3], 0), np.nextafter(at[2::3], 99)
    v[: len(at)], t[: len(at)], p[: len(at)] = at, 15.0, STANDARD_ATMOSPHERE_PA
    v[-1] = np.nan
    expected = proxy_energy_numpy(v, t, p, plant, 0.5)
    threads = numba.get_num_threads()
    for count in range(1, threads + 1):
        numba.set_num_threads(count)
        assert proxy_energy(v, t, p, plant, 0.5).tobytes() == expected.tobytes()
    numba.set_num_threads(threads)
    shape = (250, 200)
    assert proxy_energy(v.reshape(shape), t.reshape(shape), p.reshape(shape), plant).shape == shape


def test_rules_of_density_differ_by_their_step_alone(draw: np.random.Generator) -> None:
    """Where each hour's density lies far from the last, SAM's rule is the hour's own."""
    v, t, _ = weather(draw)
    p = np.where(np.arange(len(v)) % 2, 101_000.0, 95_000.0)
    plant = WindPlant(load_curve("windpowerlib:V90/2000"))
    t = np.round(t / 60)  # nearly constant, so the pressure decides
    own, sam = (proxy_energy(v, t, p, plant, rule=rule) for rule in DensityRule)
    assert sam == pytest.approx(own, rel=1e-13)


def test_terms_of_the_plant(draw: np.random.Generator) -> None:
    """Energy is linear in turbines, efficiency and availability, and never above the cap."""
    v, t, p = weather(draw)
    one = proxy_energy(v, t, p, WindPlant(SIMPLE))
    many = proxy_energy(v, t, p, WindPlant(SIMPLE, 40, 0.9, 0.95))
    assert many == pytest.approx(one * 40 * 0.9 * 0.95, rel=1e-14)
    capped = proxy_energy(v, t, p, WindPlant(SIMPLE, 40, 0.9, 0.95, 20.0), hours=0.25)
    assert capped == pytest.approx(np.minimum(many, 20) / 4, rel=1e-14)
    assert (capped == 5).sum() > 100


def test_more_wind_is_never_less_energy_on_a_rising_curve(draw: np.random.Generator) -> None:
    v, t, p = weather(draw)
    plant = WindPlant(PowerCurve("rising", (0, 200), (0, 1000)))
    assert (proxy_energy(v * 1.01, t, p, plant) >= proxy_energy(v, t, p, plant)).all()
    assert (proxy_energy(v, t - 1, p, plant) >= proxy_energy(v, t, p, plant)).all()
    assert (proxy_energy(v, t, p * 1.01, plant) >= proxy_energy(v, t, p, plant)).all()


def test_shapes_that_differ() -> None:
    with pytest.raises(InputError, match=r"\(2,\).*\(3,\)"):
        proxy_energy(np.ones(2), np.ones(3), np.ones(2), WindPlant(SIMPLE))


def test_summary_of_a_record() -> None:
    v = np.array([12.0, 26.0, 7.5, 2.0])
    year = run_wind(hub_weather(v, np.full(4, 15.0), np.full(4, 101_325.0), 1800), WindPlant(SIMPLE, 2))
    assert year.energy.tolist() == pytest.approx([0.9, 0, 0.45, 0])
    assert year.total_mwh == pytest.approx(1.35)
    assert year.capacity_factor == pytest.approx(1.35 / (1.8 * 2))
    assert year.hours_lost == 0.5
    assert year.mean_speed == pytest.approx(11.875)
    assert year.monthly_mwh == {1: pytest.approx(1.35)}


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"turbines": 0}, "turbines = 0"),
        ({"efficiency": 0.0}, "efficiency = 0"),
        ({"efficiency": 1.01}, "efficiency = 1.01"),
        ({"availability": float("nan")}, "availability = nan"),
        ({"capacity_mw": -1.0}, "capacity = -1"),
    ],
)
def test_bad_plants(terms: dict[str, float], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        WindPlant(SIMPLE, **terms)  # type: ignore[arg-type]


# Whole watt-hours


def exact_wh(v: int, t: int, p: int, plant: WholePlant, seconds: int) -> tuple[Fraction, Fraction]:
    """The formula in 60 digits, not rounded: (Wh, and what a step of 1 nm/s in the speed would change)."""
    with localcontext(prec=60):
        cube = Decimal(v) ** 3 * p * 288_150 / (Decimal(101_325) * t)
        u = Fraction(cube ** (Decimal(1) / 3))
    scale = Fraction(plant.turbines * plant.efficiency * plant.availability * seconds, 10**12 * 3600)
    speeds, powers = plant.speeds_mm_s, plant.powers_w
    power = slope = Fraction(0)
    for k in range(len(speeds) - 1):
        if speeds[k] <= u < speeds[k + 1] and u > speeds[0]:
            slope = Fraction(powers[k + 1] - powers[k], speeds[k + 1] - speeds[k])
            power = powers[k] + slope * (u - speeds[k])
    if u == speeds[-1]:
        power = Fraction(powers[-1])
    energy = power * scale
    if plant.capacity_w is not None:
        energy = min(energy, Fraction(plant.capacity_w * seconds, 3600))
    return energy, abs(slope * scale) / 1_000_000


def test_whole_wh_is_the_formula_in_sixty_digits(draw: np.random.Generator) -> None:
    plant = WholePlant.of(WindPlant(load_curve("windpowerlib:E-126/4200"), 43, 0.9137, 0.975, 150.0))
    for _ in range(3000):
        v, t, p = (
            int(draw.integers(0, 27_000)),
            int(draw.integers(240_000, 315_000)),
            int(draw.integers(60_000, 104_000)),
        )
        seconds = int(draw.choice([600, 1800, 3600]))
        found = step_wh(v, t, p, plant, seconds)
        expected, grain = exact_wh(v, t, p, plant, seconds)
        assert isinstance(found, int)
        assert abs(found - expected) <= Fraction(1, 2) + grain, (v, t, p, seconds)


def test_whole_wh_beside_floats(draw: np.random.Generator) -> None:
    """Measurements on the grid of mm/s, mK and Pa: every step within 1 Wh of the float formula's."""
    plant = WindPlant(load_curve("windpowerlib:V100/1800/GS"), 20, 0.95, 0.97)
    v, t, p = weather(draw, 5000)
    v, t, p = v.round(3), t.round(3), p.round(0)
    whole = energy_wh(whole_weather(hub_weather(v, t, p)), WholePlant.of(plant))
    energy = proxy_energy(v, t, p, plant) * 1e6
    # The watts of the curve are whole, and 1 nm/s is worth less than 0.001 Wh a turbine.
    assert np.abs(np.array(whole) - energy).max() <= 1
    assert sum(whole) == pytest.approx(energy.sum(), rel=1e-7)


def test_whole_wh_at_the_points_of_a_curve() -> None:
    """At the reference density a speed of the curve gives its power exactly, and one mm/s past the end
    nothing."""
    plant = WholePlant.of(WindPlant(SIMPLE))
    state = (288_150, 101_325, plant, 3600)
    assert [step_wh(v, *state) for v in (3_000, 12_000, 25_000, 25_001, 0)] == [0, 900_000, 900_000, 0, 0]
    assert step_wh(12_000, 288_150, 101_325, plant, 1) == 250


def test_reference_air_keeps_every_speed() -> None:
    for v in range(0, 30_000, 7):
        assert corrected_nm_s(v, 288_150, 101_325) == 1_000_000 * v


def test_floor_cube_root(draw: np.random.Generator) -> None:
    for _ in range(2000):
        root = int(draw.integers(0, 2**40))
        assert floor_cube_root(root**3) == root
        assert floor_cube_root(root**3 + 3 * root * root + 3 * root) == root
        if root:
            assert floor_cube_root(root**3 - 1) == root - 1


def test_half_even_is_pythons(draw: np.random.Generator) -> None:
    for _ in range(2000):
        n, d = int(draw.integers(-(2**60), 2**60)), int(draw.integers(1, 12))
        assert half_even(n, d) == round(Fraction(n, d))


def test_terms_finer_than_settlement() -> None:
    with pytest.raises(InputError, match=r"efficiency = 0.91234567"):
        WholePlant.of(WindPlant(SIMPLE, efficiency=0.91234567))
    with pytest.raises(InputError, match=r"wind speed = 3\.0005"):
        WholePlant.of(WindPlant(PowerCurve("fine", (3.0005, 12.0), (0.0, 1.0))))


def test_missing_measurements_are_not_zero() -> None:
    v = np.array([5.0, np.nan])
    with pytest.raises(InputError, match="speed: a value is missing"):
        whole_weather(hub_weather(v, np.zeros(2), np.full(2, 1e5)))
    with pytest.raises(InputError, match="energy: a value is missing"):
        whole_wh(v)


# Curves


def test_library_is_windpowerlibs() -> None:
    """67 curves, each with the points that windpowerlib itself returns."""
    from windpowerlib import WindTurbine

    assert len(library_names()) == 67
    for name in ("V100/1800", "E-126/7500", "S152/6330"):
        curve = load_curve(f"windpowerlib:{name}")
        peer = WindTurbine(turbine_type=name, hub_height=100).power_curve
        assert list(curve.speeds) == peer["wind_speed"].tolist()
        assert list(curve.powers) == pytest.approx((peer["value"] / 1000).tolist())


def test_energy_beside_windpowerlib(draw: np.random.Generator) -> None:
    """At the reference density windpowerlib's plain power curve gives the same power between its ends."""
    from windpowerlib import WindTurbine, power_output

    peer = WindTurbine(turbine_type="V112/3450", hub_height=100).power_curve
    v = draw.uniform(0, 27, 5000)
    expected = power_output.power_curve(v, peer["wind_speed"], peer["value"]) / 1e6
    found = proxy_energy(
        v, np.full(5000, 15.0), np.full(5000, 101_325.0), WindPlant(load_curve("windpowerlib:V112/3450"))
    )
    assert found == pytest.approx(np.asarray(expected), abs=1e-12)


def test_curve_files(tmp_path: Path) -> None:
    """One curve in four forms."""
    kw, w = tmp_path / "kw.csv", tmp_path / "w.csv"
    kw.write_text("wind_speed_m_s,power_kw\n3,0\n12,900\n25,900\n\n", encoding="utf-8")
    w.write_text("\ufeffWind speed (m/s),Power (W)\n3,0\n12,900000\n25,900000\n", encoding="utf-8")
    ours, sams = tmp_path / "ours.json", tmp_path / "sam.json"
    points = ([3, 12, 25], [0, 900, 900])
    ours.write_text(json.dumps({"wind_speed_m_s": points[0], "power_kw": points[1], "hub_height_m": 92}))
    sams.write_text(
        json.dumps(
            {
                "wind_turbine_powercurve_windspeeds": points[0],
                "wind_turbine_powercurve_powerout": points[1],
                "wind_turbine_hub_ht": 92,
            }
        )
    )
    for path in (kw, w, ours, sams):
        curve = load_curve(path)
        assert (curve.speeds, curve.powers) == (SIMPLE.speeds, SIMPLE.powers)
        assert curve.hub_height == (92 if path.suffix == ".json" else None)
    assert SIMPLE.rated_kw == 900
    assert SIMPLE.cut_out == 25


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("c.csv", "", "empty"),
        ("c.csv", "3,0\n12,900\n", "line 1: 3,0: must be wind_speed_m_s,power_kw"),
        ("c.csv", "wind_speed_m_s,power\n3,0\n", "must be wind_speed_m_s,power_kw"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n", "1 points"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4\n", "line 3: 1 cells"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4,much\n", "line 3: 4,much: not two finite numbers"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4,nan\n", "line 3: 4,nan: not two finite numbers"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4,-5\n", r"point 2 = \(4.0, -5.0\)"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n5,9\n4,10\n", "4 m/s follows 5"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4,1\n4,2\n4,3\n", "more than two points at one"),
        ("c.csv", "wind_speed_m_s,power_kw\n3,0\n4,0\n", "zero at every wind speed"),
        ("c.json", "{", "line 1: not JSON"),
        ("c.json", "[1]", "must be an object with wind_speed_m_s and power_kw"),
        ("c.json", '{"wind_speed_m_s": 3, "power_kw": [1]}', "wind_speed_m_s: must be a list"),
        ("c.json", '{"wind_speed_m_s": [3, 4], "power_kw": [1, "x"]}', "power_kw = 'x': not a number"),
        ("c.json", '{"wind_speed_m_s": [3, 4], "power_kw": [1]}', "2 wind speeds, but 1 powers"),
    ],
)
def test_bad_curves(name: str, text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        load_curve(path)


def test_unknown_turbine() -> None:
    with pytest.raises(InputError, match=r"no such power curve; there are V100/1800, V100/1800/GS"):
        load_curve("windpowerlib:V100")

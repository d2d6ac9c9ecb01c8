"""Solar proxy generation beside pvlib's ModelChain (to the last bits) and SAM's PVWatts (loosely)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pvlib
import pytest

from finance.generation.solar import SolarPlant, SolarWeather, read_solar, run_solar
from finance.generation.whole import whole_wh
from finance.terms import InputError

GREENSBORO = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"


@pytest.fixture(scope="module")
def greensboro() -> SolarWeather:
    return read_solar(GREENSBORO)


PLANTS = {
    "fixed": SolarPlant(1000, 800, tilt=25, azimuth=190),
    "flat, no clipping": SolarPlant(500, 800, tilt=0),
    "tracking": SolarPlant(1000, 800, tracking=True),
}


def chain(plant: SolarPlant, weather: SolarWeather) -> Any:
    """pvlib's ModelChain for the same plant."""
    from pvlib import modelchain, pvsystem
    from pvlib.location import Location
    from pvlib.temperature import TEMPERATURE_MODEL_PARAMETERS

    mount = (
        pvsystem.SingleAxisTrackerMount(axis_tilt=0, axis_azimuth=180, max_angle=60, backtrack=True, gcr=0.4)
        if plant.tracking
        else pvsystem.FixedMount(plant.tilt, plant.azimuth)
    )
    array = pvsystem.Array(
        mount,
        albedo=0.25,
        module_parameters={"pdc0": plant.dc_kw * 1000, "gamma_pdc": -0.0037},
        temperature_model_parameters=TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"],
    )
    inverter = {"pdc0": plant.ac_kw * 1000 / 0.96, "eta_inv_nom": 0.96}
    model = modelchain.ModelChain(
        pvsystem.PVSystem([array], inverter_parameters=inverter),
        Location(weather.latitude, weather.longitude, tz="UTC", altitude=weather.altitude),
        transposition_model="perez",
        aoi_model="physical",
        spectral_model="no_loss",
        dc_model="pvwatts",
        ac_model="pvwatts",
        losses_model="no_loss",
        temperature_model="sapm",
    )
    names = {
        "ghi": "ghi_w_m2",
        "dni": "dni_w_m2",
        "dhi": "dhi_w_m2",
        "temp_air": "temperature_c",
        "wind_speed": "speed_m_s",
    }
    frame = pd.DataFrame(
        {theirs: weather.columns[ours] for theirs, ours in names.items()}, index=weather.middles
    )
    model.run_model(frame)
    return model.results


@pytest.mark.parametrize("name", PLANTS)
def test_is_pvlibs_model_chain(name: str, greensboro: SolarWeather) -> None:
    plant = PLANTS[name]
    year, peer = run_solar(greensboro, plant), chain(plant, greensboro)
    expected = peer.ac.fillna(0).to_numpy() / 1e6
    print(f"{name}: {year.total_mwh:.6f} MWh, pvlib {expected.sum():.6f} MWh")
    assert np.abs(year.energy - expected).max() < 1e-12
    lit = peer.cell_temperature.notna().to_numpy()  # pvlib has none in the dark
    assert year.cell_temperature[lit] == pytest.approx(peer.cell_temperature.to_numpy()[lit], abs=1e-9)


@pytest.mark.parametrize("name", PLANTS)
def test_near_sams_pvwatts(name: str, greensboro: SolarWeather) -> None:
    """SAM's PVWatts 8 has other models of cell temperature, glass and sky, so it agrees to 3 % a year, not
    exactly."""
    pvwatts = pytest.importorskip("PySAM.Pvwattsv8", reason="nrel-pysam is not installed")
    plant, model = PLANTS[name], pvwatts.new()
    local = greensboro.middles.tz_convert("Etc/GMT+5")
    columns = greensboro.columns
    model.SolarResource.solar_resource_data = {
        "lat": greensboro.latitude, "lon": greensboro.longitude, "tz": -5, "elev": greensboro.altitude,
        **{part: list(getattr(local, part)) for part in ("year", "month", "day", "hour", "minute")},
        "gh": columns["ghi_w_m2"].tolist(), "dn": columns["dni_w_m2"].tolist(),
        "df": columns["dhi_w_m2"].tolist(), "tdry": columns["temperature_c"].tolist(),
        "wspd": columns["speed_m_s"].tolist(),
    }  # fmt: skip
    design = model.SystemDesign
    design.system_capacity, design.dc_ac_ratio = plant.dc_kw, plant.dc_kw / plant.ac_kw
    design.module_type, design.inv_eff, design.losses, design.gcr = 0, 96, 0, 0.4
    design.array_type, design.tilt, design.azimuth = (
        (3, 0, 180) if plant.tracking else (0, plant.tilt, plant.azimuth)
    )
    model.execute(0)
    ac = np.array(model.Outputs.ac) / 1e6
    year = run_solar(greensboro, plant)
    print(f"{name}: {year.total_mwh:.1f} MWh, SAM {ac.sum():.1f} MWh, {year.total_mwh / ac.sum() - 1:+.2%}")
    assert year.total_mwh == pytest.approx(ac.sum(), rel=0.03)
    assert np.corrcoef(ac, year.energy)[0, 1] > 0.998


def test_greensboro_site(greensboro: SolarWeather) -> None:
    """The station's line, and a year of hours whose sun stands highest at noon of local solar time."""
    assert (greensboro.latitude, greensboro.longitude, greensboro.altitude) == (36.1, -79.95, 273)
    assert np.bincount(greensboro.months)[1:].tolist() == [
        24 * d for d in (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    ]
    sun = pvlib.solarposition.get_solarposition(greensboro.middles, 36.1, -79.95)
    # A clear-sky hour's global irradiance cannot precede the sun: dark hours are dark.
    assert greensboro.columns["ghi_w_m2"][sun["elevation"] < -8].max() == 0


def test_inverters_clip_and_factors_scale(greensboro: SolarWeather) -> None:
    plain, full = (
        SolarPlant(1000, 800, tilt=25),
        SolarPlant(1000, 800, tilt=25, efficiency=0.9, availability=0.98),
    )
    one, other = run_solar(greensboro, plain), run_solar(greensboro, full)
    assert one.energy.max() == pytest.approx(0.8)
    assert (one.energy >= 0).all()
    assert other.energy == pytest.approx(one.energy * 0.9 * 0.98)
    assert other.clipped_hours == one.clipped_hours > 0
    assert run_solar(greensboro, SolarPlant(1000, 2000, tilt=25)).clipped_hours == 0
    assert sum(one.monthly_mwh.values()) == pytest.approx(one.total_mwh)
    assert one.capacity_factor == pytest.approx(one.total_mwh / (0.8 * 8760))
    assert sum(whole_wh(one.energy)) == pytest.approx(one.total_mwh * 1e6, abs=8760 / 2)


def test_plain_table_is_the_same_record(greensboro: SolarWeather, tmp_path: Path) -> None:
    starts = greensboro.middles - pd.Timedelta(minutes=30)
    frame = pd.DataFrame({"time": [time.isoformat() for time in starts], **greensboro.columns})
    path = tmp_path / "plain.csv"
    frame.to_csv(path, index=False)
    read = read_solar(path, 36.1, -79.95, 273.0)
    plant = PLANTS["fixed"]
    assert run_solar(read, plant).energy.tolist() == run_solar(greensboro, plant).energy.tolist()
    assert read.months.tolist() == greensboro.months.tolist()


HEADER = "time,ghi_w_m2,dni_w_m2,dhi_w_m2,temperature_c,speed_m_s"


@pytest.mark.parametrize(
    ("header", "row", "site", "reason"),
    [
        (HEADER, "2024-06-01T12:00Z,800,700,100,25,3", (None, 5.0), "needs latitude and longitude"),
        (HEADER, "2024-06-01T12:00,800,700,100,25,3", (50.0, 5.0), "needs an offset from UTC"),
        (HEADER, "2024-06-01T12:00Z,-8,700,100,25,3", (50.0, 5.0), "step 1: ghi_w_m2 = -8"),
        (HEADER, "2024-06-01T12:00Z,800,700,100,99,3", (50.0, 5.0), "temperature_c = 99"),
        (HEADER, "2024-06-01T12:00Z,800,700,100,25,3", (95.0, 5.0), "no place on Earth"),
        ("time,ghi_w_m2", "2024-06-01T12:00Z,800", (50.0, 5.0), "no column dni_w_m2"),
        ("hour,ghi", "1,2", (None, None), "neither a plain table"),
        ("hour,ghi", "1,2", (50.0, 5.0), "states its own site"),
    ],
)
def test_bad_tables(
    header: str, row: str, site: tuple[float | None, float | None], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_solar(path, *site)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"dc_kw": 0}, "dc_kw = 0"),
        ({"ac_kw": float("inf")}, "ac_kw = inf"),
        ({"tilt": 91}, "tilt = 91"),
        ({"efficiency": 1.2}, "efficiency = 1.2"),
        ({"temperature_coefficient": 0.004}, "temperature_coefficient = 0.004"),
    ],
)
def test_bad_plants(terms: dict[str, float], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        SolarPlant(**({"dc_kw": 1000.0, "ac_kw": 800.0} | terms))  # type: ignore[arg-type]

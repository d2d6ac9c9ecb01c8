"""`penstock twin`: proxy generation, the contract's formula from measured weather to energy or revenue."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finance.generation.wind import WindYear

app = typer.Typer(help="Proxy generation: wind, solar, water.", no_args_is_help=True, add_completion=False)

YEAR_HOURS = (8760, 8784)

Efficiency = Annotated[float, typer.Option(help="Negotiated efficiency, above 0 up to 1.")]
Availability = Annotated[float, typer.Option(help="Availability, held constant, above 0 up to 1.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Csv = Annotated[Path | None, typer.Option(help="Write every step to this CSV file.")]


class Density(StrEnum):
    SAM = "sam"
    HOURLY = "hourly"


@app.command()
def wind(
    weather: Annotated[Path, typer.Option(help="Wind file: SAM's .srw or CSV, or a plain table.")],
    curve: Annotated[str, typer.Option(help="Power curve: CSV or JSON file, or windpowerlib:NAME.")],
    hub_height: Annotated[
        float | None, typer.Option(help="Hub height in m; default: the curve file's, else 80.")
    ] = None,
    turbines: Annotated[int, typer.Option(help="Number of turbines.")] = 1,
    efficiency: Efficiency = 1.0,
    availability: Availability = 1.0,
    capacity_mw: Annotated[float | None, typer.Option(help="The most that the plant delivers, MW.")] = None,
    density: Annotated[
        Density, typer.Option(help="Air density: as SAM holds it, or each step's own.")
    ] = Density.SAM,
    shear: Annotated[
        float, typer.Option(help="Shear exponent, where no two heights of the file enclose the hub.")
    ] = 0.14,
    elevation: Annotated[
        float | None, typer.Option(help="Site's elevation in m, for a file without pressure.")
    ] = None,
    keep_leap_day: Annotated[
        bool, typer.Option("--keep-leap-day", help="Count 29 February, which SAM leaves out.")
    ] = False,
    json: Json = False,
    csv: Csv = None,
) -> None:
    """Energy of a wind plant from a weather file and a power curve."""
    from finance.generation.curve import load_curve
    from finance.generation.whole import WholePlant, energy_wh, whole_weather
    from finance.generation.wind import DEFAULT_HUB_HEIGHT_M, DensityRule, WindPlant, run_wind
    from finance.generation.wind_files import read_wind
    from finance.report.generation import energy_by_month, wind_table
    from finance.terms import InputError
    from scripts.console import show, show_json, writable

    csv = writable(csv, ".csv")
    power = load_curve(curve)
    plant = WindPlant(power, turbines, efficiency, availability, capacity_mw)
    hub = next(
        height for height in (hub_height, power.hub_height, DEFAULT_HUB_HEIGHT_M) if height is not None
    )
    record, notes = read_wind(weather), []
    if record.has_leap_day and not keep_leap_day:
        record = record.without_leap_day()
        notes.append("29 February is left out, as SAM does; --keep-leap-day counts it.")
    if elevation is not None:
        record = record.with_standard_pressure(elevation, hub)
    at_hub = record.at_height(hub, shear)
    year = run_wind(at_hub, plant, DensityRule(density.value))
    hourly = year if density is Density.HOURLY else run_wind(at_hub, plant)
    whole: list[int] | None = None
    try:
        whole = energy_wh(whole_weather(at_hub), WholePlant.of(plant))
    except InputError as error:
        notes.append(f"Not in whole Wh: {error}.")
    if csv is not None:
        _write_wind(csv, year, whole)
    settled = None if whole is None else sum(whole)
    if json:
        show_json(_wind_json(year, hourly.total_mwh, settled, curve, notes))
    else:
        show(wind_table(year, hourly.total_mwh, settled, notes), energy_by_month(year.monthly_mwh))


def _wind_json(
    year: WindYear, hourly_mwh: float, settled: int | None, curve: str, notes: list[str]
) -> dict[str, Any]:
    plant, weather = year.plant, year.weather
    return {
        "weather": weather.source,
        "curve": curve,
        "hub_height_m": weather.hub_height,
        "turbines": plant.turbines,
        "rated_kw": plant.curve.rated_kw,
        "efficiency": plant.efficiency,
        "availability": plant.availability,
        "capacity_mw": plant.capacity_mw,
        "density": year.rule.value,
        **_energy_json(year.total_mwh, weather.hours, year.monthly_mwh),
        "capacity_factor": year.capacity_factor,
        "energy_mwh_hourly_density": hourly_mwh,
        "energy_wh": None if settled is None else str(settled),
        "mean_speed_m_s": year.mean_speed,
        "hours_lost_at_cut_out": year.hours_lost,
        "heights": weather.rules,
        "notes": notes,
    }


def _energy_json(total_mwh: float, hours: float, monthly: dict[int, float]) -> dict[str, Any]:
    return {
        "hours": hours,
        "energy_mwh": total_mwh,
        "annual_mwh": total_mwh if hours in YEAR_HOURS else None,
        "monthly_mwh": {str(month): energy for month, energy in monthly.items()},
    }


def _write_wind(path: Path, year: WindYear, whole: list[int] | None) -> None:
    import pandas as pd

    weather = year.weather
    frame = pd.DataFrame(
        {
            "time": weather.labels,
            "speed_m_s": weather.speed,
            "temperature_c": weather.temperature,
            "pressure_pa": weather.pressure,
            "energy_mwh": year.energy,
        }
    )
    if whole is not None:
        frame["energy_wh"] = whole
    frame.to_csv(path, index=False)


@app.command()
def solar(
    weather: Annotated[Path, typer.Option(help="Sun and air: TMY3, or a plain table.")],
    dc_kw: Annotated[float, typer.Option(help="Modules at standard test conditions, kW.")],
    ac_kw: Annotated[float, typer.Option(help="Inverters' AC rating, kW.")],
    tilt: Annotated[float, typer.Option(help="Tilt from the horizontal, degrees.")] = 30.0,
    azimuth: Annotated[float, typer.Option(help="Azimuth, degrees clockwise from north.")] = 180.0,
    tracking: Annotated[bool, typer.Option("--tracking", help="Single-axis tracker instead.")] = False,
    latitude: Annotated[float | None, typer.Option(help="Degrees, for a plain table.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Degrees east, for a plain table.")] = None,
    altitude: Annotated[float | None, typer.Option(help="Metres, for a plain table.")] = None,
    efficiency: Efficiency = 1.0,
    availability: Availability = 1.0,
    json: Json = False,
    csv: Csv = None,
) -> None:
    """Energy of a photovoltaic plant from measured irradiance, temperature and wind."""
    import pandas as pd

    from finance.generation.solar import SolarPlant, read_solar, run_solar
    from finance.generation.tables import HOUR
    from finance.report.generation import energy_by_month, solar_table
    from scripts.console import show, show_json, writable

    csv = writable(csv, ".csv")
    plant = SolarPlant(
        dc_kw, ac_kw, tilt, azimuth, tracking, efficiency=efficiency, availability=availability
    )
    record = read_solar(weather, latitude, longitude, altitude)
    year = run_solar(record, plant)
    hours = len(year.energy) * record.step_seconds / HOUR
    if csv is not None:
        pd.DataFrame(
            {
                "middle_of_step": record.middles.map(lambda time: time.isoformat()),
                "plane_irradiance_w_m2": year.plane_irradiance,
                "cell_temperature_c": year.cell_temperature,
                "energy_mwh": year.energy,
            }
        ).to_csv(csv, index=False)
    if json:
        show_json(
            {
                "weather": record.source,
                "dc_kw": dc_kw,
                "ac_kw": ac_kw,
                "tracking": tracking,
                "efficiency": efficiency,
                "availability": availability,
                **_energy_json(year.total_mwh, hours, year.monthly_mwh),
                "capacity_factor": year.capacity_factor,
                "clipped_hours": year.clipped_hours,
            }
        )
    else:
        show(solar_table(year), energy_by_month(year.monthly_mwh))


@app.command()
def water(
    inflow: Annotated[Path | None, typer.Option(help="Run-of-river: table time,inflow_m3_s.")] = None,
    head: Annotated[float | None, typer.Option(help="Gross head, m.")] = None,
    largest_flow: Annotated[float | None, typer.Option(help="Through the turbines, m3/s.")] = None,
    smallest_flow: Annotated[float, typer.Option(help="Below it the turbines stand still, m3/s.")] = 0.0,
    ecological_flow: Annotated[float, typer.Option(help="Stays in the river, m3/s.")] = 0.0,
    head_loss: Annotated[float, typer.Option(help="Of the waterway at the largest flow, m.")] = 0.0,
    efficiency: Annotated[float | None, typer.Option(help="Turbine to transformer, up to 1.")] = None,
    availability: Availability = 1.0,
    capacity_mw: Annotated[float | None, typer.Option(help="The most that the plant delivers, MW.")] = None,
    rain: Annotated[Path | None, typer.Option(help="Utility: table time,rain_mm of whole months.")] = None,
    normals: Annotated[Path | None, typer.Option(help="Table month,rain_mm,volume_m3.")] = None,
    response: Annotated[
        str | None, typer.Option(help="Share of demand lost per mm of rain above normal.")
    ] = None,
    tariff: Annotated[str | None, typer.Option(help="Per m3, in units of the currency.")] = None,
    fixed: Annotated[str, typer.Option(help="Fixed charges a month, in units of the currency.")] = "0",
    currency: Annotated[str, typer.Option(help="Its code; for the table.")] = "USD",
    decimals: Annotated[int, typer.Option(min=0, max=6, help="Of the currency.")] = 2,
    json: Json = False,
    csv: Csv = None,
) -> None:
    """Energy of a run-of-river plant (--inflow), or a utility's rain-indexed revenue (--rain)."""
    from finance.generation.water import RunOfRiver, UtilityTerms, read_normals
    from finance.terms import InputError
    from scripts.console import writable

    csv = writable(csv, ".csv")
    if (inflow is None) == (rain is None):
        raise InputError("twin water: needs --inflow (run-of-river) or --rain (utility), and not both")
    if inflow is not None:
        gross, most, share = _given(
            {"--head": head, "--largest-flow": largest_flow, "--efficiency": efficiency}
        )
        plant = RunOfRiver(
            gross, most, share, smallest_flow, ecological_flow, head_loss, capacity_mw, availability
        )
        _hydro(inflow, plant, json, csv)
    else:
        table, share, price = _given({"--normals": normals, "--response": response, "--tariff": tariff})
        terms = UtilityTerms(
            read_normals(table),
            _decimal("--response", share),
            _decimal("--tariff", price).scaleb(decimals),
            _minor("--fixed", fixed, decimals),
        )
        assert rain is not None
        _utility(rain, terms, currency, decimals, json, csv)


def _given(options: dict[str, Any]) -> list[Any]:
    from finance.terms import InputError

    missing = [name for name, value in options.items() if value is None]
    if missing:
        raise InputError(f"twin water: needs {', '.join(missing)} too")
    return list(options.values())


def _decimal(name: str, text: str) -> Decimal:
    from decimal import InvalidOperation

    from finance.terms import InputError

    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InputError(f"{name} = {text}: not a number") from None
    if not value.is_finite():
        raise InputError(f"{name} = {text}: not a finite number")
    return value


def _minor(name: str, text: str, decimals: int) -> int:
    from finance.terms import InputError

    value = _decimal(name, text).scaleb(decimals)
    if value != int(value):
        raise InputError(f"{name} = {text}: finer than {decimals} decimals of the currency")
    return int(value)


def _hydro(path: Path, plant: Any, json: bool, csv: Path | None) -> None:
    import numpy as np
    import pandas as pd

    from finance.generation.tables import HOUR
    from finance.generation.water import hydro_energy, read_inflow
    from finance.generation.whole import whole_wh
    from finance.report.generation import energy_by_month, hydro_table
    from scripts.console import show, show_json

    table = read_inflow(path)
    energy, months = hydro_energy(table, plant), table.months
    total, step = float(energy.sum()), table.step_seconds / HOUR
    hours, still = len(energy) * step, float((energy == 0).sum() * step)
    monthly = {int(month): float(energy[months == month].sum()) for month in np.unique(months)}
    settled = whole_wh(energy)
    if csv is not None:
        frame = {"time": [time.isoformat() for time in table.times], **table.columns}
        pd.DataFrame({**frame, "energy_mwh": energy, "energy_wh": settled}).to_csv(csv, index=False)
    if json:
        show_json(
            {
                "inflow": table.source,
                **_energy_json(total, hours, monthly),
                "energy_wh": str(sum(settled)),
                "nameplate_mw": plant.nameplate_mw,
                "capacity_factor": total / (plant.nameplate_mw * hours),
                "hours_without_production": still,
            }
        )
    else:
        show(hydro_table(table.source, plant, total, hours, still), energy_by_month(monthly))


def _utility(path: Path, terms: Any, currency: str, decimals: int, json: bool, csv: Path | None) -> None:
    from dataclasses import asdict

    import pandas as pd

    from finance.generation.water import monthly_rain, read_rain, utility_revenue
    from finance.report.generation import utility_table
    from scripts.console import show, show_json

    months = utility_revenue(monthly_rain(read_rain(path)), terms)
    rows = [{key: str(value) for key, value in asdict(month).items()} for month in months]
    if csv is not None:
        pd.DataFrame(rows).to_csv(csv, index=False)
    if json:
        show_json(
            {
                "rain": str(path),
                "response_per_mm": str(terms.response),
                "response_origin": "assumed",
                "currency": currency,
                "decimals": decimals,
                "months": rows,
                "volume_m3": str(sum(month.volume_m3 for month in months)),
                "revenue": str(sum(month.revenue for month in months)),
                "normal_revenue": str(sum(month.normal_revenue for month in months)),
            }
        )
    else:
        show(utility_table(months, terms, currency, decimals))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)

"""Tables of proxy generation: wind, solar, a utility's sales and a run-of-river plant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from finance.generation.solar import SolarYear
from finance.generation.water import RunOfRiver, UtilityMonth, UtilityTerms
from finance.generation.wind import DensityRule, WindYear
from finance.report.table import Table
from finance.report.text import money, percent
from finance.terms.canonical import plain

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADS = ("Quantity", "Value", "Basis")


def wind_table(year: WindYear, hourly_mwh: float, whole_wh: int | None, notes: Sequence[str]) -> Table:
    """Energy, capacity factor, wind and rules of a wind record.

    hourly_mwh: energy under DensityRule.HOURLY; whole_wh: the settled integer, None where the terms are finer
    than settlement keeps.
    """
    plant, weather = year.plant, year.weather
    held = "SAM's: held until it moves by 0.001 kg/m3" if year.rule is DensityRule.SAM else "of each step"
    cap = "none" if plant.capacity_mw is None else f"{plant.capacity_mw:g} MW"
    rows = [
        ("Energy", f"{year.total_mwh:,.3f} MWh", f"over {weather.hours:,g} hours; air density {held}"),
        ("  with each step's own density", f"{hourly_mwh:,.3f} MWh", "the contract's formula"),
        (
            "  in whole Wh",
            "none" if whole_wh is None else f"{whole_wh:,d} Wh",
            "the same in integers, as nodes sign it",
        ),
        ("Capacity factor", percent(year.capacity_factor, 3), f"of {plant.nameplate_mw:g} MW"),
        ("Turbines", f"{plant.turbines}", f"{plant.curve.name}, rated {plant.curve.rated_kw:,g} kW"),
        ("Efficiency", f"{plant.efficiency:g}", "negotiated"),
        ("Availability", f"{plant.availability:g}", "held constant"),
        ("Plant cap", cap, "the most that the plant delivers"),
        ("Hub height", f"{weather.hub_height:g} m", ""),
        ("Mean wind speed", f"{year.mean_speed:.4f} m/s", "at hub height, as measured"),
        (
            "Hours lost at cut-out",
            f"{year.hours_lost:g}",
            f"corrected wind above {plant.curve.cut_out:g} m/s",
        ),
        *((f"  {name}", "", rule) for name, rule in weather.rules.items()),
    ]
    return Table(
        f"Wind proxy generation: {weather.source}", HEADS, tuple(rows), frozenset({"Value"}), tuple(notes)
    )


def solar_table(year: SolarYear) -> Table:
    """Energy, capacity factor and sun of a solar record."""
    plant = year.plant
    hours = len(year.energy) * year.weather.step_seconds / 3600
    mount = (
        "single axis" if plant.tracking else f"fixed, tilt {plant.tilt:g}, azimuth {plant.azimuth:g} degrees"
    )
    sun = float(year.plane_irradiance.sum()) * year.weather.step_seconds / 3600 / 1000
    rows = (
        ("Energy", f"{year.total_mwh:,.3f} MWh", f"over {hours:,g} hours"),
        ("Capacity factor", percent(year.capacity_factor, 3), f"of {plant.ac_kw:,g} kW AC"),
        ("Modules", f"{plant.dc_kw:,g} kW DC", mount),
        ("Sun in the plane of the modules", f"{sun:,.1f} kWh/m2", ""),
        ("Hours at the inverters' rating", f"{year.clipped_hours:g}", "clipped"),
        ("Efficiency", f"{plant.efficiency:g}", "negotiated"),
        ("Availability", f"{plant.availability:g}", "held constant"),
    )
    return Table(f"Solar proxy generation: {year.weather.source}", HEADS, rows, frozenset({"Value"}))


def hydro_table(source: str, plant: RunOfRiver, total_mwh: float, hours: float, still: float) -> Table:
    """Energy and capacity factor of a run-of-river record; `still`: hours without flow enough."""
    rows = (
        ("Energy", f"{total_mwh:,.3f} MWh", f"over {hours:,g} hours"),
        (
            "Capacity factor",
            percent(total_mwh / (plant.nameplate_mw * hours), 3),
            f"of {plant.nameplate_mw:.4f} MW",
        ),
        ("Gross head", f"{plant.head:g} m", f"{plant.head_loss:g} m lost at the largest flow"),
        ("Turbine flow", f"{plant.smallest_flow:g} to {plant.largest_flow:g} m3/s", ""),
        ("Ecological flow", f"{plant.ecological_flow:g} m3/s", "stays in the river"),
        ("Hours without production", f"{still:g}", "flow below the smallest"),
    )
    return Table(f"Run-of-river proxy generation: {source}", HEADS, rows, frozenset({"Value"}))


def energy_by_month(monthly: Mapping[int, float]) -> Table:
    """Energy of each month [MWh] and its share."""
    total = sum(monthly.values())
    rows = tuple(
        (MONTHS[month - 1], f"{energy:,.3f}", percent(energy / total, 2) if total else "")
        for month, energy in monthly.items()
    )
    return Table("By month", ("Month", "MWh", "Share"), rows, frozenset({"MWh", "Share"}))


def utility_table(months: Sequence[UtilityMonth], terms: UtilityTerms, currency: str, decimals: int) -> Table:
    """Rain, proxy volume and revenue by month, beside those of normal rain."""

    def shown(minor: int) -> str:
        return money(Decimal(minor).scaleb(-decimals), decimals)

    rows = [
        (
            f"{month.year}-{month.month:02d}",
            f"{month.rain_mm:f}",
            plain(terms.normals[month.month].rain_mm),
            f"{month.volume_m3:,d}",
            shown(month.revenue),
            shown(month.normal_revenue),
            shown(month.revenue - month.normal_revenue),
        )
        for month in months
    ]
    volume = sum(month.volume_m3 for month in months)
    revenue, normal = sum(month.revenue for month in months), sum(month.normal_revenue for month in months)
    rain = sum((month.rain_mm for month in months), Decimal(0))
    rows.append(
        ("all", f"{rain:f}", "", f"{volume:,d}", shown(revenue), shown(normal), shown(revenue - normal))
    )
    columns = (
        "Month",
        "Rain (mm)",
        "Normal",
        "Volume (m3)",
        f"Revenue ({currency})",
        "Normal rain",
        "Difference",
    )
    note = f"Response assumed: {plain(100 * terms.response)} % less demand for a millimetre above normal."
    return Table("Rain-indexed revenue", columns, tuple(rows), frozenset(columns[1:]), (note,))

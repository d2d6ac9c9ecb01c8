"""Water proxies: revenue of a utility indexed to rain, and energy of a run-of-river plant indexed to inflow.

A utility sells less water in wet months. Its proxy volume per month is

    V = V_normal exp(-k (R - R_normal))

with rain R [mm], the normal month's rain and volume, and the response k [1/mm], the share of demand lost per
millimetre above normal. Unlike a constant elasticity, this (semi-log) form has a value in a month without
rain; F. Arbues, M. A. Garcia-Valinas and R. Martinez-Espineira (Journal of Socio-Economics 32, 2003,
doi:10.1016/S1053-5357(03)00005-2) review the forms and the weather variables that studies of demand use. k
differs from city to city, so there is no default: it is a term of the deal, and `assumed` unless the deal
cites its study.

A run-of-river plant gives, in each step,

    Q = min(inflow - ecological flow, largest flow), 0 where that is below the smallest flow
    P = rho g Q (H - h (Q / largest flow)^2) eta(Q)

with the gross head H, the losses h of the waterway at the largest flow, and the efficiency eta of turbine,
generator and transformer together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from finance.generation.tables import HOUR, Floats, TimeTable, cells_of, read_lines, read_table
from finance.terms.problems import InputError

WATER_DENSITY = 1000.0
"""kg/m3: fresh water at 4 C is 999.97 (rounded as engineers do, and so part of the formula)."""
GRAVITY = 9.80665
"""m/s2: standard gravity (CGPM 1901)."""

# Decimal's exp is correctly rounded, so a verifier gets the same digits on every machine.
_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class MonthNormal:
    """A normal month: its rain [mm] and the volume that the utility sells in it [m3]."""

    rain_mm: Decimal
    volume_m3: Decimal


@dataclass(frozen=True)
class UtilityTerms:
    """A utility whose sales fall with rain.

    normals: by month, 1 to 12; response: k [1/mm] >= 0; tariff: minor units of currency per m3; fixed_charge:
    minor units per month, whatever is sold. Raises InputError.
    """

    normals: Mapping[int, MonthNormal]
    response: Decimal
    tariff: Decimal
    fixed_charge: int = 0

    def __post_init__(self) -> None:
        if set(self.normals) != set(range(1, 13)):
            raise InputError(f"normals: months {sorted(self.normals)}: must be 1 to 12")
        for month, normal in self.normals.items():
            if not (normal.rain_mm >= 0 and normal.volume_m3 > 0):
                raise InputError(
                    f"normals: month {month}: rain must not be negative, and volume must be positive"
                )
        if not (self.response.is_finite() and 0 <= self.response <= 1):
            raise InputError(f"response = {self.response}: must lie between 0 and 1 per mm")
        if not (self.tariff.is_finite() and self.tariff >= 0 and self.fixed_charge >= 0):
            raise InputError(
                f"tariff = {self.tariff}, fixed charge = {self.fixed_charge}: must be finite and >= 0"
            )


@dataclass(frozen=True)
class UtilityMonth:
    """One month: rain [mm], proxy volume [whole m3], proxy and normal revenue [minor units]."""

    year: int
    month: int
    rain_mm: Decimal
    volume_m3: int
    revenue: int
    normal_revenue: int


def proxy_volume(rain_mm: Decimal, normal: MonthNormal, response: Decimal) -> int:
    """Volume of a month [m3], rounded half to even: V_normal exp(-k (R - R_normal)).

    >>> proxy_volume(Decimal(60), MonthNormal(Decimal(60), Decimal(1_000_000)), Decimal("0.001"))
    1000000
    >>> proxy_volume(Decimal(160), MonthNormal(Decimal(60), Decimal(1_000_000)), Decimal("0.001"))
    904837
    """
    if rain_mm < 0:
        raise InputError(f"rain = {rain_mm} mm: must not be negative")
    exponent = _EXACT.multiply(response, _EXACT.subtract(normal.rain_mm, rain_mm))
    return _whole(_EXACT.multiply(normal.volume_m3, _EXACT.exp(exponent)))


def utility_revenue(rain: Mapping[tuple[int, int], Decimal], terms: UtilityTerms) -> list[UtilityMonth]:
    """Proxy revenue by month from rain [mm] by (year, month), in order of time.

    revenue = fixed charge + tariff x volume, in minor units, half to even; the volume is whole m3 before it
    is priced.
    """
    months = []
    for (year, month), depth in sorted(rain.items()):
        normal = terms.normals[month]
        volume = proxy_volume(depth, normal, terms.response)
        usual = proxy_volume(normal.rain_mm, normal, terms.response)
        months.append(
            UtilityMonth(year, month, depth, volume, _revenue(volume, terms), _revenue(usual, terms))
        )
    return months


def monthly_rain(table: TimeTable) -> dict[tuple[int, int], Decimal]:
    """Rain [mm] by (year, month) from a table with a column rain_mm, summed exactly.

    Raises InputError for a negative depth, and for a month that the table does not cover from its start to
    its end.
    """
    depths = table.columns["rain_mm"]
    if (depths < 0).any():
        at = int(np.flatnonzero(depths < 0)[0])
        raise InputError(f"{table.source}: line {at + 2}: rain_mm = {depths[at]:g}: must not be negative")
    sums: dict[tuple[int, int], Decimal] = {}
    seconds: dict[tuple[int, int], int] = {}
    for time, depth in zip(table.times, depths.tolist(), strict=True):
        key = (time.year, time.month)
        sums[key] = sums.get(key, Decimal(0)) + Decimal(repr(depth))
        seconds[key] = seconds.get(key, 0) + table.step_seconds
    for (year, month), covered in seconds.items():
        days = (np.datetime64(f"{year}-{month:02d}") + 1).astype("M8[D]") - np.datetime64(
            f"{year}-{month:02d}-01"
        )
        if covered != int(days.astype(int)) * 24 * HOUR:
            raise InputError(
                f"{table.source}: {year}-{month:02d}: {covered / HOUR:g} hours, not the whole month"
            )
    return sums


def read_rain(path: str | Path) -> TimeTable:
    """A plain CSV of `time,rain_mm` (depth of each step). Raises InputError as read_table does."""
    return read_table(path, lambda name: name if name == "rain_mm" else None)


def read_normals(path: str | Path) -> dict[int, MonthNormal]:
    """A CSV `month,rain_mm,volume_m3` of the twelve normal months. Raises InputError naming line and
    reason."""
    file = Path(path)
    lines = read_lines(file)
    if cells_of(lines[0]) != ["month", "rain_mm", "volume_m3"]:
        raise InputError(f"{file}: line 1: {lines[0].strip()}: must be month,rain_mm,volume_m3")
    normals: dict[int, MonthNormal] = {}
    for index, line in enumerate(lines[1:], start=2):
        try:
            month, rain, volume = cells_of(line)
            key, normal = int(month), MonthNormal(Decimal(rain), Decimal(volume))
            if not (normal.rain_mm.is_finite() and normal.volume_m3.is_finite()):
                raise ValueError(line)
        except (ValueError, ArithmeticError):
            raise InputError(
                f"{file}: line {index}: {line.strip()}: must be a month and two numbers"
            ) from None
        if key in normals:
            raise InputError(f"{file}: line {index}: month {key} stands twice")
        normals[key] = normal
    if set(normals) != set(range(1, 13)):
        raise InputError(f"{file}: months {sorted(normals)}: must be 1 to 12")
    return normals


def _revenue(volume_m3: int, terms: UtilityTerms) -> int:
    return terms.fixed_charge + _whole(_EXACT.multiply(terms.tariff, Decimal(volume_m3)))


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


@dataclass(frozen=True)
class RunOfRiver:
    """A run-of-river plant as its contract sees it.

    head: gross [m]; largest_flow, smallest_flow: through the turbines together [m3/s]; ecological_flow: what
    stays in the river [m3/s]; efficiency: of turbine, generator and transformer, one number or knots (share
    of the largest flow, efficiency), linear between and level beyond; head_loss: at the largest flow [m];
    capacity_mw: None for no cap; availability: held constant (0 to 1]. Raises InputError.
    """

    head: float
    largest_flow: float
    efficiency: float | Sequence[tuple[float, float]]
    smallest_flow: float = 0.0
    ecological_flow: float = 0.0
    head_loss: float = 0.0
    capacity_mw: float | None = None
    availability: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.head < 3000 and 0 <= self.head_loss < self.head):
            raise InputError(
                f"head = {self.head:g} m, head loss = {self.head_loss:g} m: loss must be below the head"
            )
        if not 0 <= self.smallest_flow <= self.largest_flow or self.largest_flow == 0:
            raise InputError(
                f"flows {self.smallest_flow:g} to {self.largest_flow:g} m3/s: must be 0 <= least <= most"
            )
        if not self.ecological_flow >= 0:
            raise InputError(f"ecological flow = {self.ecological_flow:g} m3/s: must not be negative")
        shares, values = self.knots()
        if (np.diff(shares) <= 0).any() or not ((values > 0) & (values <= 1)).all():
            raise InputError(
                f"efficiency = {self.efficiency}: shares must rise, efficiencies lie above 0 up to 1"
            )
        if not 0 < self.availability <= 1:
            raise InputError(f"availability = {self.availability:g}: must lie above 0 and not above 1")
        if self.capacity_mw is not None and not self.capacity_mw > 0:
            raise InputError(f"capacity = {self.capacity_mw:g} MW: must be positive")

    def knots(self) -> tuple[Floats, Floats]:
        """(share of the largest flow, efficiency), one knot or more."""
        points = [(1.0, self.efficiency)] if isinstance(self.efficiency, int | float) else self.efficiency
        shares, values = zip(*points, strict=True)
        return np.array(shares, dtype=np.float64), np.array(values, dtype=np.float64)

    @property
    def nameplate_mw(self) -> float:
        """Power at the largest flow [MW], availability aside."""
        return float(hydro_power(self.largest_flow + self.ecological_flow, self)) / self.availability


def turbine_flow(inflow: ArrayLike, plant: RunOfRiver) -> Floats:
    """Flow through the turbines [m3/s] for an inflow [m3/s], any shape; NaN stays NaN."""
    left = np.asarray(inflow, dtype=np.float64) - plant.ecological_flow
    flow = np.minimum(left, plant.largest_flow)
    return np.where((flow < plant.smallest_flow) | (flow < 0), 0.0, flow)


def hydro_power(inflow: ArrayLike, plant: RunOfRiver) -> Floats:
    """Power [MW] for an inflow [m3/s], any shape: min(rho g Q H_net eta, capacity) x availability.

    >>> round(float(hydro_power(10.0, RunOfRiver(head=100.0, largest_flow=10.0, efficiency=1.0))), 5)
    9.80665
    """
    flow = turbine_flow(inflow, plant)
    share = flow / plant.largest_flow
    net_head = plant.head - plant.head_loss * (share * share)
    efficiency = np.interp(share, *plant.knots())
    power = WATER_DENSITY * GRAVITY * flow * net_head * efficiency / 1e6
    cap = np.inf if plant.capacity_mw is None else plant.capacity_mw
    return np.asarray(np.minimum(power, cap) * plant.availability)


def hydro_energy(table: TimeTable, plant: RunOfRiver) -> Floats:
    """Energy of each step [MWh] from a table with a column inflow_m3_s (n)."""
    return hydro_power(table.columns["inflow_m3_s"], plant) * (table.step_seconds / HOUR)


def read_inflow(path: str | Path) -> TimeTable:
    """A plain CSV of `time,inflow_m3_s`. Raises InputError as read_table does, and for a negative inflow."""
    table = read_table(path, lambda name: name if name == "inflow_m3_s" else None)
    inflow = table.columns["inflow_m3_s"]
    if (inflow < 0).any():
        at = int(np.flatnonzero(inflow < 0)[0])
        raise InputError(f"{table.source}: line {at + 2}: inflow_m3_s = {inflow[at]:g}: must not be negative")
    return table

"""SAM's wind model by PySAM, and wind files in SAM's form made for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from finance.generation.curve import PowerCurve
from tools.shared_data import SHARED_DATA

REAL = SHARED_DATA / "wind" / "AR_Northwestern-Flat_Lands.srw"
needs_real = pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is absent (set PENSTOCK_SHARED_DATA)")

NAMES = {"Temperature": "C", "Pressure": "atm", "Direction": "degrees", "Speed": "m/s"}
Series = NDArray[np.float64]


@dataclass(frozen=True)
class SamYear:
    """SAM's energy [kWh], hourly output [kW], and wind at the hub as it uses it."""

    annual_kwh: float
    power_kw: Series
    speed: Series
    monthly_kwh: Series


def run_sam(path: Path, curve: PowerCurve, hub: float, shear: float = 0.14, turbines: int = 1) -> SamYear:
    """PySAM Windpower: no wake, no loss of any kind."""
    windpower = pytest.importorskip("PySAM.Windpower", reason="nrel-pysam is not installed")
    model = windpower.new()
    model.Resource.wind_resource_model_choice = 0
    model.Resource.wind_resource_filename = str(path)
    model.Turbine.wind_resource_shear = shear
    model.Turbine.wind_turbine_rotor_diameter = 100
    model.Turbine.wind_turbine_hub_ht = hub
    model.Turbine.wind_turbine_powercurve_windspeeds = curve.speeds
    model.Turbine.wind_turbine_powercurve_powerout = curve.powers
    model.Farm.wind_farm_wake_model = 3  # a constant loss
    model.Losses.wake_int_loss = 0
    model.Farm.wind_resource_turbulence_coeff = 0.1
    model.Farm.system_capacity = curve.rated_kw * turbines
    model.Farm.wind_farm_xCoordinates = [1000.0 * k for k in range(turbines)]
    model.Farm.wind_farm_yCoordinates = [0.0] * turbines
    model.execute(0)
    out = model.Outputs
    return SamYear(
        out.annual_energy, np.array(out.gen), np.array(out.wind_speed), np.array(out.monthly_energy)
    )


def write_srw(
    path: Path, columns: Sequence[tuple[str, float, Series]], units: Mapping[str, str] = NAMES
) -> Path:
    """A .srw file of (name, height, values) columns."""
    rows = zip(*(values.tolist() for _, _, values in columns), strict=True)
    lines = [
        "id,city,ST,USA,2000,35,-94,300,-6,8760",
        "made for a test",
        ",".join(name for name, _, _ in columns),
        ",".join(units[name] for name, _, _ in columns),
        ",".join(f"{height:g}" for _, height, _ in columns),
        *(",".join(f"{value:.6g}" for value in row) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def real_columns() -> list[tuple[str, float, Series]]:
    """The columns of the real file, read by position: (name, height, values)."""
    lines = REAL.read_text(encoding="utf-8").splitlines()
    names, heights = lines[2].split(","), [float(cell) for cell in lines[4].split(",")]
    values = np.array([[float(cell) for cell in line.split(",")] for line in lines[5:]])
    return [(name, height, values[:, k]) for k, (name, height) in enumerate(zip(names, heights, strict=True))]

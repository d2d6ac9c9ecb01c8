"""Power curves: what one turbine gives at which wind speed, at the reference air density.

Between two points power is linear in speed. At and below the first speed and above the last one it is zero;
at the last speed it is the last power (NREL/ssc, shared/lib_windwakemodel.cpp `windTurbine::turbinePower`).
Two points at one speed make a step, which holds the second power from that speed on.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from finance.generation.tables import Floats, cells_of, number, read_lines
from finance.terms.problems import InputError

LIBRARY_PREFIX = "windpowerlib:"
_SPEED_NAMES = ("wind_speed_m_s", "speed_m_s", "wind_speed", "windspeed", "speed")
_POWER_UNITS = {"kw": 1.0, "w": 1e-3, "mw": 1e3}  # the last word of the column's name, in kW
# (speeds, powers in kW, hub height) as this project's JSON and as SAM's input files name them.
_JSON_KEYS = (
    ("wind_speed_m_s", "power_kw", "hub_height_m"),
    ("wind_turbine_powercurve_windspeeds", "wind_turbine_powercurve_powerout", "wind_turbine_hub_ht"),
)


@dataclass(frozen=True)
class PowerCurve:
    """Power of one turbine at the reference density.

    name; speeds: not falling [m/s] (n >= 2); powers [kW] (n); hub_height [m] when the curve's file states
    one. Raises InputError for a curve that cannot be used.
    """

    name: str
    speeds: tuple[float, ...]
    powers: tuple[float, ...]
    hub_height: float | None = None

    def __post_init__(self) -> None:
        if len(self.speeds) != len(self.powers):
            raise InputError(f"{self.name}: {len(self.speeds)} wind speeds, but {len(self.powers)} powers")
        if len(self.speeds) < 2:
            raise InputError(f"{self.name}: {len(self.speeds)} points; a power curve needs two or more")
        points = np.array([self.speeds, self.powers])
        if not np.isfinite(points).all() or (points < 0).any():
            at = int(np.flatnonzero((~np.isfinite(points) | (points < 0)).any(axis=0))[0])
            raise InputError(
                f"{self.name}: point {at + 1} = ({self.speeds[at]}, {self.powers[at]}): must be finite, >= 0"
            )
        rises = np.diff(points[0])
        if (rises < 0).any():
            at = int(np.flatnonzero(rises < 0)[0])
            raise InputError(
                f"{self.name}: wind speed {self.speeds[at + 1]:g} m/s follows {self.speeds[at]:g}: must rise"
            )
        if (rises[1:] + rises[:-1] == 0).any() or self.speeds[-1] == self.speeds[0]:
            raise InputError(f"{self.name}: more than two points at one wind speed")
        if self.rated_kw == 0:
            raise InputError(f"{self.name}: power is zero at every wind speed")

    @property
    def rated_kw(self) -> float:
        """The largest power of the curve [kW]."""
        return max(self.powers)

    @property
    def cut_out(self) -> float:
        """The last speed with power [m/s]: above it, or on the way down to the next point, the turbine
        stops."""
        return max(speed for speed, power in zip(self.speeds, self.powers, strict=True) if power > 0)

    def arrays(self) -> tuple[Floats, Floats]:
        """(speeds [m/s], powers [kW]) as arrays (n)."""
        return np.array(self.speeds, dtype=np.float64), np.array(self.powers, dtype=np.float64)


def load_curve(text: str | Path) -> PowerCurve:
    """A power curve from `text`: a CSV file, a JSON file, or a name of windpowerlib
    (`windpowerlib:V100/1800`).

    CSV: a header `wind_speed_m_s,power_kw` (or power_w, power_mw), then one point a line. JSON: an object
    with `wind_speed_m_s`, `power_kw` and perhaps `name` and `hub_height_m`, or SAM's own input names. Raises
    InputError, naming the file and the reason, for what cannot be used; OSError for a file that cannot be
    opened.
    """
    if str(text).startswith(LIBRARY_PREFIX):
        return _of_library(str(text).removeprefix(LIBRARY_PREFIX))
    path = Path(text)
    lines = read_lines(path)
    return _of_json(path, "\n".join(lines)) if path.suffix.lower() == ".json" else _of_csv(path, lines)


def _of_csv(path: Path, lines: Sequence[str]) -> PowerCurve:
    scale = _csv_scale(path, lines[0])
    speeds, powers = [], []
    for index, line in enumerate(lines[1:], start=2):
        cells = cells_of(line)
        if len(cells) != 2:
            raise InputError(f"{path}: line {index}: {len(cells)} cells, but 2 columns")
        try:
            speeds.append(number(cells[0]))
            powers.append(number(cells[1]) * scale)
        except ValueError:
            raise InputError(f"{path}: line {index}: {line.strip()}: not two finite numbers") from None
    return PowerCurve(str(path), tuple(speeds), tuple(powers))


def _csv_scale(path: Path, header: str) -> float:
    names = [re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_") for cell in cells_of(header)]
    unit = names[1].split("_")[-1] if len(names) == 2 else ""
    if len(names) != 2 or names[0] not in _SPEED_NAMES or unit not in _POWER_UNITS:
        raise InputError(
            f"{path}: line 1: {header.strip()}: must be wind_speed_m_s,power_kw (or power_w, power_mw)"
        )
    return _POWER_UNITS[unit]


def _of_json(path: Path, text: str) -> PowerCurve:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not JSON: {error.msg}") from None
    for speed_key, power_key, hub_key in _JSON_KEYS:
        if isinstance(content, dict) and speed_key in content and power_key in content:
            hub = content.get(hub_key)
            return PowerCurve(
                str(content.get("name", path)),
                _json_numbers(path, speed_key, content[speed_key]),
                _json_numbers(path, power_key, content[power_key]),
                None if hub is None else _json_numbers(path, hub_key, [hub])[0],
            )
    raise InputError(f"{path}: must be an object with wind_speed_m_s and power_kw")


def _json_numbers(path: Path, key: str, values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise InputError(f"{path}: {key}: must be a list of numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{path}: {key} = {value!r}: not a number")
    return tuple(float(value) for value in values)


def library_names() -> list[str]:
    """Turbine types whose power curve windpowerlib carries (from the Open Energy Database)."""
    return sorted(_library_rows())


def _of_library(name: str) -> PowerCurve:
    rows = _library_rows()
    if name not in rows:
        near = [known for known in sorted(rows) if known.split("/")[0] == name.split("/")[0]]
        hint = f"; there are {', '.join(near)}" if near else f"; there are {len(rows)}, such as {min(rows)}"
        raise InputError(f"{LIBRARY_PREFIX}{name}: no such power curve{hint}")
    points = [(float(speed), float(watts) / 1000) for speed, watts in rows[name].items() if watts]
    return PowerCurve(
        LIBRARY_PREFIX + name, tuple(speed for speed, _ in points), tuple(power for _, power in points)
    )


def _library_rows() -> dict[str, dict[str, str]]:
    # The table is read where it lies: importing windpowerlib would bring a network client along.
    spec = find_spec("windpowerlib")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"{LIBRARY_PREFIX}: the package windpowerlib is not installed")
    path = Path(spec.submodule_search_locations[0]) / "oedb" / "power_curves.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        return {row.pop("turbine_type"): row for row in csv.DictReader(stream)}

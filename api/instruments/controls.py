"""The sliders of a what-if: what can be moved in a deal, and from where to where."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

Kind = Literal["percent", "number"]
STEPS = 200  # positions of a slider, about


@dataclass(frozen=True)
class Control:
    """A slider. `path` is the field of the API's request that it sets, in units of `scale` (0.01 for
    percent); `stands` is what the deal itself says."""

    name: str
    path: str
    label: str
    about: str
    kind: Kind
    unit: str
    low: float
    high: float
    step: float
    stands: float
    value: float
    digits: int

    @property
    def scale(self) -> float:
        return _scale(self.kind)

    @property
    def moved(self) -> bool:
        """Whether it stands elsewhere than the deal."""
        return abs(self.value - self.stands) > self.step / 1000


def _scale(kind: Kind) -> float:
    return 0.01 if kind == "percent" else 1.0


def control(
    name: str,
    path: str,
    label: str,
    about: str,
    stands: float,
    low: float,
    high: float,
    kind: Kind = "percent",
    unit: str = "",
) -> Control:
    """Ends and value on one grid of round steps, so that a slider can stand where the deal does."""
    scale = _scale(kind)
    at, first, last = stands / scale, low / scale, high / scale
    step = 10.0 ** floor(log10((last - first) / STEPS)) if last > first else 0.01
    digits = max(0, -floor(log10(step) + 1e-9))
    at = round(at, digits + 1)
    before, after = round((at - first) / step), round((last - at) / step)
    low, high = round(at - before * step, digits + 1), round(at + after * step, digits + 1)
    shown = digits if abs(at - round(at, digits)) < step / 1000 else digits + 1
    return Control(name, path, label, about, kind, unit, low, high, step, at, at, shown)

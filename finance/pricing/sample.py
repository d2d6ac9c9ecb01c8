"""The KPI sample of a twin, kept beside the deal: deals/twins/<deal id>.<kpi>.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finance.pricing.process import EmpiricalKpi
from finance.terms.deal import Deal
from finance.terms.problems import InputError

DEFAULT_FOLDER = Path("deals")


@dataclass(frozen=True)
class TwinSample:
    """KPI values that a twin produced: how (`method`, `description`, `seed`) and what (`values`, in the
    KPI's unit).
    """

    method: str
    description: str
    values: tuple[float, ...]
    seed: int | None
    file: Path

    def process(self) -> EmpiricalKpi:
        """The sample as a KPI process."""
        return EmpiricalKpi(self.values, f"{len(self.values)} runs of the twin ({self.method})")


def sample_path(deal: Deal, kpi: str) -> Path:
    """Where the sample of `kpi` lies: in `twins/` beside the deal file."""
    folder = deal.file.parent if deal.file else DEFAULT_FOLDER
    return folder / "twins" / f"{deal.id}.{kpi}.json"


def load_sample(deal: Deal, kpi: str, path: Path | None = None) -> TwinSample:
    """The twin's sample of `kpi`; raises InputError when there is none or it cannot be used."""
    path = path or sample_path(deal, kpi)
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: file not found: price with the interval, or run the twin first") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    problems = []
    values: Any = None
    if not isinstance(content, dict):
        problems.append(f"{path}: must be an object with method, description, values and seed")
    else:
        values = content.get("values")
        for field in ("method", "description"):
            if not isinstance(content.get(field), str):
                problems.append(f"{path}: {field} = {content.get(field)}: must be a text")
        if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
            problems.append(f"{path}: values: must be a list of numbers")
        else:
            low, high = deal.kpis[kpi].bounds.minimum.value, deal.kpis[kpi].bounds.maximum.value
            if len(values) < 2:
                problems.append(f"{path}: values: at least two are needed")
            outside = [value for value in values if not low <= value <= high]
            if outside:
                problems.append(f"{path}: values: {outside[0]} lies outside the KPI's bounds {low} to {high}")
    if problems:
        raise InputError("\n".join(problems))
    return TwinSample(
        content["method"], content["description"], tuple(map(float, values)), content.get("seed"), path
    )


def find_sample(deal: Deal, kpi: str) -> TwinSample | None:
    """The twin's sample if there is one beside the deal, else None."""
    return load_sample(deal, kpi) if sample_path(deal, kpi).exists() else None

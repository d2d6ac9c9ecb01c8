"""The ensemble: reproducible by seed, whatever the number of processes; and the stored one is really its."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from oracle.twins.ensemble import DISTRIBUTIONS, draw, ensemble
from oracle.twins.rain import RainSeries
from oracle.twins.stormwater_parameters import scenario
from tests.oracle.conftest import DEAL, ROOT

STORED = ROOT / "deals" / "twins" / "dc-water-eib-2016.runoff-reduction.json"


def test_same_seed_same_values_on_one_or_two_processes(area: float, rain: RainSeries) -> None:
    central = scenario("twin", area)
    steps: list[int] = []
    one = ensemble(central, rain, n=3, seed=11, workers=1, progress=steps.append)
    two = ensemble(central, rain, n=3, seed=11, workers=2)
    other = ensemble(central, rain, n=3, seed=12, workers=1)
    assert one == two
    assert steps == [1, 2, 3]
    assert len(set(one["values"])) == 3
    assert not set(one["values"]) & set(other["values"])
    with pytest.raises(ValueError, match="n = 1"):
        ensemble(central, rain, n=1)


def test_stored_ensemble_is_what_its_seed_gives(deal, area: float, rain: RainSeries) -> None:
    stored = json.loads(STORED.read_text())
    assert set(stored) >= {"method", "description", "label", "seed", "n", "values", "mean", "sd", "quantiles"}
    assert stored["deal"] == deal.id
    assert stored["label"] == "simulated"
    assert stored["n"] == len(stored["values"]) >= 200
    first = ensemble(scenario("twin", area), rain, n=3, seed=stored["seed"], workers=1)
    assert first["values"] == pytest.approx(stored["values"][:3], abs=1e-5)
    assert first["parameters"] == stored["parameters"]


def test_stored_statistics_are_those_of_the_values(deal) -> None:
    stored = json.loads(STORED.read_text())
    values = stored["values"]
    assert stored["mean"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert stored["sd"] == pytest.approx(statistics.stdev(values), abs=1e-6)
    percentiles = statistics.quantiles(values, n=100, method="inclusive")
    for q in ("0.05", "0.25", "0.5", "0.75", "0.95"):
        assert stored["quantiles"][q] == pytest.approx(percentiles[round(float(q) * 100) - 1], abs=1e-6)
    kpi = deal.kpis["runoff-reduction"].process.interval
    inside = sum(float(kpi.low.value) <= value <= float(kpi.high.value) for value in values) / len(values)
    assert inside > 0.8  # the middle tier is the likely one


def test_draws_use_every_uncertain_parameter(area: float, rain: RainSeries) -> None:
    import numpy as np

    central = scenario("twin", area)
    a, b = (draw(central, rain, seed) for seed in np.random.SeedSequence(5).spawn(2))
    for entry in DISTRIBUTIONS.values():
        assert entry["assumed"]
        part, _, name = entry["applies_to"].partition(".")
        if name:
            values = {getattr(getattr(item.parameters, part), name) for item in (a, b)}
            assert len(values) == 2
            assert getattr(getattr(central, part), name) not in values
    assert a.rain.total_mm != b.rain.total_mm


def test_command_draws_the_stored_sample(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from scripts.oracle import app

    target = tmp_path / "figure.png"
    done = CliRunner().invoke(app, ["ensemble", str(DEAL), "--plot", str(target), "--plot-only"])
    assert done.exit_code == 0, done.output
    assert "simulated" in done.output
    assert target.read_bytes().startswith(b"\x89PNG")
    broken = tmp_path / "sample.json"
    broken.write_text("{}")
    done = CliRunner().invoke(app, ["ensemble", str(DEAL), "--out", str(broken), "--plot-only"])
    assert done.exit_code == 2
    done = CliRunner().invoke(app, ["ensemble", str(tmp_path / "absent.yaml")])
    assert done.exit_code == 2

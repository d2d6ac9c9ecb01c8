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
    with pytest.raises(ValueError, match="n = 1: must be at least 2"):
        ensemble(central, rain, n=1, seed=11, workers=1)


def test_statistics_are_those_of_the_values(area: float, rain: RainSeries) -> None:
    """As another program computes them, to six decimals; for as few as two values."""
    for n in (2, 3):
        found = ensemble(scenario("twin", area), rain, n=n, seed=3, workers=1)
        values = found["values"]
        assert found["n"] == len(values) == n
        assert all(value == float(f"{value:.6f}") for value in (*values, *found["quantiles"].values()))
        assert found["mean"] == float(f"{statistics.fmean(values):.6f}")
        assert found["sd"] == float(f"{statistics.stdev(values):.6f}")
        percentiles = statistics.quantiles(values, n=1000, method="inclusive")
        assert found["quantiles"] == {
            q: pytest.approx(percentiles[round(float(q) * 1000) - 1], abs=1e-6)
            for q in ("0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.975", "0.99")
        }


def test_stored_ensemble_is_what_its_seed_gives(deal, area: float, rain: RainSeries) -> None:
    stored = json.loads(STORED.read_text())
    assert set(stored) >= {"method", "description", "label", "seed", "n", "values", "mean", "sd", "quantiles"}
    assert stored["deal"] == deal.id
    assert stored["label"] == "simulated"
    assert stored["n"] == len(stored["values"]) == 400  # as the page on the twin says
    first = ensemble(scenario("twin", area), rain, n=3, seed=stored["seed"], workers=1)
    assert first["values"] == pytest.approx(stored["values"][:3], abs=1e-5)
    assert first["parameters"] == stored["parameters"]


def test_stored_statistics_are_those_of_the_values(deal) -> None:
    stored = json.loads(STORED.read_text())
    values = stored["values"]
    assert stored["mean"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert stored["sd"] == pytest.approx(statistics.stdev(values), abs=1e-6)
    percentiles = statistics.quantiles(values, n=100, method="inclusive")
    for q in ("0.01", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.99"):
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

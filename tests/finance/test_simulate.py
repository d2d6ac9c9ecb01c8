"""Monte Carlo and the compiled kernels against closed forms, NumPy and statistics."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from finance.pricing.closed import expected_amount
from finance.pricing.flows import Flows, KpiFlow
from finance.pricing.kernels import AREA, EDGES, TAIL, drawn_normals, mean_payoffs, mean_payoffs_drawn
from finance.pricing.market import Market
from finance.pricing.measures import expected_amounts, weights
from finance.pricing.processes import (
    AR1Process,
    BernoulliProcess,
    BootstrapProcess,
    CorrelatedKpis,
    LognormalProcess,
    MeanRevertingProcess,
    NormalProcess,
    Process,
    Season,
)
from finance.pricing.simulate import kpi_time, law, simulate, simulate_fast
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms import InputError

SEED, START = 20160929, date(2016, 10, 1)
LINEAR = Curve.of(Shape.LINEAR, [(186_000, -3_300_000), (299_500, 0), (413_000, 3_300_000)])
STEP = Curve.of(Shape.STEP, [(0, -3_300_000), (186_000, 0), (413_001, 3_300_000)])
PROCESSES: list[Process] = [
    NormalProcess(0.33, 0.06),
    AR1Process(0.25, 0.33, 0.9, 0.03, step=0.25),
    MeanRevertingProcess(0.25, 0.33, 0.8, 0.06, Season(0.02, 0.01)),
    LognormalProcess(0.38, 0.02, 0.3),
    BernoulliProcess(0.3),
    BootstrapProcess((0.1, 0.3, 0.35, 0.45, 0.5), block=2.0),
]


@pytest.fixture(autouse=True)
def seed() -> None:
    """Shown when a test fails."""
    print("seed", SEED)


def quarterly(curve: Curve, count: int = 8, kpi: str = "kpi") -> Flows:
    days = [date(2017 + k // 4, 1 + 3 * (k % 4), 1) for k in range(count)]
    return Flows(
        100.0, (), tuple(KpiFlow(day, day, curve, 6, 1e-4 * (k + 1), kpi) for k, day in enumerate(days))
    )


@pytest.mark.parametrize("construction", ["forward", "bridge", "pca"])
@pytest.mark.parametrize("curve", [LINEAR, STEP], ids=["linear", "step"])
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_simulation_agrees_with_the_closed_form(process: Process, curve: Curve, construction: str) -> None:
    """Each payment within 5 of its standard errors, and the errors are not a blank cheque."""
    flows = quarterly(curve)
    found = simulate(flows, CorrelatedKpis({"kpi": process}), START, SEED, construction=construction)  # type: ignore[arg-type]
    exact = expected_amounts(flows, {"kpi": process}, START)
    slack = 1e-6 * np.abs(exact)
    assert (np.abs(found.amounts - exact) < 5 * found.standard_errors + slack).all()
    plain_error = np.array([330.0 * (k + 1) for k in range(8)]) / np.sqrt(16 * 1024)
    assert (found.standard_errors < plain_error).all()


def test_sobol_with_a_bridge_beats_plain_paths() -> None:
    flows, kpis = quarterly(LINEAR, 12), CorrelatedKpis({"kpi": PROCESSES[2]})
    by_day = np.ones(12)
    sobol = simulate(flows, kpis, START, SEED, 32).weighted(by_day)[1]
    plain = simulate(flows, kpis, START, SEED, 32, plain=True).weighted(by_day)[1]
    assert plain > 3 * sobol


def test_standard_errors_are_honest() -> None:
    """Over 60 seeds, errors in standard errors scatter about 1 (Student's t with 15 degrees of freedom)."""
    print("seeds 0 to 59")
    flows, process = quarterly(LINEAR, 4), PROCESSES[2]
    exact, total = expected_amounts(flows, {"kpi": process}, START).sum(), np.ones(4)
    scores = []
    for seed in range(60):
        mean, error = simulate(flows, CorrelatedKpis({"kpi": process}), START, seed, 16, 6).weighted(total)
        scores.append((mean - exact) / error)
    assert abs(np.mean(scores)) < 4 / np.sqrt(60)
    assert 0.7 < np.std(scores) < 1.6


def test_common_random_numbers_make_differences_sharp() -> None:
    """The rise of the mean by 0.001 under the same seed is known far better than either price."""
    process, flows = NormalProcess(0.30, 0.06), quarterly(LINEAR)
    up = replace(process, mean=0.301)
    here, there = (
        simulate(flows, CorrelatedKpis({"kpi": each}), START, SEED, plain=True) for each in (process, up)
    )
    exact = expected_amounts(flows, {"kpi": up}, START) - expected_amounts(flows, {"kpi": process}, START)
    difference = (there.replicates - here.replicates).mean(axis=0)
    assert difference == pytest.approx(exact, rel=0.02)
    assert np.abs(difference - exact).max() < 0.2 * here.standard_errors.max()


def test_correlation_moves_the_spread_of_a_sum_only() -> None:
    """Two KPIs: the expected sum is the same under every correlation."""
    two = quarterly(LINEAR, 1).kpi_flows + quarterly(LINEAR, 1, "other").kpi_flows
    flows, sums = Flows(100.0, (), two), []
    for rho in (-0.9, 0.0, 0.9):
        kpis = CorrelatedKpis(
            {"kpi": NormalProcess(0.33, 0.06), "other": LognormalProcess(0.3, 0.0, 0.2)},
            ((1.0, rho), (rho, 1.0)),
        )
        sums.append(simulate(flows, kpis, START, SEED).weighted(np.ones(2)))
    for mean, error in sums:
        assert abs(mean - sums[1][0]) < 5 * (error + sums[1][1])


def test_price_of_simulated_flows_has_an_error() -> None:
    flows, market = quarterly(LINEAR), Market.flat(START, 0.0343)
    found = simulate(flows, CorrelatedKpis({"kpi": PROCESSES[2]}), START, SEED)
    by_kpi = weights(flows, market, START)[1]
    value, error = found.weighted(by_kpi)
    exact = expected_amounts(flows, {"kpi": PROCESSES[2]}, START) @ by_kpi
    assert 0 < error < 0.01 * abs(exact)
    assert abs(value - exact) < 5 * error


# --- kernels


@pytest.mark.parametrize("paths", [1, 2047, 2048, 5000])
@pytest.mark.parametrize("curve", [LINEAR, STEP], ids=["linear", "step"])
@pytest.mark.parametrize("process", PROCESSES[:4], ids=lambda p: type(p).__name__)
def test_kernel_pays_what_numpy_pays(process: Process, curve: Curve, paths: int) -> None:
    times = np.arange(1, 9) / 4
    flow = KpiFlow(START, START, curve, 6, 1e-4)
    normals = np.random.default_rng(SEED).standard_normal((8, paths))
    by_hand = np.array([flow.amounts(row).mean() for row in process.paths(times, normals)])
    fast = mean_payoffs(process.recursion(times), flow, normals)  # type: ignore[attr-defined]
    assert fast == pytest.approx(by_hand, abs=1e-9)


def test_kernel_rounds_half_to_even() -> None:
    """KPI 0.5, 1.5, 2.5 at 0 decimals are 0, 2, 2 on chain."""
    flow = KpiFlow(START, START, Curve.of(Shape.STEP, [(0, 0), (1, 1), (2, 10), (3, 100)]), 0, 1.0)
    for value, paid in ((0.5, 0), (1.5, 10), (2.5, 10), (2.51, 100), (-0.5, 0)):
        recursion = replace(NormalProcess(value, 1.0).recursion(np.array([1.0])), noise=np.zeros(1))
        assert mean_payoffs(recursion, flow, np.zeros((1, 3)))[0] == paid


def test_drawn_paths_are_the_drawn_normals() -> None:
    process, flow = PROCESSES[2], KpiFlow(START, START, LINEAR, 6, 1e-4)
    recursion = process.recursion(np.arange(1, 9) / 4)  # type: ignore[attr-defined]
    drawn = mean_payoffs_drawn(recursion, flow, 5000, SEED)
    assert (drawn == mean_payoffs(recursion, flow, drawn_normals(8, 5000, SEED))).all()
    assert (drawn == mean_payoffs_drawn(recursion, flow, 5000, SEED)).all()
    assert (drawn != mean_payoffs_drawn(recursion, flow, 5000, SEED + 1)).any()


def test_ziggurat_closes() -> None:
    """256 layers of one area under exp(-x^2/2), the lowest with the tail: the top one ends at height 1."""
    top = np.exp(-0.5 * EDGES[255] ** 2) + AREA / EDGES[255]
    assert top == pytest.approx(1, abs=1e-12)
    tail = np.sqrt(2 * np.pi) * stats.norm.sf(TAIL)
    assert TAIL * np.exp(-0.5 * TAIL**2) + tail == pytest.approx(AREA, rel=1e-10)
    assert (np.diff(EDGES) < 0).all()


def test_drawn_normals_are_normal_and_independent() -> None:
    """Kolmogorov-Smirnov on 4 million, moments, the tail beyond the ziggurat's edge, and neighbours."""
    z = drawn_normals(40, 100_000, SEED)
    flat, count = z.ravel(), z.size
    assert stats.kstest(flat, "norm").pvalue > 1e-4
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((flat**power).mean() - moment) < 5 * np.sqrt(spread / count)
    beyond, chance = (np.abs(flat) > TAIL).mean(), 2 * stats.norm.sf(TAIL)
    assert abs(beyond - chance) < 5 * np.sqrt(chance / count)
    for a, b in ((z[:, :-1], z[:, 1:]), (z[:-1], z[1:]), (z[:, :-2048], z[:, 2048:])):
        assert abs((a * b).mean()) < 5 / np.sqrt(a.size)


def test_fast_simulation_agrees_with_the_closed_form() -> None:
    for process in PROCESSES[:4]:
        flows = quarterly(LINEAR)
        found = simulate_fast(flows, process, START, SEED, paths=1 << 15)
        exact = expected_amounts(flows, {"kpi": process}, START)
        assert (np.abs(found.amounts - exact) < 6 * found.standard_errors).all()


def test_errors_are_those_of_the_replicates() -> None:
    """16 scramblings of 1,024 points, or 8 of 131,072 paths, unless told; sd / sqrt(n) each, and of sums."""
    flows, kpis = quarterly(LINEAR, 3), CorrelatedKpis({"kpi": PROCESSES[2]})
    found, fast = simulate(flows, kpis, START, SEED), simulate_fast(flows, PROCESSES[2], START, SEED)
    assert (found.replicates.shape, found.points, found.construction) == ((16, 3), 1_024, "bridge")
    assert (fast.replicates.shape, fast.points, fast.construction) == ((8, 3), 131_072, "plain, compiled")
    assert simulate(flows, kpis, START, SEED, replicates=2, plain=True).construction == "plain"
    for each in (found, fast):
        assert each.amounts == pytest.approx(each.replicates.mean(axis=0))
        assert each.standard_errors == pytest.approx(stats.sem(each.replicates))
        worth = each.replicates @ np.array([0.9, 0.8, -0.7])
        wanted = worth.mean(), stats.sem(worth)
        assert each.weighted(np.array([0.9, 0.8, -0.7])) == pytest.approx(wanted)
    assert simulate(Flows(100.0, ()), kpis, START, SEED).replicates.shape == (16, 0)


def test_what_cannot_be_simulated_is_refused() -> None:
    flows, kpis = quarterly(LINEAR), CorrelatedKpis({"other": PROCESSES[0]})
    with pytest.raises(InputError, match="KPI kpi: no process"):
        simulate(flows, kpis, START, SEED)
    with pytest.raises(InputError, match="fix the payment"):
        simulate(flows, CorrelatedKpis({"kpi": PROCESSES[0]}), date(2020, 1, 1), SEED)
    with pytest.raises(InputError, match="at least 2"):
        simulate(flows, CorrelatedKpis({"kpi": PROCESSES[0]}), START, SEED, replicates=1)
    with pytest.raises(InputError, match="Gaussian recursions"):
        simulate_fast(flows, PROCESSES[5], START, SEED)
    with pytest.raises(InputError, match="Gaussian recursions"):
        simulate_fast(Flows(100.0, ()), PROCESSES[0], START, SEED)
    for other in (quarterly(STEP, 1), quarterly(LINEAR, 1, "other")):
        with pytest.raises(InputError, match="one KPI and one curve"):
            simulate_fast(Flows(100.0, (), flows.kpi_flows + other.kpi_flows), PROCESSES[0], START, SEED)
    far = KpiFlow(START, START, Curve.of(Shape.LINEAR, [(0, 0), (2**51, 1)]), 15, 1.0)
    with pytest.raises(ValueError, match="too large for the fast kernels"):
        mean_payoffs(NormalProcess(1.0, 1.0).recursion(np.array([1.0])), far, np.zeros((1, 1)))
    assert kpi_time(START, date(2017, 1, 1)) == 0.25
    assert expected_amount(flows.kpi_flows[0], law(PROCESSES[0], 0.25)) > 0

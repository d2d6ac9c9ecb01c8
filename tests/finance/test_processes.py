"""KPI processes: marginals against paths, textbook moments, correlation, and the Sobol constructions."""

from __future__ import annotations

import numpy as np
import pytest
import QuantLib as ql
from scipy import stats

from finance.pricing.draws import sobol_normals, turning
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
    correlation_root,
)
from finance.terms import InputError
from tests.seeds import usual

SEED = usual(20160929)
TIMES = np.arange(1, 13) / 4
SERIES = (0.1, 0.5, 0.2, 0.9, 0.4, 0.3, 0.35)
PROCESSES: list[Process] = [
    NormalProcess(0.3, 0.06, trend=0.02),
    AR1Process(0.1, 0.3, 0.8, 0.05, step=0.25),
    AR1Process(0.1, 0.3, 1.0, 0.05, step=0.25),
    MeanRevertingProcess(0.1, 0.3, 1.5, 0.1, Season(0.05, -0.02, 0.3)),
    LognormalProcess(100.0, 0.03, 0.2),
    BernoulliProcess(0.3),
    BootstrapProcess(SERIES),
    BootstrapProcess(SERIES, block=3.0),
]


@pytest.fixture(autouse=True)
def seed() -> None:
    """Shown when a test fails."""
    print("seed", SEED)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_paths_have_the_marginal_at_every_date(process: Process) -> None:
    """Mean within 4.5 standard errors, and each decile's share, at every date of 40,000 plain paths."""
    count = 40_000
    normals = np.random.default_rng(SEED).standard_normal((len(TIMES), count))
    paths = process.paths(TIMES, normals)
    assert paths.shape == normals.shape
    for time, row in zip(TIMES, paths, strict=True):
        law = process.marginal(float(time))
        assert abs(row.mean() - law.mean) < 4.5 * law.sd / np.sqrt(count)
        for x in law.quantile(np.array([0.1, 0.3, 0.5, 0.9])):
            at = int(np.ceil(x * 1e6))
            share, chance = np.mean(np.rint(row * 1e6) >= at), law.at_least(at, 6)
            assert abs(share - chance) < 4.5 * np.sqrt(0.25 / count)


def test_mean_reversion_has_the_textbook_covariance() -> None:
    """Cov(X_s, X_t) = volatility^2/(2 speed) (e^(-speed (t-s)) - e^(-speed (t+s))) (Ornstein-Uhlenbeck from a
    point).
    """
    process, count = MeanRevertingProcess(0.3, 0.3, 1.5, 0.1), 200_000
    paths = process.paths(TIMES, np.random.default_rng(SEED).standard_normal((len(TIMES), count)))
    s, t = TIMES[2], TIMES[7]
    wanted = 0.01 / 3 * (np.exp(-1.5 * (t - s)) - np.exp(-1.5 * (t + s)))
    assert np.cov(paths[2], paths[7])[0, 1] == pytest.approx(wanted, rel=0.03)


def test_ar1_is_what_quantlib_calls_ornstein_uhlenbeck() -> None:
    """Sampled each `step`, the mean-reverting process is an AR(1) with memory e^(-speed step); QuantLib
    agrees.
    """
    speed, volatility, step, start, mean = 1.5, 0.1, 0.25, 0.1, 0.3
    continuous = MeanRevertingProcess(start, mean, speed, volatility)
    reference = ql.OrnsteinUhlenbeckProcess(speed, volatility, start, mean)
    noise = volatility * np.sqrt((1 - np.exp(-2 * speed * step)) / (2 * speed))
    discrete = AR1Process(start, mean, float(np.exp(-speed * step)), float(noise), step)
    for time in TIMES:
        for law in (continuous.marginal(float(time)), discrete.marginal(float(time))):
            assert law.mean == pytest.approx(reference.expectation(0.0, start, float(time)), abs=1e-14)
            assert law.sd == pytest.approx(reference.stdDeviation(0.0, start, float(time)), abs=1e-14)


def test_lognormal_has_the_moments_of_scipys() -> None:
    law = LognormalProcess(100.0, 0.03, 0.2).marginal(2.0)
    reference = stats.lognorm(0.2 * np.sqrt(2), scale=100 * np.exp((0.03 - 0.02) * 2))
    assert law.mean == pytest.approx(100 * np.exp(0.06), rel=1e-14)
    assert law.mean == pytest.approx(reference.mean(), rel=1e-12)
    assert law.sd == pytest.approx(reference.std(), rel=1e-12)


def test_season_repeats_after_a_year() -> None:
    season = Season(0.05, -0.02, 0.3)
    process = MeanRevertingProcess(0.3, 0.3, 50.0, 0.01, season)
    assert season.at(0.2) == pytest.approx(season.at(1.2))
    # A moment from now the KPI is where it is now, whatever the season.
    assert process.marginal(1e-9).mean == pytest.approx(0.3, abs=1e-7)
    assert season.at(0.2) == pytest.approx(0.05 * np.sin(np.pi) - 0.02 * np.cos(np.pi))
    assert process.marginal(2.2).mean == pytest.approx(0.3 + season.at(0.2), abs=1e-9)


def test_blocks_keep_the_order_of_the_series() -> None:
    """With blocks of mean length 3, two thirds of the steps go on to the next value of the series."""
    normals = np.random.default_rng(SEED).standard_normal((12, 30_000))
    paths = BootstrapProcess(SERIES, block=3.0).paths(TIMES, normals)
    after = dict(zip(SERIES, (*SERIES[1:], SERIES[0]), strict=True))
    follows = np.vectorize(after.get)(paths[:-1]) == paths[1:]
    # 1 - 1/3, and a new run may happen to start at the next value.
    assert follows.mean() == pytest.approx(2 / 3 + 1 / 3 / len(SERIES), abs=0.01)


def test_correlated_kpis_have_the_correlation_and_keep_their_marginals() -> None:
    matrix = ((1.0, 0.6, -0.3), (0.6, 1.0, 0.2), (-0.3, 0.2, 1.0))
    kpis = CorrelatedKpis(
        {"a": NormalProcess(0.3, 0.06), "b": LognormalProcess(100.0, 0.0, 0.2), "c": BernoulliProcess(0.3)},
        matrix,
    )
    normals = np.random.default_rng(SEED).standard_normal((3, 1, 200_000))
    paths = kpis.paths(np.array([1.0]), normals)
    assert np.corrcoef(paths["a"][0], np.log(paths["b"][0]))[0, 1] == pytest.approx(0.6, abs=0.01)
    assert paths["c"][0].mean() == pytest.approx(0.3, abs=0.005)
    # point-biserial correlation of a normal with an indicator of another: rho phi(q)/sqrt(p(1-p))
    wanted = -0.3 * stats.norm.pdf(stats.norm.ppf(0.7)) / np.sqrt(0.21)
    assert np.corrcoef(paths["a"][0], paths["c"][0])[0, 1] == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], "not positive semidefinite"),
        ([[1, 0.5], [0.4, 1]], "symmetric"),
        ([[2, 0.5], [0.5, 1]], "ones on its diagonal"),
        ([[1, 0.5]], "square"),
    ],
)
def test_impossible_correlations_are_refused(matrix: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        correlation_root(matrix)


def test_one_kpi_twice_is_a_good_correlation() -> None:
    root = correlation_root([[1.0, 1.0], [1.0, 1.0]])
    assert root @ root.T == pytest.approx(np.ones((2, 2)))


@pytest.mark.parametrize("construction", ["forward", "bridge", "pca"])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_constructions_only_turn_the_normals(construction: str, count: int) -> None:
    turn = turning(tuple(np.arange(1.0, count + 1) / 4), construction)  # type: ignore[arg-type]
    assert turn @ turn.T == pytest.approx(np.eye(count), abs=1e-10)


@pytest.mark.parametrize("steps", [1, 2, 8, 16])
def test_bridge_is_quantlibs(steps: int) -> None:
    """QuantLib's BrownianBridge on 2^k equal steps fixes the same points in the same order."""
    z = np.random.default_rng(SEED).standard_normal(steps)
    turned = turning(tuple(np.arange(1.0, steps + 1)), "bridge") @ z
    assert turned == pytest.approx(np.array(ql.BrownianBridge(steps).transform(list(z))), abs=1e-10)


def test_first_dimension_of_pca_carries_most_of_a_brownian_motion() -> None:
    """The first component of a Brownian motion on n equal steps has variance 1/(4 sin^2(pi/(4n+2))) of the
    sum n(n+1)/2 (Akesson and Lehoczky 1998): 81.0 % for many steps, 8/pi^2.
    """
    times = np.arange(1.0, 65.0)
    turn = turning(tuple(times), "pca")
    path = np.cumsum(turn[:, 0])  # unit steps: the path that a first normal of 1 makes
    wanted = 1 / (4 * np.sin(np.pi / (4 * 64 + 2)) ** 2)
    assert (path**2).sum() == pytest.approx(wanted, rel=1e-9)


def test_sobol_normals_are_standard() -> None:
    z = sobol_normals(TIMES, 12, np.random.default_rng(SEED), "bridge", kpis=2)
    assert z.shape == (2, 12, 4096)
    assert z.mean(axis=2) == pytest.approx(0, abs=0.01)
    assert np.cov(z.reshape(24, -1)) == pytest.approx(np.eye(24), abs=0.12)


def test_bad_processes_and_times_are_refused() -> None:
    with pytest.raises(ValueError, match="sd = 0"):
        NormalProcess(0.3, 0)
    with pytest.raises(ValueError, match="whole steps"):
        AR1Process(0, 0, 0.5, 1.0, step=1.0).marginal(0.5)
    with pytest.raises(ValueError, match="memory"):
        AR1Process(0, 0, 1.5, 1.0)
    with pytest.raises(ValueError, match="ascend"):
        NormalProcess(0.3, 0.1).paths(np.array([1.0, 1.0]), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="block"):
        BootstrapProcess(SERIES, block=0.5)
    with pytest.raises(InputError, match="2 x 2, but there are 1"):
        CorrelatedKpis({"a": NormalProcess(0, 1)}, ((1.0, 0.0), (0.0, 1.0)))

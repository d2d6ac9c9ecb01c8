"""Own lines in place of scipy's, for a quick start: to its digits, over the whole range."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri
from scipy.stats import qmc

from finance.pricing.normal import normal_cdf, normal_quantile
from finance.pricing.roots import RELATIVE, root
from finance.pricing.sobol import direction_numbers, scrambled_sobol
from tests.seeds import SEED

EPS = float(np.finfo(np.float64).eps)


def test_the_normal_distribution_is_scipys() -> None:
    """In its last digits; far out on the left in relation to what little is left."""
    x = np.concatenate([np.linspace(-37.5, 8.5, 200_001), np.linspace(-1, 1, 20_001)])
    some = x[::97]
    for at, found in ((x, normal_cdf(x)), (some, np.array([normal_cdf(float(each)) for each in some]))):
        np.testing.assert_allclose(found, ndtr(at), rtol=0, atol=2 * EPS)
        # ndtr itself rounds x before it squares it; of the logarithm scipy takes more care.
        left = at < -1
        np.testing.assert_allclose(np.log(found[left]), log_ndtr(at[left]), rtol=8 * EPS)


def test_normal_quantiles_are_scipys() -> None:
    near_one = 1 - 10.0 ** -np.linspace(0.1, 15.6, 5_001)
    u = np.concatenate([np.linspace(0, 1, 100_001), 10.0 ** -np.linspace(0.1, 307, 20_001), near_one])
    np.testing.assert_allclose(normal_quantile(u), ndtri(u), rtol=8 * EPS, atol=8 * EPS)
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-15)


def test_the_ends_of_the_normal_distribution() -> None:
    ends = np.array([-np.inf, -50.0, 50.0, np.inf])
    assert normal_cdf(ends).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert normal_quantile(np.array([0.0, 0.5, 1.0])).tolist() == [-math.inf, 0.0, math.inf]
    assert np.isnan(normal_quantile(np.array([-0.1, 1.1, np.nan]))).all()
    assert np.isnan(normal_cdf(np.array([np.nan]))).all()
    assert normal_cdf(np.zeros((2, 3))).shape == normal_quantile(np.full((2, 3), 0.5)).shape == (2, 3)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 12, 120, 1_000])
@pytest.mark.parametrize("log2_points", [0, 1, 8])
def test_sobol_points_are_scipys_to_the_bit(dimensions: int, log2_points: int) -> None:
    number = SEED
    peer = qmc.Sobol(d=dimensions, scramble=True, rng=np.random.default_rng(number))
    found = scrambled_sobol(dimensions, log2_points, np.random.default_rng(number))
    np.testing.assert_array_equal(found, peer.random_base2(log2_points).T)


def test_sobol_points_there_are_not() -> None:
    stream = np.random.default_rng(1)
    for dimensions, log2_points in ((0, 3), (21_202, 3), (1, 31), (1, -1)):
        with pytest.raises(ValueError, match=r"Sobol dimensions|log2_points"):
            scrambled_sobol(dimensions, log2_points, stream)
    assert direction_numbers(3).shape == (3, 30)


def functions(draw: random.Random) -> list[Callable[[float], float]]:
    """Smooth, flat, steep and broken ones."""
    at, slope, power = draw.uniform(-3, 3), draw.uniform(0.1, 3), draw.choice((3, 5, 9))
    coefficients = [draw.uniform(-3, 3) for _ in range(6)]
    return [
        lambda x: float(np.polyval(coefficients, x)),
        lambda x: math.exp(slope * x) - math.exp(slope * at),
        lambda x: (x - at) ** power,
        lambda x: math.copysign(abs(x - at) ** 0.3, x - at),
        lambda x: 1.0 if x > at else -1.0,
    ]


def test_roots_are_roots_and_mostly_brentqs() -> None:
    """Within what is asked for, and in as many steps as Brent's method takes of scipy's, to a hundredth."""
    draw, alike, found, steps, theirs = random.Random(SEED), 0, 0, 0, 0
    for _ in range(400):
        low, high = sorted(draw.uniform(-4, 4) for _ in range(2))
        for gap in functions(draw):
            if not gap(low) * gap(high) < 0:
                continue
            asked: list[float] = []

            def counted(x: float, gap: Callable[[float], float] = gap, asked: list[float] = asked) -> float:
                asked.append(x)
                return gap(x)

            ours = root(counted, low, high, 1e-12)
            at, how = brentq(gap, low, high, xtol=1e-12, rtol=RELATIVE, maxiter=999, full_output=True)
            near = 2e-12 + 2 * RELATIVE * abs(ours)
            assert gap(ours) == 0 or gap(ours - near) * gap(ours + near) <= 0
            assert low <= min(asked) <= ours <= max(asked) <= high
            found, alike = found + 1, alike + (abs(ours - at) <= near)
            steps, theirs = steps + len(asked), theirs + how.function_calls
    assert found > 500
    assert alike > 0.9 * found  # a polynomial may have several
    assert steps <= 1.01 * theirs


def test_roots_at_an_end_and_none() -> None:
    assert root(lambda x: x, 0.0, 1.0, 1e-12) == root(lambda x: x, -1.0, 0.0, 1e-12) == 0.0
    for gap in (lambda x: x * x + 1, lambda x: math.nan):
        with pytest.raises(ValueError, match="no change of sign"):
            root(gap, -1.0, 1.0, 1e-12)

"""Losses of a pool under the one-factor Gaussian copula, by recursion or by simulation.

Name i defaults when sqrt(r_i) Z + sqrt(1 - r_i) e_i falls below the normal quantile of its chance p_i, with Z
common to all and e_i its own. Given Z names are independent (D. X. Li, Journal of Fixed Income 9, 2000,
doi:10.3905/jfi.2000.319253), each with the chance

    q_i(z) = N((N^-1(p_i) - sqrt(r_i) z) / sqrt(1 - r_i)),

so the law of the sum is built name by name (L. Andersen, J. Sidenius and S. Basu, All your hedges in one
basket, Risk, November 2003), then averaged over z by the trapezoidal rule, whose step is halved until nothing
moves: for a function as smooth as these, each halving squares the error (L. N. Trefethen and J. A. C.
Weideman, SIAM Review 56, 2014, doi:10.1137/130932132).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from finance.securitisation.loss import Lattice, LossDistribution, lattice
from finance.securitisation.pool import Floats, Pool
from finance.terms.problems import InputError

MOST_UNITS = 4_096
WIDEST = 9.0  # beyond this many standard deviations of the factor lies a chance of 2e-19
FIRST_STEP = 0.25
MOST_HALVINGS = 8
SETTLED = 1e-12  # a halving that moves no cumulated chance by more is the last
BLOCK = 2_000_000  # cells of a conditional law held at once


def loss_distribution(pool: Pool, years: float, most_units: int = MOST_UNITS) -> LossDistribution:
    """The law of what the `pool` loses within `years`.

    It is exact but for the integral over the factor while all losses on default are together at most
    `most_units` of their greatest common unit; else they are put into so many buckets (see `bucket_error`).
    """
    return sum_of_defaults(pool.losses, pool.probabilities(years), pool.correlations, most_units)


def sum_of_defaults(
    amounts: Sequence[Fraction], chances: Floats, correlations: Floats, most_units: int = MOST_UNITS
) -> LossDistribution:
    """The law of the sum of `amounts` (currency) of the names that default, with these `chances` each.

    `correlations` with the factor; `most_units` as in `loss_distribution`. Raises InputError when the chances
    over the factor do not settle, which only correlations next to 1 can cause.
    """
    if most_units < 1:
        raise InputError(f"most_units = {most_units}: must be 1 or more")
    grid = lattice(amounts, most_units)
    step = FIRST_STEP
    points = step * np.arange(-WIDEST / step, WIDEST / step + 1)
    law = _sum_over(points, step, grid, chances, correlations)
    for _ in range(MOST_HALVINGS):
        between = _sum_over(points + step / 2, step, grid, chances, correlations)
        finer, step = (law + between) / 2, step / 2
        points = step * np.arange(-WIDEST / step, WIDEST / step + 1)
        moved = float(np.abs(np.cumsum(finer - law)).max())
        law = finer
        if moved < SETTLED:
            return LossDistribution(grid.unit, law, Fraction(), grid.error(chances), moved)
    raise InputError(f"correlation = {correlations.max():g}: too near 1 for the law of the loss to settle")


def _sum_over(points: Floats, step: float, grid: Lattice, chances: Floats, correlations: Floats) -> Floats:
    """The trapezoidal sum of the conditional law over the factor at `points`, shape (grid.size,)."""
    weights = step * np.exp(-points * points / 2) / np.sqrt(2 * np.pi)
    given = conditional_chances(points, chances, correlations)
    total = np.zeros(grid.size)
    for rows in np.array_split(np.arange(len(points)), len(points) * grid.size // BLOCK + 1):
        total += weights[rows] @ _conditional_law(given[rows], grid)
    return total


def conditional_chances(factor: Floats, chances: Floats, correlations: Floats) -> Floats:
    """q_i(z): the `chances` of default once the `factor` is known, standard normals, shape (points, names).

    `correlations`: of each name, from 0 to below 1.
    """
    from scipy.special import ndtr, ndtri

    own = np.sqrt(1 - correlations)
    return np.asarray(ndtr((ndtri(chances) - np.multiply.outer(factor, np.sqrt(correlations))) / own))


def _conditional_law(chances: Floats, grid: Lattice) -> Floats:
    """Andersen, Sidenius and Basu's recursion at each point of the factor, shape (points, grid.size)."""
    law = np.zeros((len(chances), grid.size))
    law[:, 0] = 1.0
    reached = 1
    for chance, count, split in zip(chances.T, grid.counts, grid.splits, strict=True):
        moved = law[:, :reached] * chance[:, None]
        law[:, :reached] -= moved
        law[:, count : count + reached] += moved * (1 - split)
        if split:
            law[:, count + 1 : count + 1 + reached] += moved * split
        reached += count + (split > 0)
    return law


def simulated_losses(pool: Pool, years: float, paths: int, seed: int) -> Floats:
    """What the `pool` loses within `years` in each of `paths` draws, currency, shape (paths,).

    A peer of the recursion that shares only the chances with it; `seed` repeats it.
    """
    from scipy.special import ndtri

    if paths < 1:
        raise InputError(f"paths = {paths}: must be 1 or more")
    correlations, losses = pool.correlations, np.array([float(loss) for loss in pool.losses])
    barrier, stream = ndtri(pool.probabilities(years)), np.random.default_rng(seed)
    drawn = []
    for part in np.array_split(np.arange(paths), paths * len(losses) // BLOCK + 1):
        factor, own = stream.standard_normal(len(part)), stream.standard_normal((len(part), len(losses)))
        assets = np.outer(factor, np.sqrt(correlations)) + own * np.sqrt(1 - correlations)
        drawn.append((assets < barrier) @ losses)
    return np.concatenate(drawn)

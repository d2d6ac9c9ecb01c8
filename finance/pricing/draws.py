"""Standard normals for Monte Carlo: scrambled Sobol points, turned so that their best dimensions matter most.

Every construction is an orthogonal map of the Sobol normals of one path, so its result is again independent
standard normals, one per period in time order, for any process. What differs is which Sobol dimension moves
what:

- forward: dimension k is the news of period k;
- bridge: dimension 1 is where a Brownian motion ends, 2 the middle, then the quarters (B. Moskowitz and R. E.
  Caflisch, Mathematical and Computer Modelling 23, 1996, doi:10.1016/0895-7177(96)00038-6);
- pca: dimension k is the k-th principal component of a Brownian motion (P. Acworth, M. Broadie and P.
Glasserman,
  Monte Carlo and Quasi-Monte Carlo Methods 1996, 1998, doi:10.1007/978-1-4612-1690-2_1).

Low dimensions of a Sobol sequence are its most even ones (P. Glasserman, Monte Carlo Methods in Financial
Engineering, 2003, doi:10.1007/978-0-387-21617-1, section 5.5).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtri

Floats = NDArray[np.float64]
Construction = Literal["forward", "bridge", "pca"]


def _brownian(times: Floats) -> Floats:
    return np.minimum.outer(times, times)


def bisection_order(count: int) -> list[int]:
    """The order in which a Brownian bridge fixes `count` points: the last, the middle, the quarters, ...

    >>> bisection_order(8)
    [7, 3, 1, 5, 0, 2, 4, 6]
    """
    order, spans = [count - 1], [(-1, count - 1)]
    while spans:
        deeper = []
        for low, high in spans:
            if high - low > 1:
                middle = (low + high) // 2
                order.append(middle)
                deeper += [(low, middle), (middle, high)]
        spans = deeper
    return order


@lru_cache(maxsize=32)
def turning(times: tuple[float, ...], construction: Construction) -> Floats:
    """The orthogonal matrix from Sobol normals to the normals of the periods that end at `times`.

    If A builds a Brownian path at `times` from normals (A Aᵀ = covariance) and L is the forward way
    (Cholesky), it is L⁻¹ A. Raises ValueError for an unknown construction.
    """
    t = np.asarray(times)
    if construction == "forward":
        return np.eye(len(t))
    covariance = _brownian(t)
    forward = np.linalg.cholesky(covariance)
    if construction == "bridge":
        # Fixing points in bisection order is Cholesky's factorisation in that order.
        order = bisection_order(len(t))
        built = np.empty_like(covariance)
        built[order] = np.linalg.cholesky(covariance[np.ix_(order, order)])
    elif construction == "pca":
        values, vectors = np.linalg.eigh(covariance)
        built = (vectors * np.sqrt(values))[:, ::-1]
    else:
        raise ValueError(f"construction = {construction}: must be forward, bridge or pca")
    return np.asarray(solve_triangular(forward, built, lower=True))


def sobol_normals(
    times: Floats, log2_points: int, stream: np.random.Generator, construction: Construction, kpis: int = 1
) -> Floats:
    """Normals of shape (kpis, periods, 2^log2_points) from one scrambling of a Sobol sequence.

    The KPIs share the best dimensions: dimension k of KPI j is Sobol dimension k * kpis + j. S. Joe and F. Y.
    Kuo's direction numbers, SIAM Journal on Scientific Computing 30 (2008), doi:10.1137/070709359, and
    Matousek's scrambling, as in scipy.stats.qmc.
    """
    from scipy.stats import qmc  # scipy.stats loads slowly, and a bond without KPIs draws nothing

    count = len(times)
    u = qmc.Sobol(d=count * kpis, scramble=True, rng=stream).random_base2(log2_points)
    # A scrambled point may be exactly 0, whose normal quantile is minus infinity.
    z = ndtri(np.clip(u, np.finfo(np.float64).tiny, None)).T.reshape(count, kpis, -1)
    turn = turning(tuple(float(time) for time in times), construction)
    return np.stack([turn @ z[:, kpi, :] for kpi in range(kpis)])


def plain_normals(shape: tuple[int, ...], stream: np.random.Generator) -> Floats:
    """Pseudo-random normals of `shape`, for comparison and for the kernels' rival."""
    return stream.standard_normal(shape)

"""Several KPIs whose news is correlated: a Gaussian copula between processes, period by period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finance.pricing.process import Floats
from finance.pricing.processes.protocol import Process
from finance.terms.problems import InputError

# Rounding of a correlation matrix that is singular but good (two KPIs that are one) stays below this.
LEAST_EIGENVALUE = -1e-10


def correlation_root(correlation: Sequence[Sequence[float]] | Floats) -> Floats:
    """A matrix R with R Rᵀ = correlation: Cholesky's, or by eigenvectors where the matrix is singular.

    Raises InputError unless the matrix is square, symmetric, with ones on its diagonal and no negative
    eigenvalue (N. J. Higham, IMA Journal of Numerical Analysis 22, 2002, doi:10.1093/imanum/22.3.329, on what
    a correlation matrix is).

    >>> correlation_root([[1.0, 0.6], [0.6, 1.0]])
    array([[1. , 0. ],
           [0.6, 0.8]])
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise InputError("correlation: must be a square matrix of numbers")
    if not np.allclose(matrix, matrix.T, atol=1e-12) or not np.allclose(np.diag(matrix), 1.0, atol=1e-12):
        raise InputError("correlation: must be symmetric with ones on its diagonal")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < LEAST_EIGENVALUE:
        raise InputError(
            f"correlation: is not positive semidefinite (its least eigenvalue is {values[0]:.3g}): "
            "no KPIs can be correlated like this"
        )
    if values[0] > 1e-12:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


@dataclass(frozen=True)
class CorrelatedKpis:
    """KPIs by name, each of `processes`, and the correlation of the normals that drive them in one period.

    Each KPI keeps its own marginal; only the dependence is Gaussian. R. B. Nelsen, An Introduction to Copulas
    (2006), doi:10.1007/0-387-28678-0, section 2.3. Without a matrix they are independent.
    """

    processes: Mapping[str, Process]
    correlation: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not self.processes:
            raise InputError("KPIs: at least one process is needed")
        if self.correlation is not None:
            size = len(correlation_root(self.correlation))
            if size != len(self.processes):
                raise InputError(f"correlation: is {size} x {size}, but there are {len(self.processes)} KPIs")

    def paths(self, times: Floats, normals: Floats) -> dict[str, Floats]:
        """KPI values by name, each of shape (times, paths), from normals of shape (KPIs, times, paths)."""
        if len(normals) != len(self.processes):
            raise ValueError(f"{len(normals)} sets of normals for {len(self.processes)} KPIs")
        if self.correlation is not None:
            root = correlation_root(self.correlation)
            normals = np.einsum("ij,jtp->itp", root, normals)
        return {
            name: process.paths(times, normals[index])
            for index, (name, process) in enumerate(self.processes.items())
        }

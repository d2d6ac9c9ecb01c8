"""Monte Carlo numbers with their standard errors, from independent replicates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finance.terms.problems import InputError

Floats = NDArray[np.float64]
REPLICATES = 20  # groups of paths: 19 degrees of freedom put the error of the error near 16 %


@dataclass(frozen=True)
class Estimate:
    """A `value` found by simulation and its `standard_error`, in the same unit of whatever it is."""

    value: float
    standard_error: float

    def to_dict(self) -> dict[str, Any]:
        """Both by their names, for JSON."""
        return {"value": self.value, "standard_error": self.standard_error}


def replicated(statistic: Callable[..., float], *samples: Floats, replicates: int = REPLICATES) -> Estimate:
    """`statistic` of `samples`, whose first axis is paths, with a standard error for any statistic at all.

    The paths are independent, so groups of them are independent replicates: sd of the groups' statistics over
    the root of their number (P. Glasserman, Monte Carlo Methods in Financial Engineering, 2003,
    doi:10.1007/978-0-387-21617-1, section 1.1 and appendix A; for functions of a sample: sectioning, S.
    Asmussen and P. W. Glynn, Stochastic Simulation, 2007, doi:10.1007/978-0-387-69033-9, section III.5).
    The value is that of all paths together. Raises InputError for fewer than 10 paths a group.

    >>> replicated(np.mean, np.arange(1000.0)).value
    499.5
    """
    paths = len(samples[0])
    if replicates < 2 or paths < 10 * replicates:
        raise InputError(f"paths = {paths}: {replicates} replicates need at least {10 * max(replicates, 2)}")
    edges = np.linspace(0, paths, replicates + 1).astype(int)
    found = [float(statistic(*(sample[low:high] for sample in samples))) for low, high in pairwise(edges)]
    value = float(statistic(*samples))
    return Estimate(value, float(np.std(found, ddof=1) / np.sqrt(replicates)))


def of_a_given_year(yearly: Floats, cases: Sequence[float]) -> dict[str, Estimate]:
    """Mean and the amounts exceeded with each of `cases` (P99 is 0.99) of a given year's amount.

    `yearly` has the shape (paths, years); a given year is any of them, drawn evenly, so all paths and years
    are one sample. (The P99 of the sum of years, or the average of each year's own P99, are other numbers.)
    """
    found = {"mean": replicated(np.mean, yearly)}
    for case in cases:
        found[f"P{100 * case:g}"] = replicated(
            lambda y, case=case: float(exceeded(y.ravel(), case)), yearly, replicates=5
        )
    return found


def exceeded(values: Floats, probability: float) -> Floats:
    """The value that is exceeded with `probability` (P99 is 0.99), over the first axis.

    The energy industry's P99 is the statistician's 1 % quantile. Raises InputError for a probability outside
    (0, 1).

    >>> round(float(exceeded(np.arange(101.0), 0.99)), 12)
    1.0
    """
    if not 0 < probability < 1:
        raise InputError(f"probability = {probability:g}: must lie between 0 and 1")
    return np.asarray(np.quantile(values, 1 - probability, axis=0))

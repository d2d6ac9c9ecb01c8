"""Monte Carlo for any claim under any processes: scrambled Sobol, common random numbers, honest errors.

The same `seed` draws the same normals whatever the claim, process or market, so two runs that differ in one
input differ by that input's effect alone (common random numbers: P. Glasserman and D. D. Yao, Management
Science 38, 1992, doi:10.1287/mnsc.38.6.884).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from finance.pricing.draws import Construction, Floats, plain_normals, sobol_normals
from finance.pricing.flows import Flows
from finance.pricing.market import years
from finance.pricing.process import KpiProcess
from finance.pricing.processes import CorrelatedKpis, Process
from finance.terms.problems import InputError

# KPI time counts months as twelfths, so that quarters are whole steps of an AR(1) process.
KPI_DAY_COUNT = "30/360"
MOMENT = 1e-9  # years


@dataclass(frozen=True)
class Simulation:
    """Expected KPI payments in units of the currency, one per KPI flow, and how they were found.

    `replicates` has one row per independent scrambling; `standard_errors` are their sd/sqrt(rows) (A. B.
    Owen, Annals of Statistics 25, 1997, doi:10.1214/aos/1031594731).
    """

    replicates: Floats
    points: int
    seed: int
    construction: str

    @property
    def amounts(self) -> Floats:
        return np.asarray(self.replicates.mean(axis=0))

    @property
    def standard_errors(self) -> Floats:
        return np.asarray(self.replicates.std(axis=0, ddof=1) / np.sqrt(len(self.replicates)))

    def weighted(self, weights: Floats) -> tuple[float, float]:
        """Sum of the payments times `weights` (discount factors, say) and its standard error.

        Payments of one path depend on each other, so the error is that of the sum, not a sum of errors.
        """
        totals = self.replicates @ weights
        return float(totals.mean()), float(totals.std(ddof=1) / np.sqrt(len(totals)))


def kpi_time(reference: date, observed: date) -> float:
    """Years from `reference`, where the KPI's process starts (for a deal: where interest begins), to when it
    is observed. Raises InputError when that is not after it.
    """
    if observed <= reference:
        raise InputError(
            f"{observed}: the KPI is observed by {reference}: fix the payment (KpiFlow.fixed) first"
        )
    # 30/360 knows no day between a 30th and a 31st.
    return max(years(KPI_DAY_COUNT, reference, observed), MOMENT)


def law(process: Process | KpiProcess, time: float) -> KpiProcess:
    """The distribution of a KPI at `time`; a one-date distribution is its own at every time."""
    return process.marginal(time) if hasattr(process, "marginal") else process


def simulate(
    flows: Flows,
    kpis: CorrelatedKpis,
    reference: date,
    seed: int,
    replicates: int = 16,
    log2_points: int = 10,
    construction: Construction = "bridge",
    plain: bool = False,
) -> Simulation:
    """Expected payments of the KPI flows of `flows` by processes that start on `reference`.

    `replicates` scramblings of 2^log2_points points; `plain` takes pseudo-random normals instead. Every KPI
    that a flow names must be in `kpis`. Raises InputError otherwise, and for a KPI that is already observed.
    """
    for flow in flows.kpi_flows:
        if flow.kpi not in kpis.processes:
            raise InputError(f"KPI {flow.kpi or '(unnamed)'}: no process is given for it")
    if replicates < 2:
        raise InputError(f"replicates = {replicates}: a standard error needs at least 2")
    observed = [kpi_time(reference, flow.observed) for flow in flows.kpi_flows]
    times, rows = np.unique(np.array(observed), return_inverse=True)
    count = len(kpis.processes)
    means = np.zeros((replicates, len(flows.kpi_flows)))
    for index, stream in enumerate(np.random.default_rng(seed).spawn(replicates) if observed else []):
        if plain:
            normals = plain_normals((count, len(times), 2**log2_points), stream)
        else:
            normals = sobol_normals(times, log2_points, stream, construction, count)
        paths = kpis.paths(times, normals)
        for column, (flow, row) in enumerate(zip(flows.kpi_flows, rows, strict=True)):
            means[index, column] = flow.amounts(paths[flow.kpi][row]).mean()
    return Simulation(means, 2**log2_points, seed, "plain" if plain else construction)


def simulate_fast(
    flows: Flows, process: Process, reference: date, seed: int, paths: int = 1 << 17, replicates: int = 8
) -> Simulation:
    """Like `simulate` with pseudo-random normals drawn inside the compiled kernels: for very many paths.

    Needs one KPI whose process is a Gaussian recursion, and one curve for all its payments. Raises InputError
    otherwise.
    """
    from finance.pricing.kernels import mean_payoffs_drawn  # numba takes a second to load

    recursion_of = getattr(process, "recursion", None)
    if recursion_of is None or not flows.kpi_flows:
        raise InputError(f"the compiled kernels run Gaussian recursions, not {process.description}")
    first = flows.kpi_flows[0]
    about = (first.settled, first.decimals, first.kpi)
    if any((flow.settled, flow.decimals, flow.kpi) != about for flow in flows.kpi_flows):
        raise InputError("the compiled kernels need one KPI and one curve for all payments")
    times, rows = np.unique(
        np.array([kpi_time(reference, flow.observed) for flow in flows.kpi_flows]), return_inverse=True
    )
    recursion = recursion_of(times)
    scales = np.array([flow.scale for flow in flows.kpi_flows]) / first.scale
    seeds = np.random.SeedSequence(seed).generate_state(replicates, np.uint64)
    means = np.array([mean_payoffs_drawn(recursion, first, paths, int(each))[rows] for each in seeds])
    return Simulation(means * scales, paths, seed, "plain, compiled")

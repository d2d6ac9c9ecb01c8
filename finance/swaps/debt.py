"""Debt that a project can carry: CFADS, DSCR, sculpted debt at a lender's covenants, a rating proxy.

CFADS (cash flow available for debt service) is revenue less costs. Years are contract years, debt service is
paid at their ends, and money is in currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from finance.swaps.estimates import Estimate, exceeded, replicated
from finance.swaps.periods import Floats
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Covenant:
    """A lender's test: CFADS that is exceeded with `probability` covers debt service `dscr` times.

    `probability` 0.5 is P50, 0.99 the one-year P99.
    """

    probability: float
    dscr: float

    def __post_init__(self) -> None:
        if not 0 < self.probability < 1:
            raise InputError(f"probability = {self.probability:g}: must lie between 0 and 1")
        if not self.dscr > 0:
            raise InputError(f"dscr = {self.dscr:g}: must be above 0")

    @property
    def name(self) -> str:
        """As lenders write it: P99 at 1.00x."""
        return f"P{100 * self.probability:g} at {self.dscr:.2f}x"


# E. Bodmer, Wind P99, P90, P50 for 1-year and 10-year and Debt Sizing (edbodmer.com): 1.35 on P50, and either
# 1.2 on the ten-year P90 or 1.0 on the one-year P99. The years here are single ones, so P50 and P99 are used.
USUAL_COVENANTS: Final = (Covenant(0.50, 1.35), Covenant(0.99, 1.00))


@dataclass(frozen=True)
class DebtTerms:
    """Debt over `tenor` whole years at `rate` a year, sculpted so that all `covenants` hold in every year.

    `planned`: yearly debt service of a debt that is agreed already, if there is one: DSCR before and after
    are then taken on it. Without it they are taken on the debt that the project carries without a swap.
    """

    rate: float
    tenor: int
    covenants: tuple[Covenant, ...] = USUAL_COVENANTS
    planned: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not -1 < self.rate < 1:
            raise InputError(f"rate = {self.rate:g}: must be a fraction a year between -1 and 1")
        if self.tenor < 1:
            raise InputError(f"tenor = {self.tenor}: must be 1 year or more")
        if not self.covenants:
            raise InputError("covenants: at least one is needed")
        if self.planned is not None and (len(self.planned) != self.tenor or min(self.planned) < 0):
            raise InputError(f"planned: {self.tenor} amounts of 0 or more are needed, one a year")

    @property
    def factors(self) -> Floats:
        """Worth of a unit of debt service at the end of each year of the tenor."""
        return np.asarray((1 + self.rate) ** -np.arange(1.0, self.tenor + 1))


@dataclass(frozen=True)
class Sculpted:
    """A debt and its schedule, each array of shape (tenor,): service = interest + principal."""

    size: float
    service: Floats
    interest: Floats
    principal: Floats
    balance: Floats

    def table(self) -> pd.DataFrame:
        """One row a year; `balance` is after the year's payment."""
        import pandas as pd

        columns = {
            "service": self.service,
            "interest": self.interest,
            "principal": self.principal,
            "balance": self.balance,
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(1, len(self.service) + 1, name="year"))


def sculpted_debt(service: Floats, rate: float) -> Sculpted:
    """The debt that pays `service` at the end of each year: size = sum of service_t/(1 + rate)^t.

    With service = CFADS/DSCR this is debt sizing by DSCR as in NREL's System Advisor Model (Single Owner with
    debt_option 1; open source in NREL/ssc), against which it is tested. A year whose interest exceeds its
    service adds to the balance.
    """
    paid = np.asarray(service, dtype=np.float64)
    factors = (1 + rate) ** -np.arange(1.0, len(paid) + 1)
    size = float(paid @ factors)
    # What is owed after year t is the value then of the later service; no recursion, so no drift.
    tail = np.concatenate((np.cumsum((paid * factors)[::-1])[::-1], [0.0]))
    owed = tail / np.concatenate(([1.0], factors))
    interest = rate * owed[:-1]
    return Sculpted(size, paid, interest, paid - interest, owed[1:])


def debt_service(cfads: Floats, terms: DebtTerms) -> Floats:
    """The most that can be paid in each year of the tenor under all covenants, shape (tenor,).

    `cfads` has the shape (paths, years). Each year's service is the least of quantile/DSCR over the
    covenants, and 0 where that is negative. Raises InputError for fewer years than the tenor.
    """
    years = cfads.shape[1]
    if years < terms.tenor:
        raise InputError(f"tenor = {terms.tenor}: longer than the {years} years of cash flow")
    inside = cfads[:, : terms.tenor]
    allowed = [exceeded(inside, covenant.probability) / covenant.dscr for covenant in terms.covenants]
    return np.asarray(np.maximum(np.min(allowed, axis=0), 0.0))


def debt_capacity(cfads: Floats, terms: DebtTerms) -> Estimate:
    """Sculpted debt at the covenants with its standard error, from yearly CFADS of shape (paths, years)."""
    return replicated(lambda c: float(debt_service(c, terms) @ terms.factors), cfads, replicates=5)


def binding(cfads: Floats, terms: DebtTerms) -> tuple[str, ...]:
    """The name of the covenant that limits debt service in each year of the tenor."""
    inside = cfads[:, : terms.tenor]
    allowed = [exceeded(inside, covenant.probability) / covenant.dscr for covenant in terms.covenants]
    return tuple(terms.covenants[i].name for i in np.argmin(allowed, axis=0))


def coverage(cfads: Floats, service: Floats) -> Floats:
    """DSCR of each path and year with debt service: CFADS over service, shape (paths, years with service).

    A year without debt service has no DSCR and is left out.
    """
    due = np.flatnonzero(service > 0)
    return np.asarray(cfads[:, due] / service[due])


@dataclass(frozen=True)
class CoverageSummary:
    """DSCR of a project: case by case over the years, and over the paths.

    `average` and `minimum` are over the `years` with debt service, of the DSCR that is exceeded in each year
    with the probability; empty when there is no debt service at all. `given_year_below_one` is the chance
    that a given year (any of them, drawn evenly) falls short of its debt service, `any_year_below_one` that
    at least one of them does.
    """

    years: int
    average: dict[str, float]
    minimum: dict[str, float]
    given_year_below_one: Estimate
    any_year_below_one: Estimate

    @property
    def rating(self) -> str:
        """The rating proxy of this coverage (see RATING_BANDS), or none without debt."""
        return rating_proxy(self.average["P50"], self.minimum["P99"]) if self.years else "none"

    def to_dict(self) -> dict[str, Any]:
        return {
            "years": self.years,
            "average": self.average,
            "minimum": self.minimum,
            "given_year_below_one": self.given_year_below_one.to_dict(),
            "any_year_below_one": self.any_year_below_one.to_dict(),
        }


def summarise(cfads: Floats, service: Floats, cases: tuple[float, ...] = (0.5, 0.9, 0.99)) -> CoverageSummary:
    """DSCR over the years for each exceedance probability, and the chances of a shortfall.

    `cases` must hold 0.5 and 0.99, which the rating proxy needs.
    """
    ratios = coverage(cfads, service)
    if not ratios.shape[1]:
        return CoverageSummary(0, {}, {}, Estimate(0.0, 0.0), Estimate(0.0, 0.0))
    by_case = {f"P{100 * case:g}": exceeded(ratios, case) for case in cases}
    return CoverageSummary(
        ratios.shape[1],
        {name: float(years.mean()) for name, years in by_case.items()},
        {name: float(years.min()) for name, years in by_case.items()},
        replicated(lambda r: float((r < 1).mean()), ratios),
        replicated(lambda r: float((r.min(axis=1) < 1).mean()), ratios),
    )


@dataclass(frozen=True)
class Band:
    """A rating band and the least coverage for it: average DSCR in the P50 case, minimum in the P99 case."""

    rating: str
    p50_average: float
    p99_minimum: float


# ASSUMED, all but one edge. The BBB edge is the usual sizing of wind debt, 1.35 on P50 and 1.0 on the
# one-year P99 (Bodmer, above). The others are spread around it. Agencies also weigh counterparties,
# technology, liquidity and structure: Fitch had Continental Wind at BBB- with an average DSCR of 1.70
# (affirmation quoted by oreanda-news.com, article 1052089), which the proxy would call BBB.
RATING_BANDS: Final = (
    Band("A", 2.00, 1.40),
    Band("BBB", 1.35, 1.00),
    Band("BB", 1.20, 0.85),
    Band("B", 1.05, 0.70),
)
LOWEST_RATING: Final = "CCC"
RATING_NOTE: Final = (
    "Proxy from coverage alone; bands are assumed (only the BBB edge has a source). Not a rating, nor an "
    "agency's method."
)


def rating_proxy(p50_average: float, p99_minimum: float, bands: tuple[Band, ...] = RATING_BANDS) -> str:
    """The best band that both coverages reach. A proxy: see RATING_BANDS and RATING_NOTE.

    >>> rating_proxy(1.40, 1.05), rating_proxy(1.40, 0.90), rating_proxy(1.0, 0.2)
    ('BBB', 'BB', 'CCC')
    """
    # Debt sized exactly on a band's edge has its coverage but for the last digit of a division.
    p50, p99 = p50_average + 1e-9, p99_minimum + 1e-9
    for band in bands:
        if p50 >= band.p50_average and p99 >= band.p99_minimum:
            return band.rating
    return LOWEST_RATING

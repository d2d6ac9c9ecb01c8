"""A KPI payment in mid-life: what its coming settlements are worth, and what its KPI may still do.

Where the deal states the KPI's process everything is in closed form. A wind project's revenue is simulated
once (`project_outlook`), as it was seen at the start: reports fix their own periods and move no others.
Means by period are exact there too, so only spreads carry an error of simulation. A unit of a project's
revenue share gets what the project's treasury leaves: after the reports, and after what is in arrears.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from finance.pricing.live import continued
from finance.pricing.market import DiscountCurve, years
from finance.pricing.outlook import kpi_outlook
from finance.pricing.process import KpiProcess
from finance.pricing.processes import LognormalProcess, MeanRevertingProcess
from finance.settlement.payoff_curve import payoff
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.swaps.deal import deal_payoff, payment_days
from finance.swaps.holders import Owed
from finance.swaps.index import DAY_COUNT, IndexTerms, period_kpis
from finance.swaps.periods import Floats
from finance.swaps.project import project_swap, unit_holders
from finance.swaps.scenarios import Progress, expected_facts
from finance.swaps.study import at_known_mean
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.processes import SeasonalProcess
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

QUANTILES: Final = (0.05, 0.25, 0.50, 0.75, 0.95)
Reported = Mapping[int, int | None]
"""Settled reports by period (from 0): value times 10^decimals, None where missing."""


@dataclass(frozen=True)
class Paths:
    """Simulated scenarios, each of the shape (paths, periods), currency: proxy and actual revenue; payoffs;
    and the same moved to their known means (`controlled`)."""

    proxy: Floats
    actual: Floats
    payoffs: Floats
    controlled: Floats
    seed: int


@dataclass(frozen=True)
class SwapOutlook:
    """What is expected of a KPI payment's periods. `mean` and `quantiles` (rows of QUANTILES) are of the KPI,
    `payoff` the expected payoff without the fixed payment, currency. `laws` or `paths`: where they come from.
    """

    mean: Floats
    quantiles: Floats
    payoff: Floats
    laws: tuple[KpiProcess, ...] = ()
    paths: Paths | None = None


def index_outlook(deal: Deal, reported: Reported | None = None) -> SwapOutlook:
    """Of a KPI whose process the deal states, given the reports so far. Raises InputError for another."""
    laws = list(period_kpis(deal).marginals)
    kpi = deal.kpis[deal.only(KpiPayment).kpi]
    known = [period for period, value in (reported or {}).items() if value is not None]
    process = None if isinstance(kpi.process, SeasonalProcess) else kpi_outlook(kpi)
    if known and isinstance(process, MeanRevertingProcess | LognormalProcess):
        last, start = max(known), kpi.periods[0].start
        value = (reported or {})[last]
        assert value is not None
        end = kpi.periods[last].end
        moved = continued(process, value / 10**kpi.decimals, years(DAY_COUNT, start, end))
        for index in range(last + 1, len(laws)):
            laws[index] = moved.marginal(years(DAY_COUNT, end, kpi.periods[index].end))
    return _of_laws(deal, tuple(laws))


def _of_laws(deal: Deal, laws: tuple[KpiProcess, ...]) -> SwapOutlook:
    return SwapOutlook(
        mean=np.array([law.mean for law in laws]),
        quantiles=np.array([law.quantile(np.array(QUANTILES)) for law in laws]).T,
        payoff=IndexTerms.of(deal).expected(laws),
        laws=laws,
    )


def project_outlook(
    deal: Deal, paths: int = 10_000, seed: int = 1, progress: Progress | None = None
) -> SwapOutlook:
    """Of a wind project, by simulation: seconds of work. Raises InputError as `project_swap` does."""
    found = project_swap(deal, None, None, paths, seed, progress)
    scenarios, inputs = found.study.scenarios, found.study.inputs
    mean = expected_facts(inputs.outlook, inputs.periods).revenue
    return _of_paths(deal, scenarios.proxy, scenarios.actual, mean, seed)


def _of_paths(
    deal: Deal, proxy: Floats, actual: Floats, mean: Floats, seed: int, quantiles: Floats | None = None
) -> SwapOutlook:
    """`mean` is the known mean of `proxy` by period, `quantiles` those at QUANTILES where they are known
    too."""
    payoffs = deal_payoff(deal)(proxy)
    controlled = at_known_mean(payoffs, proxy, mean)
    held = Paths(proxy, actual, payoffs, controlled, seed)
    if quantiles is None:
        quantiles = np.quantile(proxy, QUANTILES, axis=0)
    return SwapOutlook(mean, quantiles, controlled.mean(axis=0), paths=held)


def changed_outlook(
    deal: Deal,
    outlook: SwapOutlook,
    mean_factor: float = 1.0,
    sd_factor: float = 1.0,
) -> SwapOutlook:
    """The outlook with every period's KPI of another mean and spread.

    On simulated paths actual revenue moves by as much as proxy revenue does: what lies between the two stays.
    Raises InputError for a KPI that has no mean and spread to change.
    """
    if outlook.paths is not None:
        held = outlook.paths
        mean = outlook.mean * mean_factor
        spread = mean_factor * sd_factor
        proxy = mean + (held.proxy - outlook.mean) * spread
        # A line that rises keeps the order of its values, so it moves their quantiles as it moves them.
        quantiles = mean + (outlook.quantiles - outlook.mean) * spread if spread >= 0 else None
        return _of_paths(deal, proxy, held.actual + proxy - held.proxy, mean, held.seed, quantiles)
    if mean_factor == sd_factor == 1.0:
        return outlook
    return _of_laws(
        deal, tuple(moved_law(law, law.mean * mean_factor, law.sd * sd_factor) for law in outlook.laws)
    )


def moved_law(law: KpiProcess, mean: float, sd: float) -> KpiProcess:
    """The same kind of distribution with another mean and sd. Raises InputError where it has none."""
    if not hasattr(law, "moved"):
        raise InputError(f"a KPI that is {law.description} has no mean and sd that can be moved")
    found: KpiProcess = law.moved(mean, sd)
    return found


@dataclass(frozen=True)
class PreparedSwap:
    """A KPI payment's terms, made ready to be valued often: settlement, days of payment, discount rate."""

    deal: Deal
    terms: SwapTerms
    days: tuple[date, ...]
    fixed: Floats
    rate: float

    @classmethod
    def of(cls, deal: Deal) -> PreparedSwap:
        """Raises InputError for a deal without a KPI payment or without a discount rate."""
        terms = swap_terms(deal)
        scale = 10.0**-terms.currency_decimals
        fixed = np.array([period.fixed_amount * scale for period in terms.payment.periods])
        return cls(deal, terms, payment_days(deal), fixed, deal.number("discount_rate"))

    @property
    def start(self) -> date:
        """The first day of the first period."""
        return self.deal.kpis[self.deal.only(KpiPayment).kpi].periods[0].start

    def settled(self, period: int, value: int | None) -> float:
        """The payoff of a period whose report is known (None: missing), currency."""
        payment = self.terms.payment
        amount = payment.missing_payoff if value is None else payoff(payment.curve, value)
        return float(amount * 10.0**-self.terms.currency_decimals)

    def spread(self, outlook: SwapOutlook, period: int) -> tuple[float, float]:
        """5 % and 95 % quantiles of a period's payoff, currency."""
        if outlook.paths is not None:
            low, high = np.quantile(outlook.paths.payoffs[:, period], (QUANTILES[0], QUANTILES[-1]))
            return float(low), float(high)
        # A payoff line or its tiers may fall as the KPI rises, or turn; equally likely slices do for any.
        law = outlook.laws[period]
        payoffs = IndexTerms.of(self.deal).payoff(law.quantile((np.arange(999) + 0.5) / 999))
        low, high = np.quantile(payoffs, (QUANTILES[0], QUANTILES[-1]))
        return float(low), float(high)

    def factors(self, day: date, rate: float | None = None) -> Floats:
        """What a unit of each payment is worth on `day`; 0 once it is paid."""
        curve = DiscountCurve.flat(self.start, self.rate if rate is None else rate, 1, DAY_COUNT)
        # From before the start, as the deal's own valuation does it: seen from the start.
        origin = max(day, self.start)
        times = np.array([curve.time(each) - curve.time(origin) for each in self.days])
        late = np.array([each <= day for each in self.days])
        return np.where(late, 0.0, np.exp(curve.logs[0] / curve.times[0] * times))

    def now(
        self,
        outlook: SwapOutlook,
        reported: Reported,
        day: date,
        rate: float | None = None,
        fixed: Floats | None = None,
        owed: Owed | None = None,
    ) -> LiveSwap:
        """What the payments after `day` are worth on that day. `owed`: what the project is known to owe then;
        without it, what it would owe by the reports and on each simulated path.
        """
        amounts = self.fixed if fixed is None else fixed
        factors = self.factors(day, rate)
        expected, spread = outlook.payoff.copy(), None
        if outlook.paths is not None:
            spread, sharp = outlook.paths.payoffs.copy(), outlook.paths.controlled.copy()
        for period, value in reported.items():
            if not 0 <= period < len(expected):
                raise InputError(f"report of period {period}: the swap has {len(expected)}")
            expected[period] = self.settled(period, value)
            if spread is not None:
                spread[:, period] = sharp[:, period] = expected[period]
        worth = float((amounts + expected) @ factors)
        if spread is None or outlook.paths is None:
            return LiveSwap(day, worth, 0.0, None, None, None, amounts + expected, factors)
        totals = spread @ factors + float(amounts @ factors)
        low, high = (float(each) for each in np.quantile(totals, (0.05, 0.95)))
        error = float((sharp @ factors).std(ddof=1) / np.sqrt(len(sharp)))
        unit = self._unit(outlook.paths, amounts + spread, reported, day, factors, owed)
        return LiveSwap(day, worth, error, low, high, unit, amounts + expected, factors)

    def _unit(
        self,
        held: Paths,
        settlements: Floats,
        reported: Reported,
        day: date,
        factors: Floats,
        owed: Owed | None,
    ) -> float | None:
        """What a unit of the revenue share is worth: the treasury on every path, given what is known.

        Revenue of a reported period moves with the report: what lies between actual and proxy stays.
        """
        share, kpi = self.deal.only_or_none(Treasury), self.deal.kpis[self.deal.only(KpiPayment).kpi]
        if share is None:
            return None
        actual = held.actual.copy()
        for period, value in reported.items():
            if value is not None:
                actual[:, period] += value / 10**kpi.decimals - held.proxy[:, period]
        first, worth = 0, factors
        if owed is not None:
            first = sum(paid <= day for paid in self.days) if owed.paid is None else owed.paid
            if first >= len(self.days):
                return 0.0
            wait = (self.days[first] - max(day, self.start)).days
            owed = replace(owed, days=float(max(wait, 0)))
            # A payment that is late comes now.
            worth = np.where([paid <= day for paid in self.days], 1.0, factors)[first:]
        found = unit_holders(self.deal, share, actual[:, first:], settlements[:, first:], worth, owed)
        return float(found.mean @ worth)


@dataclass(frozen=True)
class LiveSwap:
    """A KPI payment on a day. `value`: of its coming payments to the payee, currency, with the error of
    simulation; `low`, `high`: 5 % and 95 % quantiles of what they may turn out to be worth; `unit`: what a
    unit of the revenue share is worth. `settlements`: expected, or as reported, of every period; `factors`:
    what money then is worth now, 0 for the past.
    """

    day: date
    value: float
    standard_error: float
    low: float | None
    high: float | None
    unit: float | None
    settlements: Floats
    factors: Floats

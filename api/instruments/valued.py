"""A deal ready to be valued, now or at its start, as it is or otherwise: what each kind's module works out,
and what they work out alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from api.i18n import Translator
from api.instruments.controls import Control
from api.jobs import Jobs
from api.models.deployment import Quantiles
from api.models.valuation import (
    CashflowRow,
    ChartPoint,
    LivePrice,
    PeriodValue,
    ReportEffect,
    ValuationRequest,
    ValuationView,
)
from finance.pricing.live import Realised
from finance.pricing.process import KpiProcess
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.settlement.widths import INT128_MAX, INT128_MIN
from finance.swaps.live import QUANTILES
from finance.terms import Deal, InputError

if TYPE_CHECKING:
    from finance.swaps.holders import Owed

CHART_POINTS = 81
TAIL = 1e-3  # of the KPI's distribution that a chart leaves out at each end
Report = tuple[str, int]
"""KPI and period, from 0."""


class Valued(ABC):
    """A deal of one kind. `known` are settled reports, by KPI and period (from 0): the integer on chain, None
    for a missing one. `owed`: what its project is known to owe on the day.

    `options`: of a ValuationRequest, those that mean something for the kind, beside what all take; `noun`:
    what it is in a refusal; `at_once`: a value takes a millisecond; `figures`: the template of the what-if
    page's figures.
    """

    options: ClassVar[frozenset[str]]
    noun: ClassVar[str]
    at_once: ClassVar[bool] = False
    figures: ClassVar[str]

    def __init__(self, deal: Deal) -> None:
        self.deal = deal

    @property
    @abstractmethod
    def kpis(self) -> Iterable[str]:
        """Those that decide money."""

    @abstractmethod
    def price(
        self, known: Realised, today: date, jobs: Jobs | None = None, owed: Owed | None = None
    ) -> LivePrice:
        """What it is worth on a day. With `jobs` a simulation that is needed and not there is begun."""

    @abstractmethod
    def value(
        self,
        request: ValuationRequest,
        known: Realised,
        jobs: Jobs | None = None,
        owed: Owed | None = None,
    ) -> ValuationView:
        """The valuation in closed form. Raises InputError and ProblemError."""

    @abstractmethod
    def simulated(self, request: ValuationRequest, progress: Callable[..., None]) -> ValuationView:
        """The valuation with simulation, as `penstock price` gives it. Raises InputError."""

    @abstractmethod
    def expected(self, known: Realised) -> Mapping[Report, Quantiles] | None:
        """What is expected now of each report that decides money and is not there; None while a simulation
        that it needs is under way."""

    @abstractmethod
    def cashflows(self, discount_yield: float | None) -> list[CashflowRow]:
        """The payments as expected at the start, discounted at a yield (default: the deal's own)."""

    @abstractmethod
    def controls(self, say: Translator) -> list[Control]:
        """The sliders of its what-if page, where the deal itself has them."""

    @abstractmethod
    def question(self, say: Translator) -> str:
        """What the what-if page asks."""

    def effect(self, report: Report) -> Literal["amount", "rate"]:
        """What a report decides."""
        return "amount"

    @abstractmethod
    def warm(self, jobs: Jobs) -> None:
        """Do what would else keep the first who ask waiting."""

    # -- what they have in common

    def minor(self, amount: float | Decimal) -> str:
        """Currency to whole minor units of the token, as text."""
        return str(round(Decimal(amount).scaleb(self.deal.currency.token_decimals)))

    @property
    def assumed(self) -> list[str]:
        """Inputs of the KPIs' processes that no source gives."""
        starts = tuple(f"kpis.{name}.process." for name in sorted(self.kpis))
        return [
            f"{path}: {text}"
            for path, _, kind, text in self.deal.numbers()
            if kind == "assumed" and path.startswith(starts)
        ]

    def blank(self, request: ValuationRequest, rate: float, how: str) -> ValuationView:
        """A valuation without its figures; `how` they are found."""
        return ValuationView(
            deal=self.deal.id,
            terms_hash=self.deal.terms_hash,
            kind=self.deal.kind,
            method=request.method,
            currency=self.deal.currency.code,
            decimals=self.deal.currency.token_decimals,
            as_of=request.as_of,
            rate=rate,
            basis=f"{how}, discounted at {100 * rate:g} %",
            assumed=self.assumed,
        )

    def last_report(
        self,
        known: Realised,
        today: date,
        paid: Mapping[Report, date],
        worth: Callable[[Realised, date], Any],
    ) -> ReportEffect | None:
        """How the report that was measured last moved the value: what the deal is `worth` by reports on a
        day, with it and without, not after the day before it is `paid`. None for none that decides money."""
        deciding = [key for key in known if key in paid]
        if not deciding:
            return None
        last = max(deciding, key=lambda key: (self.deal.kpis[key[0]].periods[key[1]].end, key))
        day, value = min(today, paid[last] - timedelta(days=1)), known[last]
        before = worth({key: each for key, each in known.items() if key != last}, day)
        after = worth(known, day)
        if before is None or after is None:
            return None
        found = ReportEffect(kpi=last[0], period=last[1], value=self.plain(last[0], value), day=day)
        if isinstance(before, str):
            found.value_before, found.value_after = before, after
            found.value_moved = str(int(after) - int(before))
        else:
            found.before, found.after, found.moved = before, after, after - before
        return found

    def plain(self, kpi: str, raw: int | None) -> float | None:
        """A report's value in the KPI's unit."""
        return None if raw is None else raw / 10 ** self.deal.kpis[kpi].decimals

    def period(
        self, report: Report, known: Realised, amount: float, expected: Quantiles | None
    ) -> PeriodValue:
        """A report and the `amount` that it decides, currency."""
        raw = known.get(report)
        return PeriodValue(
            kpi=report[0],
            period=report[1],
            measured=self.deal.kpis[report[0]].periods[report[1]].end,
            value=self.plain(report[0], raw),
            missing=report in known and raw is None,
            expected=expected,
            amount=self.minor(amount),
        )

    def known_kpis(self, known: Realised) -> None:
        """Raise InputError for a report of a KPI that the deal has not."""
        for kpi, _ in known:
            if kpi not in self.deal.kpis:
                raise InputError(f"report of {kpi}: the deal {self.deal.id} has no such KPI")


def quantiles_of(law: KpiProcess) -> Quantiles:
    """Mean and quantiles of a distribution, in the KPI's unit."""
    return quantiles_row(law.mean, law.quantile(np.array(QUANTILES)), law.description)


def quantiles_row(mean: float, values: Iterable[float], basis: str) -> Quantiles:
    """A mean and the values at QUANTILES."""
    p05, p25, p50, p75, p95 = map(float, values)
    return Quantiles(mean=float(mean), p05=p05, p25=p25, p50=p50, p75=p75, p95=p95, basis=basis)


def chart(law: KpiProcess, curve: Curve, decimals: int, fixed: int = 0) -> list[ChartPoint]:
    """Density and payoff, with a point on either side of every step; `fixed` is added to the payoff."""
    low, high = (float(each) for each in law.quantile(np.array([TAIL, 1 - TAIL])))
    kpis = set(np.linspace(low, high, CHART_POINTS).tolist() if high > low else [low])
    if curve.shape is Shape.STEP:
        edges = [x / 10**decimals for knot in curve.knots[1:] for x in (knot.x - 1, knot.x)]
        kpis |= {edge for edge in edges if low < edge < high}
    at = sorted(kpis)
    density = getattr(law, "density", None)
    densities = [None] * len(at) if density is None else density(np.array(at))
    return chart_points(at, densities, curve, decimals, fixed)


def chart_points(
    kpis: Iterable[float], densities: Iterable[float | None], curve: Curve, decimals: int, fixed: int
) -> list[ChartPoint]:
    """Values of a KPI with their densities, and what each decides."""

    def paid(kpi: float) -> int:
        return fixed + payoff(curve, min(max(round(kpi * 10**decimals), INT128_MIN), INT128_MAX))

    return [
        ChartPoint(kpi=kpi, density=None if d is None else float(d), payoff=str(paid(kpi)))
        for kpi, d in zip(map(float, kpis), densities, strict=True)
    ]

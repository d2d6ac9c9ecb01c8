"""A KPI payment on any KPI whose process the deal itself states: rain, leakage, ratepayers, traffic.

Each period's expected payoff has a closed form (finance.pricing.closed); a Monte Carlo of the same periods
gives what sums over periods need: distributions, loadings, revenue by year. Both take the KPI as it stands on
chain, rounded to its decimals, and the curve that settles, flat beyond its ends; outside its bounds the
rule for a missing report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from finance.pricing.closed import amount_sd, expected_amount, outside_chance
from finance.pricing.flows import KpiFlow
from finance.pricing.market import DiscountCurve, years
from finance.pricing.outlook import kpi_outlook, over_time
from finance.pricing.process import KpiProcess, NormalKpi
from finance.settlement.payoff_curve import Shape
from finance.swaps.deal import fixed_amounts, payment_days, payment_flows
from finance.swaps.distribution import (
    Columns,
    collateral_columns,
    period_frame,
    period_rows,
    settlement_columns,
)
from finance.swaps.estimates import Estimate, of_a_given_year, replicated
from finance.swaps.hedge import variance_reduction
from finance.swaps.periods import Floats, swap_periods
from finance.swaps.pricing import (
    Basis,
    FixedPayment,
    Leg,
    SwapValue,
    loaded_fixed,
    model_value,
    sharpe_fixed,
    usual_terms,
    wang_fixed,
)
from finance.swaps.project import (
    RISK_PRICE,
    assumed_inputs,
    rounded,
    seasonal_profile,
    solve_pricing,
)
from finance.swaps.study import CASES, IMPLIED, implied
from finance.terms.deal import Deal
from finance.terms.payment_form import PaymentForm, payment_form
from finance.terms.problems import InputError
from finance.terms.processes import SeasonalProcess, TwinProcess
from finance.terms.swap import KpiPayment

if TYPE_CHECKING:
    import pandas as pd

DAY_COUNT: Final = "ACT/365F"
PATHS: Final = 50_000  # default: a period costs one normal, not two thousand hours


@dataclass(frozen=True)
class PeriodKpis:
    """What the KPI may be: the distribution of each period, and paths over all of them.

    `draw` takes independent standard normals of the shape (periods, paths) and returns KPI values of that
    shape.
    """

    marginals: tuple[KpiProcess, ...]
    draw: Callable[[Floats], Floats]

    @classmethod
    def independent(cls, marginals: tuple[NormalKpi, ...]) -> PeriodKpis:
        """Normal periods that say nothing about each other."""
        means, sds = (np.array([getattr(m, name) for m in marginals])[:, None] for name in ("mean", "sd"))
        return cls(marginals, lambda normals: np.asarray(means + sds * normals))


def period_kpis(deal: Deal) -> PeriodKpis:
    """What the deal file expects of the KPI of its payment. Times of a process run from the first period's
    start to each period's end. Raises InputError for a KPI that needs a twin's simulation.
    """
    kpi = deal.kpis[deal.only(KpiPayment).kpi]
    stated = kpi.process
    if isinstance(stated, TwinProcess):
        raise InputError(
            f"{deal.file or deal.id}: kpis.{deal.only(KpiPayment).kpi}.process.kind = twin: only the twin "
            f"`wind` can be simulated, and asset.twin = {deal.asset.twin or '(missing)'}"
        )
    count = len(kpi.periods)
    if isinstance(stated, SeasonalProcess):
        means, sds = (
            np.resize([float(x) for x in listed.value], count) for listed in (stated.means, stated.sds)
        )
        return PeriodKpis.independent(
            tuple(NormalKpi(float(mean), float(sd)) for mean, sd in zip(means, sds, strict=True))
        )
    process = over_time(kpi_outlook(kpi))
    times = np.array([years(DAY_COUNT, kpi.periods[0].start, period.end) for period in kpi.periods])
    marginals = tuple(process.marginal(float(time)) for time in times)
    return PeriodKpis(marginals, lambda normals: process.paths(times, normals))


@dataclass(frozen=True)
class IndexTerms:
    """The KPI payment as numbers: what each period's report makes due, and the fixed payments, currency."""

    flows: tuple[KpiFlow, ...]
    fixed: Floats

    @classmethod
    def of(cls, deal: Deal) -> IndexTerms:
        return cls(payment_flows(deal), fixed_amounts(deal))

    @property
    def break_even(self) -> float | None:
        """The one KPI value at which the payoff is nothing; None where there is none, or more."""
        flow = self.flows[0]
        if flow.curve.shape is not Shape.LINEAR:
            return None
        at = [float(knot.x) for knot in flow.curve.knots if knot.y == 0]
        for left, right in pairwise(flow.curve.knots):
            if left.y * right.y < 0:
                at.append(left.x - left.y * (right.x - left.x) / (right.y - left.y))
        return at[0] * 10.0**-flow.decimals if len(at) == 1 else None

    def payoff(self, values: Floats) -> Floats:
        """Payoff without the fixed payment for KPI values of any shape, currency."""
        return self.flows[0].amounts(values)

    def expected(self, marginals: tuple[KpiProcess, ...]) -> Floats:
        """Expected payoff of each period without the fixed payment, currency: closed form."""
        return np.array(list(map(expected_amount, self.flows, marginals)))

    def sd(self, marginals: tuple[KpiProcess, ...]) -> Floats:
        """Standard deviation of each period's payoff, currency."""
        return np.array(list(map(amount_sd, self.flows, marginals)))


@dataclass(frozen=True)
class Charge:
    """A charge and what its KPI changes of it, currency; below 0 where something is taken off.

    `full`: present value of the charge as it stands. `changed`: present value of all expected changes.
    `average`: expected change of a period. `most`: the largest change that a report can make. `chance` and
    `chance_of_most`: that a period's charge is changed, and by the most, over the paths.
    """

    full: float
    changed: float
    average: float
    most: float
    chance: float
    chance_of_most: float

    @property
    def share(self) -> float:
        """Expected changes over the whole charge, in present value."""
        return self.changed / self.full

    def to_dict(self) -> dict[str, float]:
        return {**asdict(self), "share": self.share}


@dataclass(frozen=True)
class Revenue:
    """What the payee loses to the KPI in a year of periods, before and after the swap, currency.

    `before` and `after` have the shape (paths, years): less is lost when they are higher. `per_unit` is the
    asset's parameter: what a unit of the KPI costs the payee. It is all that is known of the payee's
    revenue, so the two depend on each other exactly; what a real hedge leaves besides is not in it.
    """

    parameter: str
    per_unit: float
    before: Floats
    after: Floats

    @cached_property
    def variance_reduction(self) -> Estimate:
        return replicated(variance_reduction, self.before, self.after)

    def cases(self) -> dict[str, dict[str, float]]:
        """Mean, P50, P90 and P99 of a given year (see `of_a_given_year`): before and after, with errors."""
        before, after = (of_a_given_year(side, CASES) for side in (self.before, self.after))
        return {
            case: {
                "before": before[case].value,
                "before_error": before[case].standard_error,
                "after": after[case].value,
                "after_error": after[case].standard_error,
            }
            for case in before
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "parameter": self.parameter,
            "per_unit": self.per_unit,
            "of_a_given_year": self.cases(),
            "variance_reduction": self.variance_reduction.to_dict(),
        }


@dataclass(frozen=True)
class IndexSwap:
    """A KPI payment valued by closed form and by Monte Carlo. Settlements are seen by the payee.

    `expected` and `sd` are of each period's payoff, exact; `leg` is what the payee gives up (less the payoff)
    on each path; `own` the deal's fixed payments, `fixed` those that are valued. `values` are the KPIs,
    shape (paths, periods). `revenue` is None when the asset does not say what a unit of the KPI costs.
    """

    deal: Deal
    terms: IndexTerms
    kpis: PeriodKpis
    discount: Floats
    values: Floats
    leg: Leg
    fixed: Floats
    payment: FixedPayment | None
    seed: int

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(
            period.start.isoformat() for period in self.deal.kpis[self.deal.only(KpiPayment).kpi].periods
        )

    @property
    def own(self) -> Floats:
        return self.terms.fixed

    @property
    def seasons(self) -> int:
        """How many fixed payments the deal lists before they start over."""
        return len(self.deal.only(KpiPayment).fixed.value)

    @property
    def solved(self) -> list[Any]:
        """The valued fixed payments of the seasons, rounded to minor units, half to even."""
        return [rounded(self.deal, float(amount)) for amount in self.fixed[: self.seasons]]

    @property
    def settlements(self) -> Floats:
        return np.asarray(self.fixed - self.leg.proxy)

    @cached_property
    def expected(self) -> Floats:
        return self.terms.expected(self.kpis.marginals)

    @cached_property
    def sd(self) -> Floats:
        return self.terms.sd(self.kpis.marginals)

    @cached_property
    def fair(self) -> Floats:
        """The fixed payment of each period at which it is worth nothing: less its expected payoff, exact."""
        return -self.expected

    @cached_property
    def exact_value(self) -> Estimate:
        """Value to the payee in closed form, so with no error."""
        return Estimate(float((self.fixed + self.expected) @ self.discount), 0.0)

    @cached_property
    def value(self) -> SwapValue:
        """The same by Monte Carlo."""
        return model_value(replace(self.leg, proxy=np.asarray(-self.settlements)), 0.0)

    @cached_property
    def form(self) -> PaymentForm:
        return payment_form(self.deal)

    @cached_property
    def charge(self) -> Charge | None:
        """What the KPI takes off a charge; None for a payment of another form."""
        if not self.form.is_charge:
            return None
        flow, changes = self.terms.flows[0], np.asarray(-self.leg.proxy)
        most = max((flow.least, flow.most), key=abs)
        return Charge(
            full=float(self.fixed @ self.discount),
            changed=float(self.expected @ self.discount),
            average=float(self.expected.mean()),
            most=most,
            chance=float((changes != 0).mean()),
            chance_of_most=float((changes == most).mean()),
        )

    @cached_property
    def premium(self) -> float | None:
        """What the payee pays for the swap on average, over the present value of all fair payments' sizes;
        None where no fixed part is the price of the rest."""
        if not self.form.is_swap:
            return None
        return -self.exact_value.value / float(np.abs(self.fair) @ self.discount)

    @cached_property
    def implied(self) -> dict[str, float | None]:
        """What the fixed payments pay the provider for its risk, on three scales; None where nothing does."""
        if not self.form.is_swap:
            return dict.fromkeys(IMPLIED)
        centred = _centred(self.leg, self.expected)
        net = replace(centred, proxy=np.asarray(centred.proxy - self.fixed))
        return implied(net)

    @cached_property
    def other_terms(self) -> tuple[FixedPayment, ...]:
        """The average fixed payment on usual terms, at the asset's own price of risk if it has one; none
        where no fixed part is the price of the rest."""
        if not self.form.is_swap:
            return ()
        leg = _centred(self.leg, self.expected)
        fair = Estimate(float(leg.present.mean()) / leg.annuity, 0.0)
        return usual_terms(leg, risk_price(self.deal), fair)

    @cached_property
    def outside(self) -> Floats:
        """Chance in each period that the KPI lies outside the bounds within which reports are accepted."""
        return np.array(list(map(outside_chance, self.terms.flows, self.kpis.marginals)))

    @cached_property
    def revenue(self) -> Revenue | None:
        unit = self.deal.kpis[self.deal.only(KpiPayment).kpi].unit
        name = f"revenue_per_{unit}"
        if name not in self.deal.asset.parameters:
            return None
        per_unit = self.deal.number(name)
        lost = -per_unit * self.values
        return Revenue(name, per_unit, self._by_year(lost), self._by_year(lost + self.settlements))

    def _by_year(self, amounts: Floats) -> Floats:
        return np.asarray(amounts.reshape(len(amounts), -1, self.leg.per_year).sum(axis=2))

    def settlement_columns(self) -> Columns:
        """The distribution of each period by Monte Carlo, with exact mean and sd beside it."""
        exact = {"fixed": self.fixed, "exact_mean": self.fixed + self.expected, "exact_sd": self.sd}
        return exact | settlement_columns(self.fixed, self.settlements)

    def settlement_table(self) -> pd.DataFrame:
        """`settlement_columns` as a table."""
        return period_frame(self.labels, self.settlement_columns())

    @cached_property
    def collateral(self) -> Columns:
        """What settlements ask of the collateral of both sides (see `collateral_columns`)."""
        swap = self.deal.only(KpiPayment)
        payer, payee = (float(term.value) for term in (swap.collateral.payer, swap.collateral.payee))
        return collateral_columns(self.settlements, payer, payee, not swap.limited_recourse)

    def to_dict(self) -> dict[str, Any]:
        """All results as plain data."""
        swap, value = self.deal.only(KpiPayment), self.value
        # A charge is no price of what it loses to the KPI, so no charge would be a fair one.
        fair = () if self.form.is_charge else self.fair[: self.seasons]
        error = value.value.standard_error
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "kind": "index_swap",
            "inputs": assumed_inputs(self.deal),
            "currency": self.deal.currency.code,
            "seed": self.seed,
            "paths": len(self.values),
            "periods": list(self.labels),
            "fixed_payment": None if self.payment is None else self.payment.to_dict(),
            "fixed": [float(amount) for amount in self.fixed],
            "value": value.to_dict(),
            "exact_value": self.exact_value.to_dict(),
            "value_to": {
                swap.payee: self.exact_value.to_dict(),
                swap.payer: Estimate(-self.exact_value.value, 0.0).to_dict(),
            },
            "monte_carlo_value_to": {
                swap.payee: {"value": value.value.value, "standard_error": error},
                swap.payer: {"value": -value.value.value, "standard_error": error},
            },
            "premium": self.premium,
            "implied": self.implied,
            "own_fixed": [float(amount) for amount in self.own[: self.seasons]],
            "fair_fixed": [float(amount) for amount in fair],
            "solved_fixed": [str(amount) for amount in self.solved],
            "other_terms": [each.to_dict() for each in self.other_terms],
            "settlement": period_rows(self.labels, self.settlement_columns()),
            "collateral": period_rows(self.labels, self.collateral),
            "outside_bounds": float(self.outside.max()),
            "revenue": None if self.revenue is None else self.revenue.to_dict(),
            **({} if self.charge is None else {"charge": self.charge.to_dict()}),
        }


def risk_price(deal: Deal) -> float:
    """The asset's own price of risk, or the usual one."""
    return deal.number("risk_price") if "risk_price" in deal.asset.parameters else RISK_PRICE


def discount_curve(deal: Deal) -> DiscountCurve:
    """Flat at the asset's discount rate, from the first period's start."""
    start = deal.kpis[deal.only(KpiPayment).kpi].periods[0].start
    return DiscountCurve.flat(start, deal.number("discount_rate"), 1, DAY_COUNT)


def _per_year(deal: Deal, count: int) -> int:
    """Periods in a contract year; 1 (each period for itself) when they are not regular or fill none."""
    try:
        regular = swap_periods(deal).per_year
    except InputError:
        return 1
    return regular if count % regular == 0 else 1


def period_profile(deal: Deal, expected: Floats) -> Floats:
    """Weights of a solved payment in each period, from what is `expected` of the payoffs."""
    return np.resize(seasonal_profile(expected, len(deal.only(KpiPayment).fixed.value)), len(expected))


def index_swap(
    deal: Deal,
    solve: str | None = None,
    parameter: float | None = None,
    paths: int = PATHS,
    seed: int = 1,
) -> IndexSwap:
    """Value the KPI payment of a deal whose KPI has a process of its own; `solve` as in `project_swap`.

    Raises InputError for a KPI that needs a twin, a deal without a discount rate, too few paths, and a
    `solve` and `parameter` that do not fit (a DSCR needs a project's debt, which is not known here; a charge
    is no price of what it loses to its KPI).
    """
    if solve is None and parameter is not None:
        raise InputError("--parameter: needs --solve")
    form = payment_form(deal)
    if solve is not None and form.is_charge:
        where = deal.file or deal.id
        raise InputError(
            f"--solve {solve}: {where} is a charge less {form.payoff}s, which has no fair amount"
        )
    terms, kpis = IndexTerms.of(deal), period_kpis(deal)
    count = len(kpis.marginals)
    normals = np.random.default_rng(seed).standard_normal((count, paths))
    values = np.ascontiguousarray(kpis.draw(normals).T)
    discount, expected = discount_curve(deal).factors(payment_days(deal)), terms.expected(kpis.marginals)
    profile = period_profile(deal, expected)
    leg = Leg(np.asarray(-terms.payoff(values)), discount, profile, _per_year(deal, count))
    if solve is None:
        return IndexSwap(deal, terms, kpis, discount, values, leg, terms.fixed, None, seed)
    basis, number = solve_pricing(solve, parameter)
    if basis == "dscr":
        raise InputError(f"{deal.file or deal.id}: --solve dscr: only a wind project's debt is modelled")
    payment = _solved(_centred(leg, expected), basis, number)
    return IndexSwap(deal, terms, kpis, discount, values, leg, payment.amount * leg.profile, payment, seed)


def _centred(leg: Leg, expected: Floats) -> Leg:
    """The leg with each period's paths moved to its exact mean, so that they only say how results spread."""
    return replace(leg, proxy=np.asarray(leg.proxy - leg.proxy.mean(axis=0) - expected))


def _solved(leg: Leg, basis: Basis, number: float) -> FixedPayment:
    """The amount on `basis` for a leg whose means are exact; only what it gives up for risk is simulated."""
    if basis == "fair":
        fair = float(leg.present.mean()) / leg.annuity
        return FixedPayment("fair", 0.0, fair, 0.0, fair)
    return {"wang": wang_fixed, "standard deviation": loaded_fixed, "sharpe": sharpe_fixed}[basis](
        leg, number
    )

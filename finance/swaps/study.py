"""A proxy revenue swap studied whole: price, settlement, hedge, debt before and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from finance.pricing.market import DiscountCurve
from finance.swaps.debt import (
    RATING_NOTE,
    CoverageSummary,
    DebtTerms,
    binding,
    debt_capacity,
    debt_service,
    sculpted_debt,
    summarise,
)
from finance.swaps.estimates import Estimate, exceeded, replicated
from finance.swaps.hedge import HedgeEffectiveness, NodeHubBasis, effectiveness, node_hub_basis
from finance.swaps.periods import Floats, Periods
from finance.swaps.pricing import (
    Basis,
    FixedPayment,
    Leg,
    SwapValue,
    dscr_fixed,
    fair_fixed,
    implied_loading,
    implied_risk_price,
    loaded_fixed,
    model_value,
    sharpe_fixed,
    wang_fixed,
    yearly_sharpe,
)
from finance.swaps.revenue import risk_shares
from finance.swaps.scenarios import Outlook, Progress, Scenarios, expected_facts, simulate
from finance.terms.problems import InputError

CASES = (0.50, 0.90, 0.99)
QUANTILES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Pricing:
    """How the fixed payment is found.

    `basis` "quoted" takes `parameter` as the amount a period; otherwise `parameter` is the price of risk
    (wang), the number of standard deviations, the yearly Sharpe ratio, or the DSCR that the P99 case is to
    reach on the planned debt, or on the debt sized before the swap (dscr); "fair" ignores it. `profile`:
    "expected" pays each period in proportion to its expected proxy revenue, "level" the same in each.
    """

    basis: Basis = "fair"
    parameter: float = 0.0
    profile: Literal["level", "expected"] = "expected"

    def __post_init__(self) -> None:
        known = ("fair", "wang", "standard deviation", "sharpe", "dscr", "quoted")
        if self.basis not in known:
            raise InputError(f"basis = {self.basis}: must be one of {', '.join(known)}")
        if self.profile not in ("level", "expected"):
            raise InputError(f"profile = {self.profile}: must be level or expected")


@dataclass(frozen=True)
class SwapInputs:
    """What a study needs: outlook, periods (whole contract years), discount curve, yearly costs, debt.

    `costs`: one number for every year, or one each; currency. `curve` discounts settlements, which fall on
    the day after each period.
    """

    outlook: Outlook
    periods: Periods
    curve: DiscountCurve
    costs: tuple[float, ...]
    debt: DebtTerms
    pricing: Pricing = field(default_factory=Pricing)
    currency: str = "USD"
    paths: int = 10_000
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.costs) not in (1, self.periods.years):
            raise InputError(f"costs: {len(self.costs)} numbers for {self.periods.years} years")

    @property
    def yearly_costs(self) -> Floats:
        return np.asarray(np.broadcast_to(np.array(self.costs, dtype=np.float64), (self.periods.years,)))


@dataclass(frozen=True)
class Side:
    """The project without or with the swap.

    `revenue`: P50, P90, P99 and mean of a year's revenue (average over the years). `capacity`: debt at the
    covenants. `same_debt`: DSCR on the planned debt, or else on the one that the project carries without the
    swap; `own_debt`: on its own. `binding` names the covenant that limits debt in each year; `rating` is
    the rating proxy of `same_debt`.
    """

    revenue: dict[str, Estimate]
    capacity: Estimate
    same_debt: CoverageSummary
    own_debt: CoverageSummary
    binding: tuple[str, ...]
    rating: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "revenue": {name: each.to_dict() for name, each in self.revenue.items()},
            "debt_capacity": self.capacity.to_dict(),
            "dscr_on_same_debt": self.same_debt.to_dict(),
            "dscr_on_own_debt": self.own_debt.to_dict(),
            "binding": list(self.binding),
            "rating_proxy": self.rating,
        }


@dataclass(frozen=True)
class SwapStudy:
    """Everything the study found. Money in currency; settlements are seen by the project.

    `exact_fair` is the fair amount without simulation, against which that of `payment` can be judged. `risk`
    has the shares of volume, price, shape, operations and basis in the variance of the project's total
    revenue; `implied` says what the payment pays the provider, on three scales.
    """

    inputs: SwapInputs
    scenarios: Scenarios
    payment: FixedPayment
    exact_fair: float
    fixed: Floats
    value: SwapValue
    implied: dict[str, float]
    risk: dict[str, float]
    hedge: HedgeEffectiveness
    yearly_hedge: HedgeEffectiveness
    basis: NodeHubBasis
    before: Side
    after: Side

    @property
    def settlements(self) -> Floats:
        return self.scenarios.settlements(self.fixed)

    @property
    def uplift(self) -> dict[str, float]:
        """Yearly revenue after over before, less 1, for mean, P50, P90 and P99."""
        return {
            name: self.after.revenue[name].value / before.value - 1
            for name, before in self.before.revenue.items()
        }

    @property
    def capacity_uplift(self) -> float | None:
        """Debt capacity after over before, less 1; None when there was none before."""
        before, after = self.before.capacity.value, self.after.capacity.value
        return after / before - 1 if before > 0 else None

    def settlement_table(self) -> pd.DataFrame:
        """Distribution of the settlement of each period: fixed payment, mean, its standard error, sd,
        quantiles, and the chance that the project pays.
        """
        found = self.settlements
        columns: dict[str, Floats] = {
            "fixed": self.fixed,
            "mean": found.mean(axis=0),
            "standard_error": found.std(axis=0, ddof=1) / np.sqrt(len(found)),
            "sd": found.std(axis=0, ddof=1),
        }
        for q, row in zip(QUANTILES, np.quantile(found, QUANTILES, axis=0), strict=True):
            columns[f"q{100 * q:02.0f}"] = row
        columns["project_pays"] = (found < 0).mean(axis=0)
        return pd.DataFrame(columns, index=pd.Index(self.scenarios.periods.labels, name="period"))

    def revenue_table(self) -> pd.DataFrame:
        """Revenue a year before and after the swap: mean, P50, P90, P99, with standard errors and uplift."""
        rows = {
            name: (
                self.before.revenue[name].value,
                self.before.revenue[name].standard_error,
                self.after.revenue[name].value,
                self.after.revenue[name].standard_error,
                self.uplift[name],
            )
            for name in self.before.revenue
        }
        columns = ["before", "before_error", "after", "after_error", "uplift"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def coverage_table(self) -> pd.DataFrame:
        """DSCR before and after, on the same debt and on each side's own: average and minimum by case."""
        rows = {}
        for debt in ("same_debt", "own_debt"):
            for case in (f"P{100 * each:g}" for each in CASES):
                sides = [getattr(side, debt) for side in (self.before, self.after)]
                rows[debt.replace("_", " "), case] = (
                    *(side.average.get(case, np.nan) for side in sides),
                    *(side.minimum.get(case, np.nan) for side in sides),
                )
        columns = ["average before", "average after", "minimum before", "minimum after"]
        index = pd.MultiIndex.from_tuples(rows, names=["debt", "case"])
        return pd.DataFrame(list(rows.values()), index=index, columns=columns)

    def debt_table(self) -> pd.DataFrame:
        """Debt capacity before and after at the same covenants, with standard errors, and the rating proxy of
        the same debt without and with the swap.
        """
        sides = {"before": self.before, "after": self.after}
        rows = {n: (s.capacity.value, s.capacity.standard_error, s.rating) for n, s in sides.items()}
        return pd.DataFrame.from_dict(
            rows, orient="index", columns=["capacity", "standard_error", "same_debt_proxy"]
        )

    def to_dict(self) -> dict[str, Any]:
        """All results as plain data; tables as lists of rows."""
        return {
            "currency": self.inputs.currency,
            "seed": self.inputs.seed,
            "paths": self.inputs.paths,
            "periods": list(self.scenarios.periods.labels),
            "fixed_payment": self.payment.to_dict(),
            "exact_fair": self.exact_fair,
            "fixed": [float(amount) for amount in self.fixed],
            "value": self.value.to_dict(),
            "implied": self.implied,
            "risk_shares": self.risk,
            "hedge_by_period": self.hedge.to_dict(),
            "hedge_by_year": self.yearly_hedge.to_dict(),
            "node_hub_basis": self.basis.to_dict(),
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "uplift": self.uplift,
            "debt_capacity_uplift": self.capacity_uplift,
            "rating_note": RATING_NOTE,
            "settlement": self.settlement_table().reset_index().to_dict("records"),
        }


def _profile(inputs: SwapInputs, mean: Floats) -> Floats:
    if inputs.pricing.profile == "level":
        return np.ones(inputs.periods.count)
    if not (mean > 0).all():
        at = int(np.flatnonzero(~(mean > 0))[0])
        raise InputError(
            f"profile = expected: proxy revenue of {inputs.periods.labels[at]} is {mean[at]:g} on average: a "
            "fixed payment cannot follow it"
        )
    return np.asarray(mean / mean.mean())


def _payment(inputs: SwapInputs, leg: Leg, scenarios: Scenarios, service: Floats) -> FixedPayment:
    basis, parameter = inputs.pricing.basis, inputs.pricing.parameter
    if basis == "wang":
        return wang_fixed(leg, parameter)
    if basis == "standard deviation":
        return loaded_fixed(leg, parameter)
    if basis == "sharpe":
        return sharpe_fixed(leg, parameter)
    fair = fair_fixed(leg)
    if basis == "dscr":
        years = slice(0, len(service) * leg.per_year)
        part = Leg(leg.proxy[:, years], leg.discount[years], leg.profile[years], leg.per_year)
        costs = inputs.yearly_costs[: len(service)]
        found = dscr_fixed(part, scenarios.actual[:, years], costs, service, parameter)
        return FixedPayment("dscr", parameter, found.amount, found.standard_error, fair.value)
    if basis == "quoted":
        return FixedPayment("quoted", parameter, parameter, 0.0, fair.value)
    return FixedPayment("fair", 0.0, fair.value, fair.standard_error, fair.value)


def _revenue(yearly: Floats) -> dict[str, Estimate]:
    found = {"mean": replicated(lambda y: float(y.mean()), yearly)}
    for case in CASES:
        found[f"P{100 * case:g}"] = replicated(
            lambda y, case=case: float(exceeded(y, case).mean()), yearly, replicates=5
        )
    return found


def _shared_service(inputs: SwapInputs, unhedged: Floats) -> Floats:
    if inputs.debt.planned is not None:
        return np.array(inputs.debt.planned, dtype=np.float64)
    return debt_service(unhedged - inputs.yearly_costs, inputs.debt)


def _side(inputs: SwapInputs, yearly: Floats, shared_service: Floats) -> Side:
    cfads = yearly - inputs.yearly_costs
    own = debt_service(cfads, inputs.debt)
    same_debt, own_debt = summarise(cfads, shared_service, CASES), summarise(cfads, own, CASES)
    return Side(
        _revenue(yearly),
        debt_capacity(cfads, inputs.debt),
        same_debt,
        own_debt,
        binding(cfads, inputs.debt),
        same_debt.rating,
    )


def _risk(scenarios: Scenarios) -> dict[str, float]:
    """Shares in the variance of total actual revenue of volume, price, shape and what the swap leaves."""
    hedged, left = scenarios.deviation(), scenarios.retained()
    parts = {
        "volume": hedged.volume,
        "price": hedged.price,
        "shape": hedged.shape,
        "operations": left.operations,
        "basis": left.basis,
    }
    return risk_shares({name: part.sum(axis=1) for name, part in parts.items()})


def swap_study(inputs: SwapInputs, progress: Progress | None = None) -> SwapStudy:
    """Simulate, price and judge a proxy revenue swap; everything in the results shares one set of paths.

    Raises InputError for inputs that do not fit each other.
    """
    periods = inputs.periods
    scenarios = simulate(inputs.outlook, periods, inputs.paths, inputs.seed, progress)
    discount = inputs.curve.factors(periods.ends)
    expected = expected_facts(inputs.outlook, periods).revenue
    leg = Leg(scenarios.proxy, discount, _profile(inputs, expected), periods.per_year)
    unhedged = periods.yearly(scenarios.actual)
    service = _shared_service(inputs, unhedged)
    payment = _payment(inputs, leg, scenarios, service)
    fixed = payment.amount * leg.profile
    hedged = periods.yearly(scenarios.actual + scenarios.settlements(fixed))
    return SwapStudy(
        inputs=inputs,
        scenarios=scenarios,
        payment=payment,
        exact_fair=float(expected @ discount) / leg.annuity,
        fixed=fixed,
        value=model_value(leg, payment.amount),
        implied={
            "standard_deviations": implied_loading(leg, payment.amount),
            "wang_risk_price": implied_risk_price(leg, payment.amount),
            "yearly_sharpe": yearly_sharpe(leg, payment.amount),
        },
        risk=_risk(scenarios),
        hedge=effectiveness(scenarios.actual, scenarios.proxy),
        yearly_hedge=effectiveness(unhedged, periods.yearly(scenarios.proxy)),
        basis=node_hub_basis(scenarios.node, scenarios.hub),
        before=_side(inputs, unhedged, service),
        after=_side(inputs, hedged, service),
    )


def debt_schedules(study: SwapStudy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sculpted debt's schedule before and after the swap, a row a year."""
    inputs, periods = study.inputs, study.scenarios.periods
    tables = []
    for extra in (0.0, study.settlements):
        cfads = periods.yearly(study.scenarios.actual + extra) - inputs.yearly_costs
        tables.append(sculpted_debt(debt_service(cfads, inputs.debt), inputs.debt.rate).table())
    return tables[0], tables[1]

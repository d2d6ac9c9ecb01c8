"""A proxy revenue swap studied whole: price, settlement, hedge, debt before and after."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finance.swaps.debt import (
    RATING_NOTE,
    CoverageSummary,
    binding,
    debt_capacity,
    debt_service,
    sculpted_debt,
    summarise,
)
from finance.swaps.distribution import Columns, period_frame, period_rows, settlement_columns
from finance.swaps.estimates import Estimate, of_a_given_year, replicated
from finance.swaps.hedge import HedgeEffectiveness, NodeHubBasis, effectiveness, node_hub_basis
from finance.swaps.inputs import SwapInputs
from finance.swaps.periods import Floats
from finance.swaps.pricing import (
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
from finance.swaps.scenarios import Progress, Scenarios, expected_facts, simulate
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd

CASES = (0.50, 0.90, 0.99)


@dataclass(frozen=True)
class Side:
    """The project without or with the swap.

    `revenue`: P50, P90, P99 and mean of the revenue of a given year, any of them drawn evenly. `capacity`:
    debt at the covenants. `same_debt`: DSCR on the planned debt, or else on the one that the project carries
    without the swap; `own_debt`: on its own. `binding` names the covenant that limits debt in each
    year; `rating` is the rating proxy of `same_debt`.
    """

    revenue: dict[str, Estimate]
    capacity: Estimate
    same_debt: CoverageSummary
    own_debt: CoverageSummary
    binding: tuple[str, ...]
    rating: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "revenue_of_a_given_year": {name: each.to_dict() for name, each in self.revenue.items()},
            "debt_capacity": self.capacity.to_dict(),
            "dscr_on_same_debt": self.same_debt.to_dict(),
            "dscr_on_own_debt": self.own_debt.to_dict(),
            "binding": list(self.binding),
            "rating_proxy": self.rating,
        }


@dataclass(frozen=True)
class SwapStudy:
    """Everything the study found. Money in currency; settlements are seen by the project.

    `leg` is what the project gives up, with discount factors and profile; `fixed` is what it gets. `payment`
    has one amount per unit of profile; of a quoted list, the one that is worth as much. `controlled` is the
    present value of what the project gives up on each path, once the part of it that proxy revenue's
    deviation from its known mean explains is taken off: the same mean, hardly any spread. `risk` has the
    shares of volume, price, shape, operations and basis in the variance of the project's total revenue;
    `implied` says what the payment pays the provider, on three scales (None where no number within reason
    does).
    """

    inputs: SwapInputs
    scenarios: Scenarios
    payment: FixedPayment
    controlled: Floats
    fixed: Floats
    leg: Leg
    value: SwapValue
    implied: dict[str, float | None]
    risk: dict[str, float]
    hedge: HedgeEffectiveness
    yearly_hedge: HedgeEffectiveness
    basis: NodeHubBasis
    before: Side
    after: Side

    @property
    def settlements(self) -> Floats:
        """What the project receives, shape (paths, periods); negative when it pays."""
        return np.asarray(self.fixed - self.leg.proxy)

    @property
    def exact_fair(self) -> float:
        """The fair amount by the known means of proxy revenue, against which that of `payment` is judged."""
        return float(self.controlled.mean()) / self.leg.annuity

    @property
    def exact_value(self) -> Estimate:
        """The swap's value to the project by the same: exact for a straight payoff, otherwise what bends is
        left to simulation.
        """
        worth = float(self.fixed @ self.leg.discount)
        return replicated(lambda given: worth - float(given.mean()), self.controlled)

    @property
    def uplift(self) -> dict[str, float]:
        """Revenue of a given year after over before, less 1, for mean, P50, P90 and P99."""
        return {
            name: self.after.revenue[name].value / before.value - 1
            for name, before in self.before.revenue.items()
        }

    @property
    def capacity_uplift(self) -> float | None:
        """Debt capacity after over before, less 1; None when there was none before."""
        before, after = self.before.capacity.value, self.after.capacity.value
        return after / before - 1 if before > 0 else None

    def settlement_columns(self) -> Columns:
        """Distribution of the settlement of each period (see `settlement_columns` of distribution)."""
        return settlement_columns(self.fixed, self.settlements)

    def settlement_table(self) -> pd.DataFrame:
        """`settlement_columns` as a table."""
        return period_frame(self.scenarios.periods.labels, self.settlement_columns())

    def revenue_cases(self) -> dict[str, dict[str, float]]:
        """Revenue of a given year before and after the swap: mean, P50, P90, P99, with errors and uplift."""
        after = self.after.revenue
        return {
            case: {
                "before": before.value,
                "before_error": before.standard_error,
                "after": after[case].value,
                "after_error": after[case].standard_error,
                "uplift": self.uplift[case],
            }
            for case, before in self.before.revenue.items()
        }

    def revenue_table(self) -> pd.DataFrame:
        """`revenue_cases` as a table."""
        import pandas as pd

        return pd.DataFrame.from_dict(self.revenue_cases(), orient="index")

    def coverage_table(self) -> pd.DataFrame:
        """DSCR before and after, on the same debt and on each side's own: average and minimum by case."""
        import pandas as pd

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
        import pandas as pd

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
            "settlement": period_rows(self.scenarios.periods.labels, self.settlement_columns()),
        }


def _profile(inputs: SwapInputs, mean: Floats) -> Floats:
    profile = inputs.pricing.profile
    if not isinstance(profile, str):
        return np.resize(np.array(profile, dtype=np.float64), inputs.periods.count)
    if profile == "level":
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
        amounts = inputs.pricing.amounts
        worth = parameter if amounts is None else float(_listed(inputs, amounts) @ leg.discount) / leg.annuity
        return FixedPayment("quoted", worth, worth, 0.0, fair.value)
    return FixedPayment("fair", 0.0, fair.value, fair.standard_error, fair.value)


def _listed(inputs: SwapInputs, amounts: tuple[float, ...]) -> Floats:
    if len(amounts) > inputs.periods.count:
        raise InputError(f"amounts: {len(amounts)} for {inputs.periods.count} periods")
    return np.resize(np.array(amounts, dtype=np.float64), inputs.periods.count)


IMPLIED = {
    "standard_deviations": implied_loading,
    "wang_risk_price": implied_risk_price,
    "yearly_sharpe": yearly_sharpe,
}


def implied(net: Leg) -> dict[str, float | None]:
    """What the provider earns for its risk when `net` is all that it receives less all that it pays."""
    found: dict[str, float | None] = dict.fromkeys(IMPLIED)
    # Where nothing varies there is no risk to be paid for, and a payment outside all that the paths can give
    # has no price of risk; that is for the reader to see.
    for name, measure in IMPLIED.items():
        with suppress(InputError):
            found[name] = measure(net, 0.0)
    return found


def at_known_mean(given: Floats, proxy: Floats, expected: Floats) -> Floats:
    """What is given up, with proxy revenue of known mean as control variate: the mean stays, the spread goes.

    The coefficient of each period is the regression's (P. Glasserman, Monte Carlo Methods in Financial
    Engineering, 2003, doi:10.1007/978-0-387-21617-1, section 4.1); it is 1 where all revenue is given up.
    """
    spread = proxy - proxy.mean(axis=0)
    variance = (spread**2).mean(axis=0)
    covariance = (spread * given).mean(axis=0)
    slope = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 0)
    return np.asarray(given - slope * (proxy - expected))


def _shared_service(inputs: SwapInputs, unhedged: Floats) -> Floats:
    if inputs.debt.planned is not None:
        return np.array(inputs.debt.planned, dtype=np.float64)
    return debt_service(unhedged - inputs.yearly_costs, inputs.debt)


def _side(inputs: SwapInputs, yearly: Floats, shared_service: Floats) -> Side:
    cfads = yearly - inputs.yearly_costs
    own = debt_service(cfads, inputs.debt)
    same_debt, own_debt = summarise(cfads, shared_service, CASES), summarise(cfads, own, CASES)
    return Side(
        of_a_given_year(yearly, CASES),
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
    discount, given = inputs.discount, inputs.given(scenarios.proxy)
    expected = expected_facts(inputs.outlook, periods).revenue
    leg = Leg(given, discount, _profile(inputs, expected), periods.per_year)
    unhedged = periods.yearly(scenarios.actual)
    service = _shared_service(inputs, unhedged)
    payment = _payment(inputs, leg, scenarios, service)
    amounts = inputs.pricing.amounts
    fixed = payment.amount * leg.profile if amounts is None else _listed(inputs, amounts)
    net = Leg(given - fixed, discount, leg.profile, periods.per_year)
    hedged = periods.yearly(scenarios.actual - net.proxy)
    return SwapStudy(
        inputs=inputs,
        scenarios=scenarios,
        payment=payment,
        controlled=at_known_mean(given, scenarios.proxy, expected) @ discount,
        fixed=fixed,
        leg=leg,
        value=model_value(net, 0.0),
        implied=implied(net),
        risk=_risk(scenarios),
        hedge=effectiveness(scenarios.actual, scenarios.proxy, given),
        yearly_hedge=effectiveness(unhedged, periods.yearly(scenarios.proxy), periods.yearly(given)),
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

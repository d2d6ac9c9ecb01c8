"""What moves a swap: one assumption at a time, up and down, on the same random numbers.

Each bump changes parameters of the deal's asset in memory; the deal's fixed payments stay. Standard errors
are of the changes, path by path, so what both runs share does not blur them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from finance.pricing.process import KpiProcess
from finance.swaps.deal import payment_days, swap_inputs
from finance.swaps.debt import debt_service
from finance.swaps.estimates import Estimate, replicated
from finance.swaps.index import IndexTerms, discount_curve, period_kpis, period_profile
from finance.swaps.inputs import SwapInputs
from finance.swaps.periods import Floats
from finance.swaps.project import assumed_inputs, project_inputs
from finance.swaps.study import SwapStudy, swap_study
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.values import NumbersTerm

if TYPE_CHECKING:
    import pandas as pd

Step = Callable[[int, int], None]


def with_parameters(deal: Deal, **values: float | list[float]) -> Deal:
    """The deal with other values of its asset's parameters, in memory; unknown ones raise InputError."""
    changed = dict(deal.asset.parameters)
    for name, value in values.items():
        deal.parameter(name)
        exact = [_decimal(x) for x in value] if isinstance(value, list) else _decimal(value)
        changed[name] = changed[name].model_copy(update={"value": exact})
    return deal.model_copy(update={"asset": deal.asset.model_copy(update={"parameters": changed})})


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))


@dataclass(frozen=True)
class Bump:
    """A change of parameters: to each, `times` and then `plus`."""

    name: str
    parameters: tuple[str, ...]
    times: float = 1.0
    plus: float = 0.0

    def apply(self, deal: Deal) -> Deal:
        values: dict[str, float | list[float]] = {}
        for name in self.parameters:
            if isinstance(deal.asset.parameters.get(name), NumbersTerm):
                values[name] = [float(x) * self.times + self.plus for x in deal.parameter(name)]
            else:
                values[name] = deal.number(name) * self.times + self.plus
        return with_parameters(deal, **values)


VOLATILITY: Final = ("price_sd", "price_slow_volatility")
PROJECT_BUMPS: Final = (
    Bump("price level +10 %", ("price_monthly",), 1.10),
    Bump("price level -10 %", ("price_monthly",), 0.90),
    Bump("mean wind speed +5 %", ("mean_wind_speed_m_s",), 1.05),
    Bump("mean wind speed -5 %", ("mean_wind_speed_m_s",), 0.95),
    Bump("efficiency +2 %", ("efficiency",), 1.02),
    Bump("efficiency -2 %", ("efficiency",), 0.98),
    Bump("price and wind correlation +0.10", ("price_wind_correlation",), plus=0.10),
    Bump("price and wind correlation -0.10", ("price_wind_correlation",), plus=-0.10),
    Bump("price volatility +25 %", VOLATILITY, 1.25),
    Bump("price volatility -25 %", VOLATILITY, 0.75),
    Bump("discount rate +1 point", ("discount_rate",), plus=0.01),
    Bump("discount rate -1 point", ("discount_rate",), plus=-0.01),
)


@dataclass(frozen=True)
class Moved:
    """What a bump changes, new less old; None for what does not exist for the deal. DSCR: average over the
    years in the P50 case, least year in the P99 case, on the deal's debt service.
    """

    name: str
    value: Estimate
    fair: float
    dscr_p50: float | None = None
    dscr_p99: float | None = None
    capacity: Estimate | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "bump": self.name,
            "value": self.value.to_dict(),
            "fair_payment": self.fair,
            "dscr_p50_average": self.dscr_p50,
            "dscr_p99_minimum": self.dscr_p99,
            "debt_capacity": None if self.capacity is None else self.capacity.to_dict(),
        }


@dataclass(frozen=True)
class Sensitivity:
    """All bumps of a deal and where they start. `paths` is 0 when everything is in closed form."""

    deal: Deal
    base: dict[str, float]
    moves: tuple[Moved, ...]
    paths: int
    seed: int | None

    def frame(self) -> pd.DataFrame:
        """One row a bump; standard errors in columns of their own."""
        rows = []
        for move in self.moves:
            capacity = move.capacity
            rows.append(
                {
                    "bump": move.name,
                    "value": move.value.value,
                    "value_error": move.value.standard_error,
                    "fair_payment": move.fair,
                    "dscr_p50_average": move.dscr_p50,
                    "dscr_p99_minimum": move.dscr_p99,
                    "debt_capacity": None if capacity is None else capacity.value,
                    "debt_capacity_error": None if capacity is None else capacity.standard_error,
                }
            )
        import pandas as pd

        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "currency": self.deal.currency.code,
            "inputs": assumed_inputs(self.deal),
            "paths": self.paths,
            "seed": self.seed,
            "base": self.base,
            "moves": [move.to_dict() for move in self.moves],
        }


def project_sensitivity(
    deal: Deal, paths: int = 4_000, seed: int = 1, progress: Step | None = None
) -> Sensitivity:
    """Change of a proxy revenue swap's value (to the project), average fair payment, and of the hedged
    project's coverage and debt capacity, for each of PROJECT_BUMPS. `progress(done, all)` after each run.
    """
    count = len(PROJECT_BUMPS) + 1
    inputs = project_inputs(deal, paths=paths, seed=seed)
    base = swap_study(inputs)
    moves = []
    for number, bump in enumerate(PROJECT_BUMPS, start=1):
        if progress is not None:
            progress(number, count)
        moves.append(_moved(bump, base, swap_study(_bumped(inputs, bump.apply(deal)))))
    if progress is not None:
        progress(count, count)
    return Sensitivity(deal, _base(base), tuple(moves), paths, seed)


def _bumped(inputs: SwapInputs, deal: Deal) -> SwapInputs:
    """The bumped deal's world, at the fixed payments and the profile of the deal as it is."""
    return swap_inputs(deal, inputs.pricing, inputs.paths, inputs.seed)


def _base(study: SwapStudy) -> dict[str, float]:
    after = study.after
    found = {"value": study.exact_value.value, "fair_payment": study.exact_fair}
    if after.same_debt.years:
        found["dscr_p50_average"] = after.same_debt.average["P50"]
        found["dscr_p99_minimum"] = after.same_debt.minimum["P99"]
    return {**found, "debt_capacity": after.capacity.value}


def _moved(bump: Bump, old: SwapStudy, new: SwapStudy) -> Moved:
    worth = [float(study.fixed @ study.leg.discount) - study.controlled for study in (old, new)]
    cfads = [
        study.scenarios.periods.yearly(study.scenarios.actual + study.settlements) - study.inputs.yearly_costs
        for study in (old, new)
    ]
    terms = old.inputs.debt

    def gained(before: Floats, after: Floats) -> float:
        return float((debt_service(after, terms) - debt_service(before, terms)) @ terms.factors)

    starts, ends = _base(old), _base(new)
    return Moved(
        bump.name,
        replicated(lambda a, b: float((b - a).mean()), *worth),
        new.exact_fair - old.exact_fair,
        _change(starts, ends, "dscr_p50_average"),
        _change(starts, ends, "dscr_p99_minimum"),
        replicated(gained, *cfads, replicates=5),
    )


def _change(starts: dict[str, float], ends: dict[str, float], name: str) -> float | None:
    return ends[name] - starts[name] if name in starts and name in ends else None


def index_sensitivity(deal: Deal) -> Sensitivity:
    """Change of a KPI payment's value (to the payee) and average fair payment for shifts of the KPI's mean
    and sd and of the discount rate, in closed form, so with no error.

    Raises InputError for a KPI whose distributions cannot be shifted (0 or 1).
    """
    terms, kpis = IndexTerms.of(deal), period_kpis(deal)
    weights = period_profile(deal, terms.expected(kpis.marginals))
    base = _closed(terms, kpis.marginals, _factors(deal, 0.0), weights)
    shifts: tuple[tuple[str, float, float, float], ...] = (
        ("KPI mean +5 %", 1.05, 1.0, 0.0),
        ("KPI mean -5 %", 0.95, 1.0, 0.0),
        ("KPI sd +25 %", 1.0, 1.25, 0.0),
        ("KPI sd -25 %", 1.0, 0.75, 0.0),
        ("discount rate +1 point", 1.0, 1.0, 0.01),
        ("discount rate -1 point", 1.0, 1.0, -0.01),
    )
    moves = []
    for name, mean, sd, rate in shifts:
        marginals = tuple(_shifted(deal, marginal, mean, sd) for marginal in kpis.marginals)
        found = _closed(terms, marginals, _factors(deal, rate), weights)
        moves.append(Moved(name, Estimate(found[0] - base[0], 0.0), found[1] - base[1]))
    return Sensitivity(deal, {"value": base[0], "fair_payment": base[1]}, tuple(moves), 0, None)


def _factors(deal: Deal, shift: float) -> Floats:
    moved = with_parameters(deal, discount_rate=deal.number("discount_rate") + shift)
    return discount_curve(moved).factors(payment_days(deal))


def _closed(
    terms: IndexTerms, marginals: tuple[KpiProcess, ...], discount: Floats, weights: Floats
) -> tuple[float, float]:
    expected = terms.expected(marginals)
    return float((terms.fixed + expected) @ discount), float(-expected @ discount / (discount @ weights))


def _shifted(deal: Deal, marginal: KpiProcess, mean: float, sd: float) -> KpiProcess:
    moved = getattr(marginal, "moved", None)
    if moved is None:
        raise InputError(
            f"{deal.file or deal.id}: the KPI is {marginal.description}: its mean and sd do not move apart"
        )
    shifted: KpiProcess = moved(marginal.mean * mean, marginal.sd * sd)
    return shifted

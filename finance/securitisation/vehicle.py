"""A vehicle of a deal valued: its pool and revenue simulated, its own waterfall run on every path, and what
each tranche gets of it.

Who owes a receivable defaults at a flat intensity, all under one Gaussian factor (`copula`), pays nothing
from that period on, and in that period once the `recovery` of what it owes. Other revenue comes as expected,
in proportion to a KPI where it is measured, times a lognormal factor of mean 1 a period where the deal
states its spread (`revenue_sd`). What swaps bring and take: `legs`. KPIs are drawn from the deal's processes.
What is left after the last period is paid with it. Money is currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from finance.pricing.outlook import kpi_outlook, over_time
from finance.pricing.yields import Stream
from finance.securitisation import legs
from finance.securitisation.pool import Hazard
from finance.securitisation.rating import RATING_NOTE, rating_proxy
from finance.settlement.spv_terms import TrancheTerms, VehicleTerms, receivable, vehicle_terms
from finance.settlement.waterfall_plan import Plan
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.schedule import PERIODS_PER_YEAR
from finance.terms.spv import Spv
from finance.waterfalls.paths import Paths, project_paths

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
PATHS: Final = 10_000
HAZARD_YEARS: Final = 10.0
"""Over which the deal states the chance of default."""
SHORT: Final = 1e-6
"""Of a tranche's principal: what is not paid at the end beyond it is a loss, and no rounding."""


@dataclass(frozen=True)
class Assumed:
    """What the valuation assumes, as the deal states it: chance of default of who owes a receivable within
    ten years, recovery, correlation (of asset values, and of other revenue), spread of other revenue, and the
    yield that tranches are discounted at."""

    default_probability: float
    recovery: float
    asset_correlation: float
    revenue_sd: float
    discount_rate: float

    @classmethod
    def of(cls, deal: Deal) -> Assumed:
        """As a deal's asset has them; what it does not need may be missing."""
        stated = deal.asset.parameters
        names = ("default_probability", "recovery", "asset_correlation", "revenue_sd", "discount_rate")
        return cls(*(deal.number(name) if name in stated else 0.0 for name in names))


@dataclass(frozen=True)
class TrancheValue:
    """What a tranche is worth and loses: `terms` of it, `paid` in each period on average (shape (periods,)),
    currency for the whole issue.

    `price` per 100 of principal at `rate`, with its standard error; `yield_`: at which the expected payments
    are worth the issue price, None where there is none; `average_life` in years, of what is repaid.
    `expected_loss` and `loss_99`: fractions of the principal, of what is due and not paid at the end;
    `any_loss`: the chance of one.
    """

    terms: TrancheTerms
    principal: float
    paid: Floats
    price: float
    standard_error: float
    rate: float
    yield_: float | None
    average_life: float | None
    expected_loss: float
    any_loss: float
    loss_99: float
    rating: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        value = ("principal", "price", "standard_error", "rate", "average_life")
        loss = ("expected_loss", "any_loss", "loss_99")
        found = {name: getattr(self, name) for name in (*value, *loss)}
        return {"tranche": self.terms.key, **found, "yield": self.yield_, "rating_proxy": self.rating}


@dataclass(frozen=True)
class Protected:
    """The tranches with some of the pots switched on, `name` the last of them: "none" has no pot."""

    name: str
    tranches: tuple[TrancheValue, ...]


@dataclass(frozen=True)
class VehicleValue:
    """A vehicle valued on `count` paths drawn with `seed`."""

    deal: Deal
    terms: VehicleTerms
    assumed: Assumed
    count: int
    seed: int
    tranches: tuple[TrancheValue, ...]
    lines: dict[str, Floats]
    """Revenue by line and period on average, currency."""
    failing: dict[str, Floats]
    """The chance that each covenant stands failed after each period."""
    pots: dict[str, Floats]
    """What is in each pot after each period on average, currency."""
    claims: dict[str, Floats]
    """What each claim is paid in each period on average, currency."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "paths": self.count,
            "seed": self.seed,
            "assumed": {name: getattr(self.assumed, name) for name in Assumed.__dataclass_fields__},
            "tranches": [each.to_dict() for each in self.tranches],
            "rating_note": RATING_NOTE,
            "covenants": {name: float(chance.max()) for name, chance in self.failing.items()},
        }

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The expected cash flows, currency: what the tranches are sold for, then a row for each period, on
        the day it is run: revenue by line, what claims are paid, what pots hold, and as `expected` what all
        tranches are paid."""
        import pandas as pd

        count, unit = len(self.terms.periods), 10**self.terms.currency_decimals
        sold = sum(each.units * each.unit_price for each in self.terms.tranches) / unit
        days = [max(each.closes for each in self.terms.tranches), *self.terms.plan.due]
        columns: dict[str, Any] = {
            "period": range(count + 1),
            "date": [datetime.fromtimestamp(day, UTC).date() for day in days],
            "expected": [-sold, *np.sum([each.paid for each in self.tranches], axis=0)],
        }
        groups = (("revenue", self.lines), ("paid", self.claims), ("in", self.pots))
        for what, figures in groups:
            columns |= {f"{what} {name}": [0.0, *each] for name, each in figures.items()}
        return pd.DataFrame(columns)


def value_vehicle(
    deal: Deal, count: int | None = None, seed: int = 1, assumed: Assumed | None = None
) -> VehicleValue:
    """Value a deal's vehicle on `count` paths. Raises InputError for a count below 2."""
    drawn = _Drawn(deal, PATHS if count is None else count, seed, assumed or Assumed.of(deal))
    paths, terms = drawn.run(drawn.priced), drawn.terms
    unit = 10.0**terms.currency_decimals
    return VehicleValue(
        deal,
        terms,
        drawn.assumed,
        drawn.count,
        seed,
        drawn.values(paths),
        {name: each.mean(axis=0) / unit for name, each in drawn.lines.items()},
        {name: each.mean(axis=0) for name, each in paths.failed.items()},
        {name: paths.after[name].mean(axis=0) / unit for name in terms.plan.pot_names},
        {name: _paid(paths, name).mean(axis=0) / unit for name in paths.paid},
    )


def protection(
    deal: Deal, count: int | None = None, seed: int = 1, assumed: Assumed | None = None
) -> list[Protected]:
    """The same paths with no pot at all, and with each pot of the deal switched on in turn, in its order:
    what stands before the noteholders, and what it is worth to them."""
    drawn = _Drawn(deal, PATHS if count is None else count, seed, assumed or Assumed.of(deal))
    plan, found = drawn.priced, []
    names = list(plan.pots)
    for number in range(len(names) + 1):
        without = frozenset(names[number:])
        name = f"+ {names[number - 1]}" if number else "none"
        found.append(Protected(name, drawn.values(drawn.run(_without(plan, without)))))
    return found


def _without(plan: Plan, pots: frozenset[str]) -> Plan:
    """The plan with these pots empty for good: no step fills or uses them."""
    kept = tuple(step for step in plan.steps if not {step.source, step.target} & pots)
    return replace(
        plan, pots={name: 0 if name in pots else opening for name, opening in plan.pots.items()}, steps=kept
    )


class _Drawn:
    """The pool, revenue and KPIs on `count` paths."""

    def __init__(self, deal: Deal, count: int, seed: int, assumed: Assumed) -> None:
        if count < 2:
            raise InputError(f"paths = {count}: must be 2 or more")
        self.deal, self.count, self.assumed = deal, count, assumed
        self.terms = vehicle_terms(deal)
        spv = deal.part(self.terms.key, Spv)
        self.years = np.cumsum([float(period.years) for period in self.terms.periods])
        stream = np.random.default_rng(seed)
        self.factor = stream.standard_normal(count)
        self.lines: dict[str, Floats] = {}
        self.facts = {name: self._fact(name, stream) for name in spv.measures}
        each = zip(spv.lines.items(), self.terms.expected, self.terms.measured, strict=False)
        for (name, line), expected, (fact, at, _) in each:
            if line.receivable is not None:
                owed = receivable(line.receivable, self.terms.periods, self.terms.currency_decimals)
                self.lines[name] = self._receivable(owed, stream)
            else:
                self.lines[name] = self._revenue(np.array(expected, dtype=np.float64), stream)
            if fact is not None:
                self.lines[name] *= np.maximum(0.0, list(self.facts.values())[fact]) / at
        self.priced = legs.priced(deal, self.terms)
        for key in self.terms.swaps:
            brought = legs.drawn(deal, self.terms, key, stream, self.count, self.facts)
            self.lines[key], self.facts[f"{key}.debt"] = brought

    def _correlated(self, stream: np.random.Generator) -> Floats:
        own, shared = stream.standard_normal(self.count), self.assumed.asset_correlation
        return np.sqrt(shared) * self.factor + np.sqrt(1 - shared) * own

    def _receivable(self, owed: Sequence[tuple[int, int]], stream: np.random.Generator) -> Floats:
        """What a receivable pays, minor units, shape (paths, periods)."""
        from scipy.special import ndtr

        interest, back = (np.array(each, dtype=np.float64) for each in zip(*owed, strict=True))
        (rate,) = Hazard.of(self.assumed.default_probability, HAZARD_YEARS).rates
        # A low asset value is an early default: its chance is that of the time it stands for.
        chance = ndtr(self._correlated(stream))
        with np.errstate(divide="ignore"):
            when = -np.log1p(-chance) / rate if rate else np.full(self.count, np.inf)
        first = np.searchsorted(self.years, when, side="left")  # the period in which it falls due no more
        periods = np.arange(len(owed))
        pays = np.where(periods[None, :] < first[:, None], interest + back, 0.0)
        before = np.cumsum(back[::-1])[::-1]  # what is still owed before each period's repayment
        hit = periods[None, :] == first[:, None]
        return pays + np.where(hit, self.assumed.recovery * before, 0.0)

    def _revenue(self, expected: Floats, stream: np.random.Generator) -> Floats:
        if not self.assumed.revenue_sd:
            return np.tile(expected, (self.count, 1))
        news = np.stack([self._correlated(stream) for _ in expected], axis=1)
        spread = np.sqrt(np.log1p(self.assumed.revenue_sd**2))
        return expected * np.exp(spread * news - spread**2 / 2)

    def _fact(self, name: str, stream: np.random.Generator) -> Floats:
        """A KPI's values as they stand on chain, shape (paths, periods)."""
        key = self.deal.part(self.terms.key, Spv).measures[name].kpi
        process = over_time(kpi_outlook(self.deal.kpis[key]))
        normals = stream.standard_normal((self.count, len(self.years)))
        values = process.paths(self.years, normals) * 10 ** self.deal.kpis[key].decimals
        low, high = (float(getattr(self._feed(name), each)) for each in ("min_value", "max_value"))
        return np.clip(np.rint(values), low, high)

    def _feed(self, name: str) -> Any:
        return self.terms.facts[self.terms.plan.facts.index(name)][0]

    def run(self, plan: Plan) -> Paths:
        """The waterfall on every path."""
        return project_paths(plan, self.lines, self.facts)

    # -- tranches

    def values(self, paths: Paths) -> tuple[TrancheValue, ...]:
        return tuple(self._value(each, paths) for each in self.terms.tranches)

    def _value(self, tranche: TrancheTerms, paths: Paths) -> TrancheValue:
        unit = 10.0**self.terms.currency_decimals
        claims = _claims(tranche)
        got = np.sum([_paid(paths, claim) for claim in claims], axis=0) / unit
        principal = tranche.units * tranche.unit_principal / unit
        cost = tranche.units * tranche.unit_price / unit
        frequency = PERIODS_PER_YEAR[self.deal.part(self.terms.key, Spv).schedule.frequency]
        rate = self.assumed.discount_rate
        worth = got @ Stream(self.years, np.ones(len(self.years)), frequency).factors(rate)
        mean = got.mean(axis=0)
        lost, back = np.zeros(self.count), None
        if tranche.rate is not None:
            lost = self._lost(tranche, paths, principal * unit)
            back = _paid(paths, f"{tranche.key}.principal").mean(axis=0)
        any_loss = float(np.mean(lost > SHORT))
        return TrancheValue(
            tranche,
            principal,
            mean,
            100 * float(worth.mean()) / principal,
            100 * float(worth.std(ddof=1) / np.sqrt(self.count)) / principal,
            rate,
            _yield(Stream(self.years, mean, frequency), cost),
            None if back is None or not back.sum() else float(back @ self.years / back.sum()),
            float(lost.mean()),
            any_loss,
            float(np.quantile(lost, 0.99)),
            rating_proxy(any_loss, float(self.years[-1])),
        )

    def _lost(self, tranche: TrancheTerms, paths: Paths, principal: float) -> Floats:
        """What is due and not paid at the end, and what was written off, as a fraction of the principal."""
        key = tranche.key
        owed = (f"{key}.balance", f"{key}.interest", f"{key}.lost")
        return np.sum([paths.end[name] for name in owed], axis=0) / principal


def _paid(paths: Paths, claim: str) -> Floats:
    """By path and period, what is left with the last one."""
    paid = np.array(paths.paid[claim])
    paid[:, -1] += paths.left[claim]
    return paid


def _claims(tranche: TrancheTerms) -> tuple[str, ...]:
    if tranche.rate is None:
        return (tranche.key,)
    return f"{tranche.key}.interest", f"{tranche.key}.principal"


def _yield(stream: Stream, cost: float) -> float | None:
    try:
        return stream.yield_at(cost)
    except InputError:
        return None


BUMPS: Final = {
    "default_probability": (0.5, 2.0),
    "recovery": (0.5, 1.5),
    "asset_correlation": (0.5, 2.0),
    "revenue_sd": (0.5, 2.0),
}
"""By which factors an assumption is moved."""


def sensitivities(
    deal: Deal, count: int | None = None, seed: int = 1
) -> Iterator[tuple[str, float | None, VehicleValue]]:
    """One assumption at a time, on the same random numbers: its name, its value, and what follows."""
    base = Assumed.of(deal)
    yield "as stated", None, value_vehicle(deal, count, seed, base)
    for name, factors in BUMPS.items():
        stated = getattr(base, name)
        for factor in factors if stated else ():
            moved = min(stated * factor, MOST.get(name, stated * factor))
            yield name, moved, value_vehicle(deal, count, seed, replace(base, **{name: moved}))


MOST: Final = {"default_probability": 0.99, "recovery": 1.0, "asset_correlation": 0.99}

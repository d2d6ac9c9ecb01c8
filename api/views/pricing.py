"""What a deal that is under way is worth now, how its last report moved it, and what its KPIs may still do.

Bonds are in closed form. So are swaps on a KPI whose process the deal states; a wind project's is simulated
once in the background (api.views.outlooks), and until then says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from pydantic import Field

from api.jobs import Jobs
from api.models import Minor, Resource, example
from api.models.deployment import Quantiles
from api.views.outlooks import PATHS, SEED, bonds, is_bond, outlook_of, reported, simulate_outlook, swaps
from finance.pricing.live import Realised, fixing_chances, fixing_rules, later_law, live_value
from finance.pricing.prepared import PreparedBond
from finance.pricing.process import KpiProcess
from finance.settlement.terms import Effect, Fixing
from finance.swaps.holders import Owed
from finance.swaps.live import QUANTILES, PreparedSwap, SwapOutlook
from finance.terms.deal import Deal
from finance.terms.payoffs import Rule, label, steps_of


class TierChance(Resource):
    """A tier of what a report decides, and its chance. `start`: where it begins (KPI's unit; null: from the
    lowest); `y`: minor units for the whole issue, or a rate with 1e18 = 100 % a year."""

    label: str
    start: float | None
    effect: Literal["amount", "rate"]
    y: str
    probability: float


class ReportEffect(Resource):
    """How a report moved the value, on `day`: with everything else as it is known now, without the report
    and with it. A bond's `before`, `after` and `moved` are per 100; a swap's `value_...` are minor units, to
    the payee."""

    kpi: str
    period: int
    value: float | None = Field(description="In the KPI's unit; null: it was missing.")
    day: date
    before: float | None = None
    after: float | None = None
    moved: float | None = None
    value_before: Minor | None = None
    value_after: Minor | None = None
    value_moved: Minor | None = None


class LivePrice(Resource):
    """What a deal is worth on `day`. `state`: ready; computing (a simulation is under way); over (nothing is
    left to be paid).

    Of a bond `price` is what a buyer pays per 100 outstanding, `clean` the same less `accrued` interest. Of a
    swap `value` is that of its coming payments to the payee, in minor units, with `low` and `high` (5 % and
    95 % quantiles), and `price` that of a unit of its revenue share per 100 of its issue price. `basis` says
    in words how it was found; `assumed` what was assumed for it.
    """

    model_config = example(
        {
            "deal": "dc-water-eib-2016",
            "state": "ready",
            "day": "2021-01-10",
            "rate": 0.0343,
            "price": 100.94,
            "clean": 100.0,
            "accrued": 0.94,
            "outstanding": "25000000000000",
            "tiers": [],
            "basis": "closed form, discounted at the coupon of 3.43 %",
            "assumed": ["the discount yield is the coupon"],
        }
    )

    deal: str
    state: Literal["ready", "computing", "over"]
    day: date
    rate: float = Field(description="What it is discounted at, a fraction a year.")
    price: float | None = None
    clean: float | None = None
    accrued: float | None = None
    outstanding: Minor | None = None
    value: Minor | None = None
    low: Minor | None = None
    high: Minor | None = None
    standard_error: Minor | None = Field(default=None, description="Of `value`, by simulation.")
    tiers: list[TierChance] = Field(default_factory=list)
    last_report: ReportEffect | None = None
    basis: str
    assumed: list[str]


class KpiForecast(Resource):
    """A KPI period as it is known now: the report (`known`; null value: it was missing), or what is expected
    of it. `period` counts from 0; `tiers`: of the first rule that this report decides."""

    kpi: str
    period: int
    start: date
    end: date
    known: bool
    value: float | None = None
    expected: Quantiles | None = None
    tiers: list[TierChance] = Field(default_factory=list)


# -- prices


def live_price(
    deal: Deal, realised: Realised, today: date, jobs: Jobs | None = None, owed: Owed | None = None
) -> LivePrice:
    """What the deal is worth on `today`, given the settled reports (KPI and period from 0 to the integer on
    chain, None for a missing one) and what a project is known to owe. With `jobs` a simulation that is needed
    and not there is begun."""
    if is_bond(deal):
        return _bond_price(deal, realised, today)
    return _swap_price(deal, realised, today, jobs, owed)


def _bond_price(deal: Deal, realised: Realised, today: date) -> LivePrice:
    bond = bonds.of(deal)
    now = live_value(bond, realised, today)
    rate = f"{100 * bond.coupon:g} %"
    return LivePrice(
        deal=deal.id,
        state="over" if now.dirty is None else "ready",
        day=today,
        rate=now.rate,
        price=now.dirty,
        clean=now.clean,
        accrued=now.accrued,
        outstanding=minor(deal, now.outstanding),
        tiers=_tiers(bond, 0, realised) if bond.claim.tiered else [],
        last_report=_bond_effect(bond, realised, today),
        basis=f"closed form, discounted at the coupon of {rate}",
        assumed=[
            "the discount yield is the coupon",
            *assumed_kpis(deal, {rule.kpi for rule, _ in fixing_rules(bond)}),
        ],
    )


def assumed_kpis(deal: Deal, names: Iterable[str]) -> list[str]:
    """Inputs of the KPIs' processes that no source gives."""
    starts = tuple(f"kpis.{name}.process." for name in sorted(names))
    return [
        f"{path}: {text}"
        for path, _, kind, text in deal.numbers()
        if kind == "assumed" and path.startswith(starts)
    ]


def _last(deal: Deal, realised: Realised, kpis: Iterable[str]) -> tuple[str, int] | None:
    """The report that was measured last."""
    known = [key for key in realised if key[0] in set(kpis)]
    return max(known, key=lambda key: (deal.kpis[key[0]].periods[key[1]].end, key), default=None)


def _bond_effect(bond: PreparedBond, realised: Realised, today: date) -> ReportEffect | None:
    deal = bond.deal
    rules = fixing_rules(bond)
    last = _last(deal, realised, {rule.kpi for rule, _ in rules})
    paid = [
        bond.flows.periods[index].end
        for rule, fixing in rules
        if (rule.kpi, fixing.kpi_period) == last
        for index in range(fixing.first, fixing.last + 1)
    ]
    if last is None or not paid:
        return None
    day = min(today, max(paid) - timedelta(days=1))
    without = {key: value for key, value in realised.items() if key != last}
    before, after = (live_value(bond, known, day).dirty for known in (without, realised))
    if before is None or after is None:
        return None
    return _effect(deal, last, realised[last], day, before=before, after=after, moved=after - before)


def _effect(deal: Deal, key: tuple[str, int], value: int | None, day: date, **moves: Any) -> ReportEffect:
    return ReportEffect(
        kpi=key[0],
        period=key[1],
        value=None if value is None else value / 10 ** deal.kpis[key[0]].decimals,
        day=day,
        **moves,
    )


def _tiers(bond: PreparedBond, index: int, realised: Realised) -> list[TierChance]:
    rule, fixing = fixing_rules(bond)[index]
    return tier_rows(bond.deal, rule, fixing, fixing_chances(bond, index, realised))


def tier_rows(deal: Deal, rule: Rule, fixing: Fixing, chances: Iterable[float]) -> list[TierChance]:
    """The tiers of a rule with their chances; none for a line."""
    kpi = deal.kpis[rule.kpi]
    percent = kpi.unit == "fraction"
    effect: Literal["amount", "rate"] = "amount" if fixing.effect is Effect.AMOUNT else "rate"
    return [
        TierChance(
            label=label(step, percent),
            start=None if place == 0 else knot.x / 10**kpi.decimals,
            effect=effect,
            y=str(knot.y),
            probability=chance,
        )
        for place, (step, knot, chance) in enumerate(
            zip(steps_of(rule), fixing.curve.knots, chances, strict=False)
        )
    ]


def minor(deal: Deal, amount: float) -> str:
    """Currency to whole minor units of the token, as text."""
    return str(round(Decimal(amount).scaleb(deal.currency.token_decimals)))


def _swap_price(
    deal: Deal, realised: Realised, today: date, jobs: Jobs | None, owed: Owed | None
) -> LivePrice:
    swap, outlook = swaps.of(deal), outlook_of(deal, realised)
    found = LivePrice(
        deal=deal.id,
        state="computing",
        day=today,
        rate=swap.rate,
        basis=f"{outlook_basis(outlook)}, discounted at {100 * swap.rate:g} %",
        assumed=assumed_kpis(deal, [deal.swap.kpi]),
    )
    if today >= swap.days[-1]:
        return found.model_copy(update={"state": "over"})
    if outlook is None:
        if jobs is not None:
            simulate_outlook(deal, jobs)
        return found
    now = swap.now(outlook, reported(deal, realised), today, owed=owed)
    share = deal.treasury
    unit = None if share is None or now.unit is None else 100 * now.unit / float(share.unit_price.value)
    return found.model_copy(
        update={
            "state": "ready",
            "price": unit,
            "value": minor(deal, now.value),
            "low": None if now.low is None else minor(deal, now.low),
            "high": None if now.high is None else minor(deal, now.high),
            "standard_error": minor(deal, now.standard_error),
            "last_report": _swap_effect(deal, swap, outlook, realised, today),
        }
    )


def outlook_basis(outlook: SwapOutlook | None) -> str:
    """How what is expected of a swap's periods is found, in words."""
    if outlook is not None and outlook.paths is None:
        return "closed form"
    return (
        f"exact mean of each period, spread over {PATHS:,} simulated paths (seed {SEED}) as seen at the start"
    )


def _swap_effect(
    deal: Deal, swap: PreparedSwap, outlook: SwapOutlook, realised: Realised, today: date
) -> ReportEffect | None:
    last = _last(deal, realised, [deal.swap.kpi])
    if last is None:
        return None
    day = min(today, swap.days[last[1]] - timedelta(days=1))
    without = {key: value for key, value in realised.items() if key != last}
    earlier = outlook if outlook.paths is not None else outlook_of(deal, without)
    assert earlier is not None
    before, after = (
        minor(deal, swap.now(seen, reported(deal, known), day).value)
        for seen, known in ((earlier, without), (outlook, realised))
    )
    return _effect(
        deal,
        last,
        realised[last],
        day,
        value_before=before,
        value_after=after,
        value_moved=str(int(after) - int(before)),
    )


# -- forecasts


def kpi_outlook(deal: Deal, realised: Realised, today: date) -> list[KpiForecast]:
    """Every period of every KPI that decides money: as reported, or what is expected of it now."""
    if not is_bond(deal):
        return _swap_forecasts(deal, realised)
    bond = bonds.of(deal)
    found = []
    for name in dict.fromkeys(rule.kpi for rule, _ in fixing_rules(bond)):
        for period in range(len(deal.kpis[name].periods)):
            found.append(_bond_forecast(bond, name, period, realised))
    return found


def _forecast(deal: Deal, name: str, period: int, realised: Realised, **more: Any) -> KpiForecast:
    kpi, value = deal.kpis[name], realised.get((name, period))
    return KpiForecast(
        kpi=name,
        period=period,
        start=kpi.periods[period].start,
        end=kpi.periods[period].end,
        known=(name, period) in realised,
        value=None if value is None else value / 10**kpi.decimals,
        **more,
    )


def _bond_forecast(bond: PreparedBond, name: str, period: int, realised: Realised) -> KpiForecast:
    rules = enumerate(fixing_rules(bond))
    at = next((i for i, (rule, fixing) in rules if (rule.kpi, fixing.kpi_period) == (name, period)), None)
    tiers = [] if at is None else _tiers(bond, at, realised)
    if (name, period) in realised:
        return _forecast(bond.deal, name, period, realised, tiers=tiers)
    law = later_law(bond, name, period, realised, bond.outlook)
    expected = quantiles_of(law)
    return _forecast(bond.deal, name, period, realised, expected=expected, tiers=tiers)


def quantiles_of(law: KpiProcess) -> Quantiles:
    """Mean and quantiles of a distribution, in the KPI's unit."""
    return quantiles_row(law.mean, law.quantile(np.array(QUANTILES)), law.description)


def quantiles_row(mean: float, values: Iterable[float], basis: str) -> Quantiles:
    """A mean and the values at QUANTILES."""
    p05, p25, p50, p75, p95 = map(float, values)
    return Quantiles(mean=float(mean), p05=p05, p25=p25, p50=p50, p75=p75, p95=p95, basis=basis)


def _swap_forecasts(deal: Deal, realised: Realised) -> list[KpiForecast]:
    name, outlook = deal.swap.kpi, outlook_of(deal, realised)
    found = []
    for period in range(len(deal.kpis[name].periods)):
        expected = None
        if outlook is not None and (name, period) not in realised:
            by = outlook.laws[period].description if outlook.laws else outlook_basis(outlook)
            expected = quantiles_row(outlook.mean[period], outlook.quantiles[:, period], by)
        found.append(_forecast(deal, name, period, realised, expected=expected))
    return found

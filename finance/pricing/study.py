"""A study of a deal's bond: every measure at one date under one market, from the deal file's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from finance.pricing.closed import expected_amount
from finance.pricing.draws import Floats
from finance.pricing.engine import joint_report
from finance.pricing.flows import Flows, deal_flows
from finance.pricing.market import DiscountCurve, Market
from finance.pricing.measures import (
    Greenium,
    RateRisk,
    accrued_price,
    best_amounts,
    bond_market,
    dirty_price,
    expected_amounts,
    fair_coupon,
    flow_table,
    greenium,
    rate_risk,
    worst_amounts,
    yield_from_price,
    z_spread,
)
from finance.pricing.outlook import Outlook, deal_outlook
from finance.pricing.process import KpiProcess, NormalKpi
from finance.pricing.sensitivity import (
    CapitalCost,
    KpiRisk,
    break_even_mean,
    cost_of_capital,
    kpi_risk,
    law_of,
)
from finance.terms.bond import KpiBond
from finance.terms.deal import Deal
from finance.terms.problems import InputError

GRID = 41  # points of the price curves


@dataclass(frozen=True)
class Study:
    """Measures of a bond on `settle`: prices per 100 outstanding, rates as fractions, KPI in its unit.

    `outlook` is what is expected of each KPI, `process` the distribution of its first report still to come.
    None stands for what there is not: a fixed bond's KPI, risk to a KPI with no mean to move, a break-even.
    """

    deal: Deal
    flows: Flows
    market: Market
    outlook: Outlook
    process: KpiProcess | None
    settle: date
    kpi_amounts: Floats
    clean: float
    accrued: float
    worst: float
    best: float
    implied_yield: float
    spread: float
    rate_risk: RateRisk
    kpi_risk: KpiRisk | None
    fair_coupon: float
    break_even: float | None
    greenium: Greenium | None

    @property
    def dirty(self) -> float:
        return self.clean + self.accrued

    @property
    def callable(self) -> bool:
        """Whether the issuer may call the bond, which no measure values: all are to maturity."""
        return self.deal.only(KpiBond).call is not None

    def to_dict(self) -> dict[str, Any]:
        """The study for JSON."""
        quoted = None if self.greenium is None else dict(self.greenium.__dict__)
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "settle": self.settle.isoformat(),
            "kpi": None
            if self.process is None
            else {
                "id": self.flows.kpi_flows[0].kpi,
                "model": self.process.description,
                "mean": self.process.mean,
                "sd": self.process.sd,
            },
            "clean": self.clean,
            "accrued": self.accrued,
            "dirty": self.dirty,
            "worst": self.worst,
            "best": self.best,
            "yield": self.implied_yield,
            "z_spread": self.spread,
            **self.rate_risk.__dict__,
            "kpi_delta": None if self.kpi_risk is None else self.kpi_risk.delta,
            "kpi_vega": None if self.kpi_risk is None else self.kpi_risk.vega,
            "fair_coupon": self.fair_coupon,
            "break_even_kpi": self.break_even,
            "greenium": quoted,
            **({"call": "not valued"} if self.callable else {}),
            "payments": [
                {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
                for row in flow_table(self.flows, self.market, self.settle, self.kpi_amounts).to_dict(
                    orient="records"
                )
            ],
        }


class DateError(InputError):
    """A day on which there is nothing to study; the message begins with it."""


def study(
    deal: Deal,
    expected: Outlook | KpiProcess,
    rate: float,
    spread: float = 0.0,
    settle: date | None = None,
    quote: float | None = None,
    curve: DiscountCurve | None = None,
) -> Study:
    """Measure the bond of `deal` on `settle` (default: the start of interest) at a flat `rate` plus `spread`,
    or on `curve` plus `spread`; the rate then counts for nothing.

    `expected` is a process for each KPI by its id, or one distribution for all; `quote` a clean price per 100
    whose greenium is wanted. Raises InputError for a date outside the bond's life, or after a KPI has been
    observed whose payment is still to come.
    """
    flows = deal_flows(deal)
    day, last = settle or flows.start, flows.dates[-1]
    if not flows.start <= day < last:
        raise DateError(f"{day}: must lie from {flows.start} to before {last}")
    if flows.clock.time(day) >= flows.clock.time(last):  # 30/360 knows no day between a 31st and a 1st
        raise DateError(
            f"{day}: no day is left by {flows.day_count} to the last payment: no yield, no spread"
        )
    flows = replace(flows, kpi_flows=tuple(flow for flow in flows.kpi_flows if flow.paid > day))
    market = bond_market(flows, rate, spread) if curve is None else Market(curve, spread)
    outlook = expected if isinstance(expected, Mapping) else {flow.kpi: expected for flow in flows.kpi_flows}
    # The processes start where interest begins, also when the price is of a later day.
    amounts = expected_amounts(flows, outlook, flows.start)
    dirty, accrued = dirty_price(flows, market, day, amounts), accrued_price(flows, day)
    implied = yield_from_price(flows, dirty, day, amounts)
    process = law_of(flows.kpi_flows[0], outlook, flows.start) if flows.kpi_flows else None
    try:
        risk = kpi_risk(flows, market, day, outlook) if flows.kpi_flows else None
    except InputError:  # a yes or no has no mean and sd that move apart
        risk = None
    level: float | None = None
    # No KPI makes every bond worth par, which is an answer.
    with suppress(InputError):
        if process is not None and joint_report(flows) is not None:
            level = break_even_mean(flows, market, day, process, 100 + accrued)
    return Study(
        deal=deal,
        flows=flows,
        market=market,
        outlook=outlook,
        process=process,
        settle=day,
        kpi_amounts=amounts,
        clean=dirty - accrued,
        accrued=accrued,
        worst=dirty_price(flows, market, day, worst_amounts(flows)),
        best=dirty_price(flows, market, day, best_amounts(flows)),
        implied_yield=implied,
        spread=z_spread(flows, market.with_spread(0.0), dirty, day, amounts),
        rate_risk=rate_risk(flows, implied, day, amounts),
        kpi_risk=risk,
        fair_coupon=fair_coupon(flows, market, day, amounts),
        break_even=level,
        greenium=None if quote is None else greenium(flows, market, day, amounts, quote),
    )


def deal_cost_of_capital(
    deal: Deal, risk_price: float, error_sd: float, reports: int = 1, rate: float | None = None
) -> CapitalCost:
    """`cost_of_capital` of a deal's bond at the start of interest, at a flat `rate` (default: the coupon).

    Raises InputError as `data_prior` does.
    """
    flows, prior = data_prior(deal)
    market = bond_market(flows, float(deal.only(KpiBond).coupon.rate.value) if rate is None else rate)
    return cost_of_capital(flows, market, flows.start, prior, risk_price, error_sd, reports)


def data_prior(deal: Deal) -> tuple[Flows, NormalKpi]:
    """The flows of a deal's bond, and the KPI that data would tell more of, as it is expected.

    Raises InputError, in a sentence, when there is no data that could lower the cost of capital: a fixed
    bond, several reports, or a KPI that is not normal when it is reported.
    """
    flows = deal_flows(deal)
    if not flows.kpi_flows:
        raise InputError("a fixed bond: no KPI, and so no data, decides anything here")
    if joint_report(flows) is None:
        count = len({(flow.kpi, flow.observed, flow.settled) for flow in flows.kpi_flows})
        raise InputError(f"{count} reports decide, and the cost of capital with data is known for one only")
    prior = law_of(flows.kpi_flows[0], deal_outlook(deal), flows.start)
    if not isinstance(prior, NormalKpi):
        kpi = deal.kpis[flows.kpi_flows[0].kpi]
        raise InputError(f"{kpi.title}: its process is {kpi.process.kind}, and this needs a normal one")
    return flows, prior


def price_curves(found: Study) -> pd.DataFrame:
    """Dirty price along the KPI's mean (4 sd either way) and along the yield (3 points either way).

    Columns: along (kpi_mean, kpi_shift or yield), x, price. Where several reports decide, all their means are
    shifted together: kpi_shift. A KPI without a movable mean gives the yield's rows only.
    """
    flows, day = found.flows, found.settle
    rows: list[tuple[str, float, float]] = []
    process: Any = found.process
    if hasattr(process, "moved") and joint_report(flows) is not None:
        for mean in np.linspace(process.mean - 4 * process.sd, process.mean + 4 * process.sd, GRID):
            if mean <= 0 and process.quantile(np.array([1e-9]))[0] > 0:
                continue  # a positive KPI has no such mean
            moved = process.moved(float(mean), process.sd)
            amounts = expected_amounts(flows, {flow.kpi: moved for flow in flows.kpi_flows}, flows.start)
            rows.append(("kpi_mean", float(mean), dirty_price(flows, found.market, day, amounts)))
    elif found.kpi_risk is not None and found.process is not None:
        for shift in np.linspace(-4 * found.process.sd, 4 * found.process.sd, GRID):
            rows.append(("kpi_shift", float(shift), _shifted_price(found, float(shift))))
    base = found.market.curve
    for shift in np.linspace(-0.03, 0.03, GRID):
        market = Market(base.shifted(float(shift)), found.market.spread)
        price = dirty_price(flows, market, day, found.kpi_amounts)
        rows.append(("yield", yield_from_price(flows, price, day, found.kpi_amounts), price))
    return pd.DataFrame(rows, columns=["along", "x", "price"])


def _shifted_price(found: Study, shift: float) -> float:
    laws = [law_of(flow, found.outlook, found.flows.start) for flow in found.flows.kpi_flows]
    moved = [process.moved(process.mean + shift, process.sd) for process in laws]  # type: ignore[attr-defined]
    amounts = [expected_amount(flow, each) for flow, each in zip(found.flows.kpi_flows, moved, strict=True)]
    return dirty_price(found.flows, found.market, found.settle, np.array(amounts))

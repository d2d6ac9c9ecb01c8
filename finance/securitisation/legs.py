"""What the swaps of a vehicle bring and take, by the vehicle's periods: for valuing it, not for settlement.

Each provider pays. What the vehicle cannot pay at once it owes without late interest, and is paid its next
amount all the same; on chain that is netted, and interest runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from finance.settlement.spv_terms import VehicleTerms
from finance.settlement.swap_terms import pay_dates
from finance.settlement.waterfall_plan import Plan
from finance.swaps.index import IndexTerms, period_kpis
from finance.terms.deal import Deal
from finance.terms.spv import Spv
from finance.terms.swap import KpiPayment

Floats = NDArray[np.float64]


def priced(terms: VehicleTerms) -> Plan:
    """The plan in which what is owed on a swap carries over: the debts that it is given are those of each
    period alone."""
    owed = {f"{key}.owed" for key in terms.swaps}
    claims = tuple(
        replace(each, carries=True, late=False) if each.name in owed else each for each in terms.plan.claims
    )
    return replace(terms.plan, claims=claims)


def drawn(
    deal: Deal,
    terms: VehicleTerms,
    key: str,
    stream: np.random.Generator,
    count: int,
    facts: Mapping[str, Floats],
) -> tuple[Floats, Floats]:
    """What the swap brings, and what the vehicle owes on it, minor units, shape (paths, periods). `facts` are
    the KPIs that are drawn for the vehicle already, as they stand on chain, by measure: the swap goes by the
    same. Raises InputError for a KPI that only a twin simulates."""
    alone = deal.alone(key)
    kpi, measures = deal.part(key, KpiPayment).kpi, deal.part(terms.key, Spv).measures
    for name, values in facts.items():
        if name in measures and measures[name].kpi == kpi:
            return _amounts(alone, terms, values / 10 ** deal.kpis[kpi].decimals)
    normals = stream.standard_normal((count, len(pay_dates(alone))))
    return _amounts(alone, terms, period_kpis(alone).draw(normals.T).T)


def medians(deal: Deal, terms: VehicleTerms, key: str) -> tuple[list[int], list[int]]:
    """The same with its KPI at its medians, whole minor units, by period."""
    alone = deal.alone(key)
    kpis = period_kpis(alone).draw(np.zeros((len(pay_dates(alone)), 1))).T
    brings, owes = _amounts(alone, terms, kpis)
    return [int(each) for each in np.rint(brings[0])], [int(each) for each in np.rint(owes[0])]


def _amounts(alone: Deal, terms: VehicleTerms, kpis: Floats) -> tuple[Floats, Floats]:
    index, dates = IndexTerms.of(alone), pay_dates(alone)
    amounts = (index.payoff(kpis[:, : len(dates)]) + index.fixed) * 10.0**terms.currency_decimals
    found = np.zeros((len(kpis), len(terms.plan.due)))
    for number, date in enumerate(dates):
        found[:, next(i for i, due in enumerate(terms.plan.due) if due >= date)] += amounts[:, number]
    return np.maximum(found, 0.0), np.maximum(-found, 0.0)

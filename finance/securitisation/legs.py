"""What the swaps of a vehicle bring and take, by the vehicle's periods: for valuing it, not for settlement.

Each provider pays. What the vehicle owes bears late interest from the pay date on. What it cannot pay when a
period is run carries over; then its interest bears interest too, and the vehicle is paid its next amount all
the same, where on chain interest is simple and the next amount is netted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finance.settlement.spv_terms import VehicleTerms
from finance.settlement.swap_terms import pay_dates, swap_terms
from finance.settlement.terms import SECONDS_PER_DAY
from finance.settlement.waterfall_plan import Due, Interest, Plan, Total
from finance.swaps.holders import repaid
from finance.swaps.index import IndexTerms, period_kpis
from finance.terms.deal import Deal
from finance.terms.spv import Spv
from finance.terms.swap import KpiPayment

Floats = NDArray[np.float64]
DAYS: Final = 365
"""Of a year of late interest, as the swap settles it."""


def priced(deal: Deal, terms: VehicleTerms) -> Plan:
    """The plan in which what is owed on a swap carries over, with late interest: the debts that it is given
    are those of each period alone."""
    due = terms.plan.due
    years = tuple(((later - earlier) // SECONDS_PER_DAY, DAYS) for earlier, later in pairwise((due[0], *due)))

    def carried(claim: Due) -> Due:
        key = claim.name.removesuffix(".owed")
        if key not in terms.swaps or claim.name == key:
            return claim
        late = Interest(swap_terms(deal.alone(key)).payment.late_rate, (claim.name,), years)
        return replace(claim, amount=Total((f"{key}.debt", late)), carries=True, late=False)

    return replace(terms.plan, claims=tuple(map(carried, terms.plan.claims)))


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
    rate = float(alone.only(KpiPayment).late_rate.value) / (DAYS * SECONDS_PER_DAY)
    brings, owes = (np.zeros((len(kpis), len(terms.plan.due))) for _ in range(2))
    for period, due in enumerate(terms.plan.due):
        since = terms.plan.due[period - 1] if period else 0
        principal, interest = (np.zeros(len(kpis)) for _ in range(2))
        for number, date in enumerate(dates):
            if since < date <= due:
                principal, interest, paid = repaid(principal, interest, np.maximum(amounts[:, number], 0.0))
                brings[:, period] += paid
                principal = principal + np.maximum(-amounts[:, number], 0.0)
                until = min([due, *dates[number + 1 : number + 2]])
                interest = interest + principal * (rate * (until - date))
        owes[:, period] = principal + interest
    return brings, owes

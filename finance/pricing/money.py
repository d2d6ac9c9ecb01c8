"""Money of a whole issue at the end of each coupon period: certain, expected, or in one case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from finance.pricing.claim import BondClaim
from finance.pricing.engine import ClosedForm
from finance.pricing.flows import Floats, Flows
from finance.pricing.yields import Stream


def period_of(claim: BondClaim, day: Any) -> int:
    """The coupon period, from 0, that ends on `day`."""
    return next(index for index, period in enumerate(claim.schedule) if period.end == day)


def case_flows(claim: BondClaim, values: Sequence[int]) -> list[float]:
    """Money at the end of each period for the whole issue when the fixings give `values`."""
    by_period = [0.0] * len(claim.schedule)
    for _, index, amount in claim.payments(values):
        by_period[index] += float(amount)
    return by_period


def expected_flows(claim: BondClaim, flows: Flows, exact: ClosedForm) -> list[float]:
    """Money at the end of each period for the whole issue as it is expected."""
    by_period = [float(amount) for amount in flows.certain]
    for flow, amount in zip(flows.kpi_flows, exact.amounts, strict=True):
        by_period[period_of(claim, flow.paid)] += amount
    return by_period


def stream(flows: Flows, money: Sequence[float] | Floats) -> Stream:
    """`money` of the whole issue at the end of each period, per 100 of principal, from the start of
    interest.
    """
    times = np.array([flows.clock.time(day) for day in flows.dates])
    return Stream(times, 100 / flows.face * np.asarray(money, dtype=np.float64), flows.frequency)


def discount_factors(flows: Flows, rate: float) -> Floats:
    """The factor at the end of each period, from the start of interest."""
    return stream(flows, flows.certain).factors(rate)

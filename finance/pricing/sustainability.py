"""Sustainability-linked bonds: a coupon that steps when a target is missed, and an issuer who may try to meet
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from finance.pricing.closed import expected_amount
from finance.pricing.flows import RATE_SCALE, Flows, KpiFlow, bond_flows
from finance.pricing.market import Market
from finance.pricing.measures import fair_coupon, weights
from finance.pricing.process import NormalKpi
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms.problems import InputError
from finance.terms.schedule import AccrualPeriod


def linked_bond(
    face: float,
    rate: float,
    schedule: Sequence[AccrualPeriod],
    observed: date,
    target: float,
    step: float,
    decimals: int = 6,
    kpi: str = "kpi",
    frequency: int = 2,
    day_count: str = "30/360",
) -> Flows:
    """A bond whose coupon is higher by `step` (lower if negative) from the first period that begins on or
    after `observed`, when the KPI there is below `target`.

    Raises InputError when no period begins late enough.
    """
    plain = bond_flows(face, rate, schedule, day_count=day_count, frequency=frequency)
    threshold = round(target * 10**decimals)
    curve = Curve.of(Shape.STEP, [(threshold - 1, round(step * RATE_SCALE)), (threshold, 0)])
    later = [period for period in plain.periods if period.start >= observed]
    if not later:
        raise InputError(f"{observed}: no coupon period begins on or after the observation")
    steps = tuple(
        KpiFlow(p.end, observed, curve, decimals, p.outstanding * p.accrual / RATE_SCALE, kpi) for p in later
    )
    return Flows(plain.face, plain.periods, steps, day_count, frequency)


@dataclass(frozen=True)
class Effort:
    """What trying would do: raise the KPI's mean by `gain`, at a cost now of `cost` per 100 of face."""

    gain: float
    cost: float


def tries(flows: Flows, market: Market, settle: date, idle: NormalKpi, effort: Effort) -> bool:
    """Whether the penalty that effort is expected to save is worth more than the effort costs."""
    trying = NormalKpi(idle.mean + effort.gain, idle.sd)
    by_kpi = weights(flows, market, settle)[1]
    saved = sum(
        worth * (expected_amount(flow, idle) - expected_amount(flow, trying))
        for flow, worth in zip(flows.kpi_flows, by_kpi, strict=True)
    )
    return bool(100 * saved / flows.face > effort.cost)


def fair_linked_coupon(
    flows: Flows, market: Market, settle: date, idle: NormalKpi, effort: Effort | None = None
) -> float:
    """The issue coupon at which the linked bond is worth par to buyers who foresee whether the issuer will
    try.

    Without effort a more ambitious target is missed more often, so the fair coupon only falls. With effort it
    is not monotonic in ambition: a target within reach is worth trying for, one out of reach is not. That
    fair yields of such bonds are non-monotonic in ambition: A. Chen, M. Hinken and G. Löffler, Energy
    Economics 159 (2026), doi:10.1016/j.eneco.2026.109382; the model here is the simplest with that property,
    not theirs.
    """
    kpi = idle
    if effort is not None and tries(flows, market, settle, idle, effort):
        kpi = NormalKpi(idle.mean + effort.gain, idle.sd)
    amounts = np.array([expected_amount(flow, kpi) for flow in flows.kpi_flows])
    return fair_coupon(flows, market, settle, amounts)

"""A KPI coupon is a rate reset whose market object is a payoff curve, for any type of amortisation.

The bond is shaped after Enel's sustainability-linked bond of 2019: USD 1.5bn, 2.650 %, September 2024, 25 bp
more if renewable capacity is below 55 % at 2021-12-31. Payment days and the day count are assumed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from finance.actus import Flow, KpiRate, Observations, bulk, flows
from finance.settlement.accrual import RATE_ONE, interest
from finance.settlement.payoff_curve import Curve, Shape
from tests.finance.actus_contracts import day, seen, series

FACE = 1_500_000_000
BASE_RATE, STEP = 26_500_000_000_000_000, 2_500_000_000_000_000
CURVE = Curve.of(Shape.STEP, [(0, BASE_RATE + STEP), (550_000, BASE_RATE)])
BOND: dict[str, Any] = {
    "contractID": "step-bond",
    "contractRole": "RPA",
    "currency": "USD",
    "statusDate": "2019-09-09",
    "initialExchangeDate": "2019-09-10",
    "maturityDate": "2024-09-10",
    "notionalPrincipal": FACE,
    "nominalInterestRate": "0.0265",
    "dayCountConvention": "30E360",
    "cycleOfInterestPayment": "P6ML1",
    "cycleOfPrincipalRedemption": "P6ML1",
    "cycleAnchorDateOfRateReset": "2022-03-10",
    "marketObjectCodeOfRateReset": "renewable-capacity",
}


def observed(share: float) -> Observations:
    kpi = series("share", ("2019-09-10", 0.459), ("2021-12-31", share))
    return Observations({"renewable-capacity": KpiRate(CURVE, kpi)})


def coupons(kind: str, share: float) -> list[Flow]:
    found = flows({**BOND, "contractType": kind}, observed(share))
    return [flow for flow in found if flow.type == "IP"]


@pytest.mark.parametrize(("share", "step"), [(0.549999, STEP), (0.55, 0), (0.575, 0)])
def test_bullet_pays_the_coupons_that_are_settled_on_chain(share: float, step: int) -> None:
    expected = [interest(FACE, BASE_RATE, 180, 360)] * 5 + [interest(FACE, BASE_RATE + step, 180, 360)] * 5
    assert [flow.payoff for flow in coupons("PAM", share)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("share", "step"), [(0.459, STEP), (0.55, 0)])
def test_linear_amortizer_steps_on_what_is_outstanding(share: float, step: int) -> None:
    paid = coupons("LAM", share)
    for number, flow in enumerate(paid):
        rate = BASE_RATE + (step if number >= 5 else 0)
        assert flow.payoff == pytest.approx(interest(FACE * (10 - number) // 10, rate, 180, 360), abs=1e-6)


def test_annuity_is_fixed_anew_by_the_step() -> None:
    found = flows({**BOND, "contractType": "ANN"}, observed(0.459))
    totals: dict[Any, float] = {}
    for flow in found:
        if flow.type in ("PR", "IP", "MD"):
            totals[flow.time] = totals.get(flow.time, 0.0) + flow.payoff
    levels = list(totals.values())

    def level(principal: float, rate: int, payments: int) -> float:
        growth = rate / RATE_ONE / 2
        return principal * growth / (1 - (1 + growth) ** -payments)

    outstanding = next(flow.state.Nt for flow in found if flow.type == "RR")
    assert levels[:5] == pytest.approx([level(FACE, BASE_RATE, 10)] * 5)
    assert levels[5:] == pytest.approx([level(outstanding, BASE_RATE + STEP, 5)] * 5)


def test_linear_curve_and_many_scenarios_in_bulk() -> None:
    """One row of period rates a scenario gives the coupons of the state machine."""
    curve = Curve.of(Shape.LINEAR, [(400_000, BASE_RATE + STEP), (600_000, BASE_RATE)])
    shares = [0.35, 0.459, 0.5, 0.6123]
    rates = [KpiRate(curve, series("share", ("2021-12-31", share)))(day("2022-03-10")) for share in shares]
    assert rates == pytest.approx([0.029, 0.0282625, 0.02775, 0.0265])
    matrix = np.hstack([np.full((4, 5), 0.0265), np.repeat(np.array(rates)[:, None], 5, axis=1)])
    loans = bulk.Loans(
        initial_exchange=np.full(4, np.datetime64("2019-09-10")),
        maturity=np.full(4, np.datetime64("2024-09-10")),
        notional=np.full(4, float(FACE)),
        rate=matrix,
    )
    many = bulk.flows(loans).interest
    for row, share in zip(many, shares, strict=True):
        market = seen(series("share", ("2021-12-31", share)))
        one = Observations({"renewable-capacity": KpiRate(curve, market.market["share"])})
        found = [f.payoff for f in flows({**BOND, "contractType": "PAM"}, one) if f.type == "IP"]
        assert row == pytest.approx(found, abs=1e-6)

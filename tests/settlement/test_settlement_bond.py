"""Replay of a KPI bond against the published amounts of the DC Water bond and hand-made small ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import floor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from finance.settlement import SettlementError
from finance.settlement.bond import Payment, fixed, rate, replay
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum, payoff
from finance.settlement.terms import CouponPeriod, Effect, Fixing, SettlementTerms, settlement_terms
from finance.terms import load_deal
from tests.settlement.engine import ReplayEngine, Reverted

DEAL = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
USD = 10**6  # minor units of the deal's currency on chain


@pytest.fixture(scope="module")
def dc_water() -> SettlementTerms:
    return settlement_terms(load_deal(DEAL))


def totals(payments: list[Payment], kind: str) -> list[int]:
    return [p.total for p in payments if p.kind == kind]


@pytest.mark.parametrize(
    ("kpi", "outcome"),
    [
        (413_001, 3_300_000),
        (413_000, 0),
        (300_000, 0),
        (186_000, 0),
        (185_999, -3_300_000),
        (None, 3_300_000),  # the issuer controls the data, so silence costs it the most a report could
    ],
)
def test_dc_water_pays_what_its_fact_sheet_says(
    dc_water: SettlementTerms, kpi: int | None, outcome: int
) -> None:
    payments = replay(dc_water, 25_000, [kpi])
    # 2016-10-01 to 2021-04-01: nine half-years of 25,000,000 x 3.43 % / 2.
    assert totals(payments, "coupon") == [428_750 * USD] * 9
    assert totals(payments, "principal") == [25_000_000 * USD]
    assert totals(payments, "outcome") == [outcome * USD]
    assert all(p.due == p.total for p in payments)
    assert [p.index for p in payments] == [*range(9), 9, 9]


def test_half_the_issue_gets_half_the_outcome(dc_water: SettlementTerms) -> None:
    assert totals(replay(dc_water, 12_500, [413_001]), "outcome") == [1_650_000 * USD]
    assert totals(replay(dc_water, 12_500, [185_999]), "outcome") == [-1_650_000 * USD]


def bullet(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """A bond of few minor units, where every rounding shows; no outcome takes more than the principal."""
    unit_principal, hard_cap, count = rng.randint(1, 50), rng.randint(1, 40), rng.randint(1, 12)
    most, rate = unit_principal * hard_cap, rng.randrange(10**18)
    steps = (0, -rng.randint(0, rate // 8), rng.randrange(10**17))
    points = [(-9, -rng.randint(0, most)), (9, rng.randint(0, 2 * most))]
    outcome = Fixing(
        0, 0, Effect.AMOUNT, count - 1, count - 1, Curve.of(rng.choice(list(Shape)), points),
        missing=rng.randint(-most, 2 * most),
    )  # fmt: skip
    return replace(
        terms,
        unit_principal=unit_principal,
        hard_cap=hard_cap,
        rate=rate,
        periods=tuple(
            CouponPeriod(
                i, i + 1, rng.randint(0, 370), rng.choice((360, 365, 366)), repayment, rng.choice(steps)
            )
            for i, repayment in enumerate([0] * (count - 1) + [unit_principal])
        ),
        fixings=(outcome,),
    )


def bent(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """`bullet` with repayments on the way, coupon steps that may overlap, and payments before maturity."""
    terms = bullet(terms, rng)
    count, left, back = len(terms.periods), terms.unit_principal, []
    for _ in range(count - 1):
        back.append(rng.randint(0, left))
        left -= back[-1]
    periods = tuple(replace(p, repayment=r) for p, r in zip(terms.periods, [*back, left], strict=True))
    fixings = []
    for _ in range(rng.randint(0, 4)):
        first = rng.randrange(count)
        low = -(terms.rate // 5)  # four of them, and an eighth by the terms
        points = [(-9, rng.randint(low, 0)), (9, rng.randint(0, 10**17))]
        curve = Curve.of(rng.choice(list(Shape)), points)
        last = rng.randrange(first, count)
        fixings.append(Fixing(0, 0, Effect.RATE, first, last, curve, rng.randint(low, 10**17)))
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(count)
        curve = Curve.of(Shape.STEP, [(0, 0), (5, rng.randint(0, 100))])
        fixings.append(Fixing(0, 0, Effect.AMOUNT, at, at, curve, rng.randint(0, 100)))
    return replace(terms, periods=periods, fixings=tuple(fixings))


def test_money_is_conserved_and_dust_is_carried(dc_water: SettlementTerms, seed: int) -> None:
    """Up to every payment: paid = due so far, rounded down to a whole minor unit for each unit."""
    rng = Random(seed)
    for _ in range(2_000):
        terms = rng.choice((bullet, bent))(dc_water, rng)
        units = rng.randint(1, terms.hard_cap)
        reports = [rng.choice((None, rng.randint(-12, 12))) for _ in terms.fixings]
        due = paid = 0
        # What is paid on one day is one distribution and shares an index; the redemption has its own.
        for _, shared in groupby(replay(terms, units, reports), key=lambda p: p.index):
            together = list(shared)
            due += sum(p.due for p in together)
            paid += sum(p.total for p in together)
            assert all(p.total == p.per_unit * units for p in together), f"seed {seed}"
            assert paid == due // units * units, f"seed {seed}"


def test_coupons_are_exact_interest_rounded_down(dc_water: SettlementTerms, seed: int) -> None:
    rng = Random(seed)
    for _ in range(500):
        terms = rng.choice((bullet, bent))(dc_water, rng)
        units = rng.randint(1, terms.hard_cap)
        kpi = rng.randint(-12, 12)
        paid = replay(terms, units, [kpi] * len(terms.fixings))
        coupons = [p for p in paid if p.kind == "coupon" and p.index < len(terms.periods)]
        left = terms.unit_principal
        for index, (payment, period) in enumerate(zip(coupons, terms.periods, strict=True)):
            year = Fraction(period.numerator, period.denominator)
            rate = (
                terms.rate
                + period.step
                + sum(
                    payoff(f.curve, kpi)
                    for f in terms.fixings
                    if f.effect is Effect.RATE and f.first <= index <= f.last
                )
            )
            assert payment.due == floor(left * units * Fraction(rate, 10**18) * year), f"seed {seed}"
            left -= period.repayment
        assert left == 0
        assert sum(p.total for p in paid if p.kind == "principal") == terms.unit_principal * units


def test_a_repaid_part_bears_no_more_interest(dc_water: SettlementTerms) -> None:
    """Half repaid after the first of two years at 4 %: interest 4 then 2 per 100."""
    periods = (CouponPeriod(0, 1, 1, 1, 50), CouponPeriod(1, 2, 1, 1, 50))
    terms = replace(dc_water, unit_principal=100, hard_cap=1, rate=4 * 10**16, periods=periods, fixings=())
    assert [(p.kind, p.total) for p in replay(terms, 1, [])] == [
        ("coupon", 4), ("principal", 50), ("coupon", 2), ("principal", 50),
    ]  # fmt: skip


def test_silence_never_pays_the_issuer(dc_water: SettlementTerms) -> None:
    """Law 4 on the shipped deal: no report could cost the issuer more than none."""
    assert dc_water.data_controller == "issuer"
    missing = sum(p.total for p in replay(dc_water, 25_000, [None]))
    for kpi in range(dc_water.feeds[0].min_value, dc_water.feeds[0].max_value, 997):
        assert sum(p.total for p in replay(dc_water, 25_000, [kpi])) <= missing


def enlarged(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """The same bond with amounts of many digits."""
    scale = 10 ** rng.randint(1, 15)
    periods = [replace(p, repayment=p.repayment * scale + rng.randrange(scale)) for p in terms.periods]
    fixings = [
        replace(f, curve=Curve(f.curve.shape, tuple(replace(k, y=k.y * scale) for k in f.curve.knots)))
        if f.effect is Effect.AMOUNT
        else f
        for f in terms.fixings
    ]
    unit = sum(p.repayment for p in periods)
    return replace(terms, unit_principal=unit, periods=tuple(periods), fixings=tuple(fixings))


def with_takers(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """Up to three more amounts at maturity that holders may owe, together within what is redeemed.

    Each is rounded against holders by itself, so each but one keeps a minor unit of each unit in reserve.
    """
    last, takers = len(terms.periods) - 1, rng.randint(1, 3)
    room = terms.hard_cap * (terms.periods[-1].repayment - (takers - 1))
    if room <= 0 or any(f.effect is Effect.AMOUNT and f.first == last for f in terms.fixings):
        return terms
    cuts = sorted(rng.randint(0, room) for _ in range(takers))
    parts = [cut - before for cut, before in zip(cuts, [0, *cuts], strict=False)]
    curves = [Curve.of(rng.choice(list(Shape)), [(-9, -p), (9, rng.randint(0, room))]) for p in parts]
    more = (Fixing(0, 0, Effect.AMOUNT, last, last, curve, 0) for curve in curves)
    return replace(terms, fixings=(*terms.fixings, *more))


def acceptable(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """With a rule for silence that costs whoever controls the data."""
    issuer = rng.random() < 0.5
    fixings = [replace(f, missing=(maximum if issuer else minimum)(f.curve)) for f in terms.fixings]
    return replace(terms, fixings=tuple(fixings), data_controller="issuer" if issuer else "holders")


def test_a_real_bond_pays_what_the_replay_says(dc_water: SettlementTerms, seed: int, cases: int) -> None:
    """Random bonds, small and large, through KpiBond and SecurityToken themselves: the same to the unit."""
    engine = ReplayEngine()
    rng = Random(f"{seed}/replay")
    for case in range(max(200, cases // 25)):
        terms = (bullet, bent)[case % 2](dc_water, rng)
        if rng.random() < 0.5:
            terms = enlarged(terms, rng)
        if case % 2 and rng.random() < 0.5:
            terms = with_takers(terms, rng)
        terms = acceptable(terms, rng)
        units = rng.randint(1, terms.hard_cap)
        reports = [rng.choice((None, rng.randint(-12, 12))) for _ in terms.fixings]
        where = f"PENSTOCK_SEED={seed}, case {case}: {units} units, reports {reports}, {terms}"
        expected = replay(terms, units, reports)
        values, payments = fixed(terms, reports), range(len(terms.periods) + 1)
        paid, rates, outcomes, claimed = engine.run(terms, units, reports)
        assert list(paid) == [sum(p.total for p in expected if p.index == i) for i in payments], where
        assert list(rates) == [rate(terms, i, values) for i in payments[:-1]], where
        due = [sum(p.due for p in expected if (p.kind, p.index) == ("outcome", i)) for i in payments]
        assert list(outcomes) == due, where
        assert claimed == sum(p.total for p in expected), where


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("repayments", lambda t: {"periods": tuple(replace(p, repayment=1) for p in t.periods)}),
        ("range", lambda t: {"fixings": (replace(t.fixings[0], first=9, last=9),)}),
        ("dated and negative", lambda t: {"fixings": (replace(t.fixings[0], first=3, last=3),)}),
        (
            "rate below zero",
            lambda t: {
                "fixings": (
                    replace(
                        t.fixings[0],
                        effect=Effect.RATE,
                        curve=Curve.of(Shape.STEP, [(0, -(343 * 10**14) - 1), (1, 0)]),
                        missing=0,
                    ),
                )
            },
        ),
    ],
)
def test_a_real_bond_refuses_what_the_deal_file_does(
    dc_water: SettlementTerms, name: str, change: Callable[[SettlementTerms], dict[str, Any]]
) -> None:
    engine = ReplayEngine()
    engine.run(dc_water, 25_000, [None])
    with pytest.raises(Reverted):
        engine.run(replace(dc_water, **change(dc_water)), 25_000, [None])


@pytest.mark.parametrize("units", [0, -1, 25_001])
def test_units_outside_the_issue_are_refused(dc_water: SettlementTerms, units: int) -> None:
    with pytest.raises(SettlementError, match="units"):
        replay(dc_water, units, [0])

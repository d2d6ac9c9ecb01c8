"""Replay of a KPI bond against the published amounts of the DC Water bond and hand-made small ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import floor
from pathlib import Path
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.bond import Payment, replay
from finance.settlement.payoff_curve import Curve, Kind, maximum, minimum, payoff
from finance.settlement.terms import CouponPeriod, Effect, Fixing, SettlementTerms, settlement_terms
from finance.terms import load_deal
from tests.settlement.engine import ReplayEngine

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
    most = unit_principal * hard_cap
    points = [(-9, -rng.randint(0, most)), (9, rng.randint(0, 2 * most))]
    outcome = Fixing(
        0, 0, Effect.AMOUNT, count - 1, count - 1, Curve.of(rng.choice(list(Kind)), points),
        missing=rng.randint(-most, 2 * most),
    )  # fmt: skip
    return replace(
        terms,
        unit_principal=unit_principal,
        hard_cap=hard_cap,
        rate=rng.randrange(10**18),
        periods=tuple(
            CouponPeriod(i, i + 1, rng.randint(0, 370), rng.choice((360, 365, 366)), repayment)
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
        low = -(terms.rate // 4)
        points = [(-9, rng.randint(low, 0)), (9, rng.randint(0, 10**17))]
        curve = Curve.of(rng.choice(list(Kind)), points)
        last = rng.randrange(first, count)
        fixings.append(Fixing(0, 0, Effect.RATE, first, last, curve, rng.randint(low, 10**17)))
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(count)
        curve = Curve.of(Kind.STEP, [(0, 0), (5, rng.randint(0, 100))])
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
            rate = terms.rate + sum(
                payoff(f.curve, kpi)
                for f in terms.fixings
                if f.effect is Effect.RATE and f.first <= index <= f.last
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


def test_a_real_bond_pays_what_the_replay_says(dc_water: SettlementTerms, seed: int, cases: int) -> None:
    """Random bonds, small and large, through KpiBond and SecurityToken themselves: the same to the unit."""
    engine = ReplayEngine()
    rng = Random(f"{seed}/replay")
    for case in range(max(100, cases // 50)):
        terms = bullet(dc_water, rng)
        if case % 2:
            scale = 10 ** rng.randint(1, 15)
            curve = [(k.x, k.y * scale + rng.randrange(scale)) for k in terms.fixings[0].curve.knots]
            unit = terms.unit_principal * scale + rng.randrange(scale)
            terms = replace(
                terms,
                unit_principal=unit,
                periods=(*terms.periods[:-1], replace(terms.periods[-1], repayment=unit)),
                fixings=(replace(terms.fixings[0], curve=Curve.of(terms.fixings[0].curve.kind, curve)),),
            )
        # Both are accepted terms: silence costs an issuer, or holders, who control the data.
        issuer = rng.random() < 0.5
        missing = maximum(terms.fixings[0].curve) if issuer else minimum(terms.fixings[0].curve)
        terms = replace(
            terms,
            fixings=(replace(terms.fixings[0], missing=missing),),
            data_controller="issuer" if issuer else "holders",
        )
        units = rng.randint(1, terms.hard_cap)
        kpi = rng.choice((None, rng.randint(-12, 12)))
        expected = replay(terms, units, [kpi])
        coupons, fixed, redeemed, claimed = engine.run(
            (
                terms.unit_principal,
                terms.hard_cap,
                units,
                terms.rate,
                [p.numerator for p in terms.periods],
                [p.denominator for p in terms.periods],
                (int(terms.fixings[0].curve.kind), [(k.x, k.y) for k in terms.fixings[0].curve.knots]),
                terms.fixings[0].missing,
                0 if issuer else 1,
                kpi is None,
                kpi or 0,
            )
        )
        where = f"PENSTOCK_SEED={seed}, case {case}: {units} units, KPI {kpi}, {terms}"
        assert list(coupons) == totals(expected, "coupon"), where
        assert fixed == next(p.due for p in expected if p.kind == "outcome"), where
        assert redeemed == sum(p.total for p in expected if p.kind != "coupon"), where
        assert claimed == sum(p.total for p in expected), where


@pytest.mark.parametrize("units", [0, -1, 25_001])
def test_units_outside_the_issue_are_refused(dc_water: SettlementTerms, units: int) -> None:
    with pytest.raises(SettlementError, match="units"):
        replay(dc_water, units, [0])

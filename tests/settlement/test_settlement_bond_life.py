"""Random lives of bonds, late payments and defaults included: KpiBond itself against its Python twin, act by
act; and what must hold for any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.bond_life import DAY, LATE_ONE, BondLife, Settled, State
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.terms import CouponPeriod, Effect, Fixing, SettlementTerms, settlement_terms
from finance.terms import load_deal
from tests.settlement.engine import NOW, ReplayEngine

DEAL = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
QUARTER = 91 * DAY
GRACE, CURE = 10 * DAY, 40 * DAY
ACTS = ("receive", "fund", "fix", "pay", "redeem", "default", "cure", "accelerate", "recover", "surplus")
"""As BondReplay.act numbers them."""


@pytest.fixture(scope="module")
def dc_water() -> SettlementTerms:
    return settlement_terms(load_deal(DEAL))


@pytest.fixture(scope="module")
def engine() -> ReplayEngine:
    return ReplayEngine()


def a_bond(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """Few minor units, so that every rounding shows; repayments, rates by the terms, overlapping steps,
    amounts; each fixing by a report of its own, on what is measured before or after the payment it bends."""
    count, units = rng.randint(1, 5), rng.randint(1, 30)
    back = [rng.randint(0, 3_000) for _ in range(count - 1)] + [rng.randint(1, 90_000)]
    issuer, rate, fixings, ends = rng.random() < 0.5, rng.randrange(10**17), [], []
    periods = tuple(
        CouponPeriod(
            NOW + i * QUARTER, NOW + (i + 1) * QUARTER, rng.randint(80, 95), 360, part,
            rng.choice((0, rng.randint(-rate // 20, 10**17))),
        )
        for i, part in enumerate(back)
    )  # fmt: skip
    for number in range(rng.randint(0, 4)):
        first, effect = rng.randrange(count), rng.choice(list(Effect))
        last = rng.randrange(first, count) if effect is Effect.RATE else first
        if effect is Effect.RATE:
            points = [(-9, -rng.randint(0, rate // 5)), (9, rng.randint(0, 10**17))]
        else:
            taken = rng.randint(0, max(0, back[-1] * units // 5 - units)) if first + 1 == count else 0
            points = [(-9, -taken), (9, rng.randint(0, 5_000))]
        curve = Curve.of(rng.choice(list(Shape)), points if rng.random() < 0.5 else _turned(points))
        missing = (maximum if issuer else minimum)(curve)
        fixings.append(Fixing(0, number, effect, first, last, curve, missing))
        ends.append(NOW + (first + 1) * QUARTER + rng.randint(-60, 40) * DAY)
    return replace(
        terms,
        unit_principal=sum(back),
        hard_cap=units,
        rate=rate,
        late_rate=7 * 10**17 + rng.randrange(10**17),
        periods=periods,
        grace_seconds=GRACE,
        cure_seconds=CURE,
        data_controller="issuer" if issuer else "holders",
        feeds=(replace(terms.feeds[0], period_ends=tuple(ends)),),
        fixings=tuple(fixings),
    )


def _turned(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    (x0, y0), (x1, y1) = points
    return [(x0, y1), (x1, y0)]


class Twins:
    """One bond lived by the contract and by its twin at once."""

    def __init__(self, engine: ReplayEngine, terms: SettlementTerms, rng: Random) -> None:
        self.engine, self.terms, self.rng, self.at = engine, terms, rng, NOW
        self.units = rng.randint(1, terms.hard_cap)
        self.kpis = [rng.choice((None, rng.randint(-12, 12))) for _ in terms.fixings]
        ends = terms.feeds[0].period_ends
        self.settles = [end + rng.randint(0, 70) * DAY + rng.choice((0, 1)) for end in ends]
        engine.begin(terms, self.units, self.kpis, ends, self.at)
        for number, at in enumerate(self.settles):
            engine.settle(number, at)
        reports = {
            n: Settled(kpi, at) for n, (kpi, at) in enumerate(zip(self.kpis, self.settles, strict=True))
        }
        self.life = BondLife(terms, self.units, reports)
        self.distributed = 0
        self.done: list[str] = []

    def wait(self) -> None:
        life, rng = self.life, self.rng
        edges = [life.date_of(life.coupons_paid), life.defaulted_at + CURE, *self.settles]
        edges += [e + GRACE for e in edges] + [life.booked_to + DAY * rng.randint(0, 9)]
        later = [e + rng.choice((-1, 0, 1, DAY)) for e in edges if e > self.at + 1]
        nearest = min(later, default=self.at)
        self.at = nearest if rng.random() < 0.6 else self.at + rng.randrange(1, 30 * DAY)

    def lacking(self) -> int:
        life = self.life
        end = life.coupons_paid + 1 if life.state == State.ACTIVE else life.overdue(self.at)
        due, late = life._sums(life.payments(life.coupons_paid, end), self.at)
        if life.state == State.ACCELERATED:
            due, late = life.interest_owed + life.principal_owed, life.late_owed(self.at) // LATE_ONE
        return max(0, due + late + life.carried - life.held)

    def act(self, kind: int) -> None:
        life, at, rng = self.life, self.at, self.rng
        money = rng.choice((0, self.lacking(), max(0, self.lacking() - 1), rng.randrange(20_000)))
        number = rng.randrange(len(self.terms.fixings) + 1)
        calls: list[Callable[[], object]] = [
            lambda: life.receive(money),
            lambda: life.fund(money, at),
            lambda: life.fix(number, at),
            lambda: life.pay_coupon(at),
            lambda: life.redeem(at),
            lambda: life.declare_default(at),
            lambda: life.cure(at),
            lambda: life.accelerate(at),
            lambda: life.recover(at),
            life.return_surplus,
        ]
        name = ACTS[kind]
        argument = number if kind == 2 else money if kind < 2 else 0
        done, books = self.engine.act(kind, argument, at)
        self.done.append(f"{at - NOW}: {name} {argument} {'' if done else 'refused'}")
        held = life.held
        try:
            result = calls[kind]()
        except SettlementError as error:
            if done:
                pytest.fail(f"the twin refuses: {error}\n{self.story()}")
        else:
            assert done, "the contract refuses\n" + self.story()
            if kind in (3, 4, 8):
                self.distributed += held - life.held
                assert result.paid == held - life.held  # type: ignore[attr-defined]
        late = life.late_owed(at) // LATE_ONE if life.state == State.ACCELERATED else 0
        mine = (
            life.state, life.coupons_paid, life.held, self.distributed,
            life.interest_owed, life.principal_owed, late,
        )  # fmt: skip
        assert books == mine, self.story()

    def story(self) -> str:
        return f"{self.units} units, {self.kpis}, {self.terms}\n" + "\n".join(self.done)


def test_a_real_bond_lives_as_its_twin_says(
    dc_water: SettlementTerms, engine: ReplayEngine, seed: int, cases: int
) -> None:
    rng = Random(f"{seed}/lives")
    ends: Counter[State] = Counter()
    for _ in range(max(60, cases // 100)):
        twins = Twins(engine, a_bond(dc_water, rng), rng)
        diligent = rng.random() < 0.5
        for _ in range(80):
            if rng.random() < 0.5:
                twins.wait()
            common = (1, 1, 2, 2, 3, 3, 4, 6) if diligent else (5, 5, 7, 7, 8, 1, 2)
            twins.act(rng.choice(common) if rng.random() < 0.7 else rng.randrange(10))
        ends[twins.life.state] += 1
    assert {State.REDEEMED, State.ACCELERATED} <= set(ends), f"seed {seed}: {ends}"

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
from finance.settlement.bond import fixed, payments, premium
from finance.settlement.bond_life import DAY, LATE_ONE, BondLife, Settled, State
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.terms import (
    CallPrice,
    CouponPeriod,
    Effect,
    Fixing,
    SettlementTerms,
    settlement_terms,
)
from finance.terms import load_deal
from tests.settlement.bonds import premiums_needed, with_calls
from tests.settlement.engine import NOW, ReplayEngine, Reverted

DEAL = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
QUARTER = 91 * DAY
GRACE, CURE = 10 * DAY, 40 * DAY
ACTS = (
    "receive",
    "fund",
    "fix",
    "call",
    "pay",
    "redeem",
    "default",
    "cure",
    "accelerate",
    "recover",
    "surplus",
)
"""As BondReplay.act numbers them."""
BOTH_ENDS = (State.REDEEMED, State.ACCELERATED)


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
        several = range(len(self.terms.fixings if kind == 2 else self.terms.periods) + 1)
        number = rng.choice((life.terms.callable() if kind == 3 else []) or several)
        calls: list[Callable[[], object]] = [
            lambda: life.receive(money),
            lambda: life.fund(money, at),
            lambda: life.fix(number, at),
            lambda: life.announce_call(number, at),
            lambda: life.pay_coupon(at),
            lambda: life.redeem(at),
            lambda: life.declare_default(at),
            lambda: life.cure(at),
            lambda: life.accelerate(at),
            lambda: life.recover(at),
            life.return_surplus,
        ]
        name = ACTS[kind]
        argument = number if kind in (2, 3) else money if kind < 2 else 0
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
            if kind in (4, 5, 9):
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
    called: Counter[State] = Counter()
    lives = max(60, cases // 100)
    for case in range(5 * lives):
        if case >= lives and all(called[end] for end in BOTH_ENDS):
            break
        twins = Twins(engine, with_calls(a_bond(dc_water, rng), rng), rng)
        diligent = rng.random() < 0.5
        for _ in range(80):
            if rng.random() < 0.5:
                twins.wait()
            common = (1, 1, 2, 2, 3, 4, 4, 5, 7) if diligent else (3, 6, 6, 8, 8, 9, 1, 2)
            twins.act(rng.choice(common) if rng.random() < 0.7 else rng.randrange(11))
        ends[twins.life.state] += 1
        called[twins.life.state] += twins.life.terms.premium is not None
    assert all(called[end] for end in BOTH_ENDS), f"seed {seed}: {ends}, {called}"


# -- calls


def called_cases(dc_water: SettlementTerms, seed: int) -> list[tuple[SettlementTerms, Random]]:
    """Bonds that can be called from a random pay date on, for exactly what KPIs may add later."""
    rng, found = Random(f"{seed}/calls"), []
    while len(found) < 60:
        terms = a_bond(dc_water, rng)
        last = len(terms.periods) - 1
        if not terms.fixings or not last or max(needed := premiums_needed(terms)) > 10**19:
            continue
        first = rng.randrange(last)
        calls = (CallPrice(first, max(needed[first:])),)
        found.append((replace(terms, calls=calls, notice_seconds=30 * DAY), rng))
    return found


def test_a_premium_covers_what_kpis_may_add_and_no_less_is_taken(
    dc_water: SettlementTerms, engine: ReplayEngine, seed: int
) -> None:
    """Laws 4 and 5: the contract takes what just covers it, and not a trice less."""
    refused = 0
    for terms, _ in called_cases(dc_water, seed):
        reports = [None] * len(terms.fixings)
        ends = terms.feeds[0].period_ends
        engine.begin(terms, 1, reports, ends, NOW)
        (call,) = terms.calls
        if not call.premium:
            continue
        less = replace(terms, calls=(replace(call, premium=call.premium - 1),))
        with pytest.raises(Reverted):
            engine.begin(less, 1, reports, ends, NOW)
        refused += 1
    assert refused > 10


def test_no_issuer_gains_by_a_call_from_what_kpis_report(dc_water: SettlementTerms, seed: int) -> None:
    """Laws 4 and 5: whatever is reported, settled or to come, the premium is at least all that reports would
    have added to later payments."""
    for terms, rng in called_cases(dc_water, seed):
        units = rng.randint(1, terms.hard_cap)
        values = fixed(terms, [rng.choice((None, -12, 12, rng.randint(-12, 12))) for _ in terms.fixings])
        bent, stated = (payments(terms, units, given) for given in (values, [0] * len(values)))
        for index in terms.callable():
            added = sum(p.due for p in bent if p.index > index) - sum(
                p.due for p in stated if p.index > index
            )
            assert premium(terms.called(index), units) >= added, f"seed {seed}: {terms}"


def a_callable_bond(dc_water: SettlementTerms) -> BondLife:
    """100 units of 1,000 at 4 % for three years, callable at 1.05."""
    year = 365 * DAY
    periods = [CouponPeriod(NOW + i * year, NOW + (i + 1) * year, 1, 1, 0) for i in range(3)]
    periods[-1] = replace(periods[-1], repayment=1_000)
    terms = replace(
        dc_water, unit_principal=1_000, hard_cap=100, rate=4 * 10**16, late_rate=365 * 10**15,
        periods=tuple(periods), grace_seconds=GRACE, cure_seconds=CURE, fixings=(), feeds=(),
        notice_seconds=30 * DAY, calls=(CallPrice(0, 5 * 10**16),),
    )  # fmt: skip
    return BondLife(terms, 100)


def a_called_bond(dc_water: SettlementTerms) -> BondLife:
    """The same, called for the second pay date."""
    life = a_callable_bond(dc_water)
    assert life.announce_call(1, life.date_of(1) - 30 * DAY) == 5_000
    return life


def test_a_call_is_announced_once_with_notice_and_before_the_end(dc_water: SettlementTerms) -> None:
    life = a_called_bond(dc_water)
    for period in (0, 1, 2):
        with pytest.raises(SettlementError, match="no call on its pay date"):
            life.announce_call(period, NOW)
    fresh = BondLife(dc_water, 1)
    with pytest.raises(SettlementError, match="no call on its pay date"):
        fresh.announce_call(0, NOW)
    short = a_callable_bond(dc_water)
    with pytest.raises(SettlementError, match="less than the notice"):
        short.announce_call(1, short.date_of(1) - 30 * DAY + 1)
    with pytest.raises(SettlementError, match="no call on its pay date"):
        short.announce_call(2, NOW)


def test_a_call_that_is_not_paid_is_a_default_and_owes_its_premium(dc_water: SettlementTerms) -> None:
    """Law 5: an announced call is owed, whether the default is on its day or on a payment before."""
    for paid in (0, 1):
        life = a_called_bond(dc_water)
        if paid:
            life.fund(4_000, life.date_of(0))
            life.pay_coupon(life.date_of(0))
        day = life.date_of(paid) + GRACE + 1
        life.declare_default(day)
        life.accelerate(day + CURE + 1)
        assert life.principal_owed == 100_000 + 5_000
    life = a_called_bond(dc_water)
    life.fund(4_000 + 4_000 + 105_000, life.date_of(0))
    life.pay_coupon(life.date_of(0))
    life.pay_coupon(life.date_of(1))
    assert life.redeem(life.date_of(1)).paid == 105_000
    assert life.state == State.REDEEMED

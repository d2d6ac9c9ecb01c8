"""Enhancement against what it says of each outcome, and Viveracqua Hydrobond's published figures."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from finance.securitisation import (
    Enhancement,
    Guarantee,
    Hazard,
    Issuer,
    Pool,
    before_and_after,
    loss_distribution,
    noteholder_loss,
    rating_proxy,
)
from finance.swaps.estimates import replicated
from finance.terms import InputError
from tests.seeds import usual

YEARS = 20.0
# Millions of euro: Reuters IFR, 22 July 2014; securitisation-services.com, 15 February 2016; names of 2014 by
# BeBeez after MF Milano Finanza, February 2016. How 150 was split over those eight is in no source that was
# found: equal parts are ASSUMED, as are the chance of default (Baa3 by its ten-year rating factor), recovery
# and correlation.
ISSUERS_2014 = (
    "Acque del Basso Livenza", "Acque del Chiampo", "Acque Vicentine", "Alto Vicentino Servizi",
    "Azienda Servizi Integrati", "BIM Gestione Servizi Pubblici", "Centro Veneto Servizi", "Etra",
)  # fmt: skip
ISSUERS_2016 = {
    "Polesine Acque": 12,
    "Alto Trevigiano Servizi": 30,
    "Acque Veronesi": 20,
    "Azienda Gardesana Servizi": 8,
    "BIM Gestione Servizi Pubblici": 7,
}
ASSUMED = Issuer(1, Hazard.of(0.0610, 10), recovery=0.4, correlation=0.2)
FIRST = Pool(tuple(replace(ASSUMED, notional=Fraction(150, 8), name=name) for name in ISSUERS_2014))
SECOND = Pool(tuple(replace(ASSUMED, notional=owed, name=name) for name, owed in ISSUERS_2016.items()))
PUBLISHED = Enhancement(reserve=6, deposits=(3,) * 8, cross_collateral=(3,) * 8)


def test_the_figures_of_2014_come_out_exactly() -> None:
    assert FIRST.notional == 150
    assert PUBLISHED.funded == 30
    assert PUBLISHED.share(150) == Fraction(20, 100)
    assert Enhancement(reserve=6).share(150) == Fraction(4, 100)
    assert Enhancement(deposits=PUBLISHED.deposits).funded == 24
    assert Enhancement(deposits=PUBLISHED.deposits).share(150) == Fraction(16, 100)
    assert Enhancement(reserve=6, retained=24).share(150) == PUBLISHED.share(150)


def test_the_figures_of_2016_come_out_exactly() -> None:
    assert SECOND.notional == 77
    assert FIRST.notional + SECOND.notional == 227


def test_deposits_that_stand_for_all_are_a_junior_part() -> None:
    """Cross-collateral of the whole deposits makes 24 of eight deposits of 3, for the noteholders."""
    pooled = noteholder_loss(FIRST, YEARS, Enhancement(reserve=6, retained=24))
    mutual = noteholder_loss(FIRST, YEARS, PUBLISHED)
    whole = loss_distribution(FIRST, YEARS)
    for law in (pooled, mutual):
        for level in (0, 1, 20, 60):
            assert law.excess(level) == pytest.approx(whole.excess(30 + level), abs=1e-12)
            assert law.above(level) == pytest.approx(whole.above(30 + level), abs=1e-12)


def test_before_and_after_improves_step_by_step() -> None:
    guarantee = Guarantee(10, Hazard.of(0.02, 10), Decimal("0.4"), 0.2)
    steps = before_and_after(FIRST, YEARS, replace(PUBLISHED, guarantee=guarantee))
    names = ["none", "+ reserve", "+ deposits", "+ guarantee", "+ cross-collateral"]
    assert [step.name for step in steps] == names
    assert steps[0].losses.mean == pytest.approx(FIRST.expected_loss(YEARS), abs=1e-11)
    assert steps[0].expected_loss == pytest.approx((1 - 0.939**2) * 0.6)
    for before, after in pairwise(steps):
        assert after.expected_loss < before.expected_loss
        assert after.any_loss <= before.any_loss + 1e-13
        assert after.loss_99 <= before.loss_99
    row = steps[-1].to_dict()
    assert row["rating_proxy"] == rating_proxy(steps[-1].any_loss, YEARS)
    assert list(row) == ["enhancement", "expected_loss", "any_loss", "loss_99", "rating_proxy"]


def outcome_loss(pool: Pool, part: Enhancement, failed: tuple[bool, ...], fails: bool) -> Fraction:
    """The noteholders' loss of one outcome, step by step as a paying agent would find it."""
    deposits = [Fraction(each) for each in part.deposits or (0,) * len(failed)]
    caps = [Fraction(each) for each in part.cross_collateral or (0,) * len(failed)]
    short, helped = Fraction(), Fraction()
    for each, bad, deposit, cap in zip(pool.issuers, failed, deposits, caps, strict=True):
        if bad:
            short += max(each.loss - deposit, Fraction())
        else:
            helped += cap
    for cover in (helped, Fraction(part.reserve), Fraction(part.retained)):
        short = max(short - cover, Fraction())
    if part.guarantee is not None:
        paid = Fraction(part.guarantee.amount) * (Fraction(part.guarantee.recovery) if fails else 1)
        short = max(short - paid, Fraction())
    return short


amounts = st.integers(0, 40).map(lambda n: Decimal(n) / 2)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Pool, Enhancement]:
    count = draw(st.integers(1, 5))
    owed = draw(st.lists(st.integers(1, 60), min_size=count, max_size=count))
    chance = st.floats(0.01, 0.5)
    pool = Pool(tuple(Issuer(n, Hazard.of(draw(chance), YEARS), Decimal("0.25")) for n in owed))
    each = st.one_of(st.just([]), st.lists(amounts, min_size=count, max_size=count)).map(tuple)
    promise = st.builds(
        Guarantee, amounts, chance.map(lambda p: Hazard.of(p, YEARS)), st.just(Decimal("0.5"))
    )
    part = Enhancement(
        draw(amounts), draw(amounts), draw(each), draw(st.one_of(st.none(), promise)), draw(each)
    )
    return pool, part


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_law_is_that_of_the_outcomes(case: tuple[Pool, Enhancement]) -> None:
    """Independent names, so each of the outcomes has the product of its chances."""
    pool, part = case
    chances = [*pool.probabilities(YEARS)]
    chances.append(part.guarantee.hazard.probability(YEARS) if part.guarantee else 0.0)
    law: dict[Fraction, float] = {}
    for *failed, fails in product((False, True), repeat=len(chances)):
        chance = np.prod([p if bad else 1 - p for p, bad in zip(chances, (*failed, fails), strict=True)])
        loss = outcome_loss(pool, part, tuple(failed), fails)
        law[loss] = law.get(loss, 0.0) + float(chance)
    found = noteholder_loss(pool, YEARS, part)
    assert found.mean == pytest.approx(sum(float(x) * p for x, p in law.items()), abs=1e-11)
    for level in {Fraction(0), Fraction(5), *law}:
        assert found.above(level) == pytest.approx(sum(p for x, p in law.items() if x > level), abs=1e-12)


def test_simulation_agrees_under_one_factor() -> None:
    part = Enhancement(
        2, 3, (1, 2, 1, 0, 1), Guarantee(8, Hazard.of(0.1, YEARS), Decimal("0.3"), 0.5), (2, 4, 3, 1, 1)
    )
    names = [(each.hazard.probability(YEARS), each.correlation) for each in SECOND.issuers]
    names.append((0.1, 0.5))
    chance, r = np.array(names).T
    stream = np.random.default_rng(usual(11))
    factor, own = stream.standard_normal((100_000, 1)), stream.standard_normal((100_000, len(names)))
    failed = np.sqrt(r) * factor + np.sqrt(1 - r) * own < ndtri(chance)
    table = {
        key: float(outcome_loss(SECOND, part, key[:-1], key[-1]))
        for key in map(tuple, np.unique(failed, axis=0).tolist())
    }
    drawn = np.array([table[tuple(row)] for row in failed.tolist()])
    law = noteholder_loss(SECOND, YEARS, part)
    for level in (0, 2, 10, 20):
        found = replicated(lambda x, level=level: float(np.maximum(x - level, 0).mean()), drawn)
        assert abs(found.value - law.excess(level)) < 4.5 * found.standard_error


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_a_guarantor_who_cannot_fail_is_cash(correlation: float) -> None:
    sure = Enhancement(guarantee=Guarantee(15, Hazard((0.0,)), 0, correlation))
    cash = Enhancement(reserve=15)
    one, other = (noteholder_loss(SECOND, YEARS, each) for each in (sure, cash))
    for level in (0, 5, 25):
        assert one.excess(level) == pytest.approx(other.excess(level), abs=1e-12)
    useless = Enhancement(guarantee=Guarantee(15, Hazard((400.0,)), 0, correlation))
    assert noteholder_loss(SECOND, YEARS, useless).mean == pytest.approx(
        SECOND.expected_loss(YEARS), abs=1e-9
    )


def test_a_guarantor_who_falls_with_the_pool_is_worth_less() -> None:
    laws = [
        noteholder_loss(SECOND, YEARS, Enhancement(guarantee=Guarantee(15, Hazard.of(0.2, YEARS), 0, r)))
        for r in (0.0, 0.3, 0.6)
    ]
    means = [law.mean for law in laws]
    assert means == sorted(means)
    assert means[0] < means[-1]


@pytest.mark.parametrize("part", ["deposits", "cross_collateral"])
def test_there_is_one_amount_for_each_issuer(part: str) -> None:
    with pytest.raises(InputError, match=f"{part}: 5 amounts are needed, one for each issuer"):
        noteholder_loss(SECOND, YEARS, Enhancement(**{part: (1, 2)}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"{part} = -1: must be an amount of 0 or more"):
        Enhancement(**{part: (-1,)})  # type: ignore[arg-type]


def test_notes_may_be_fewer_than_the_pool() -> None:
    """A seller's junior part of the pool itself: the notes are what is left."""
    (_, behind) = before_and_after(SECOND, YEARS, Enhancement(retained=7), notes=70)
    assert behind.expected_loss == pytest.approx(loss_distribution(SECOND, YEARS).excess(7) / 70)
    with pytest.raises(InputError, match="notes = 0: must be above 0"):
        before_and_after(SECOND, YEARS, Enhancement(), notes=0)

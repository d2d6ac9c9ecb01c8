"""The loss of a pool against enumeration, simulation, its limit and published spreads; tranches; coverage."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from finance.securitisation import (
    Enhancement,
    Hazard,
    Issuer,
    LargePool,
    LossDistribution,
    NoteClass,
    Pool,
    Tranche,
    coverage_tests,
    loss_distribution,
    par_spread,
    rating_proxy,
    simulated_losses,
    tranches,
)
from finance.securitisation.loss import lattice
from finance.swaps.estimates import replicated
from finance.terms import InputError
from tests.seeds import usual

TEN = 10.0


def issuer(notional: float, chance: float, recovery: float = 0.4, correlation: float = 0.2) -> Issuer:
    return Issuer(notional, Hazard.of(chance, TEN), recovery, correlation)


UNEVEN = Pool(
    (
        issuer(12, 0.04, 0.4, 0.1),
        issuer(30, 0.06, 0.25, 0.3),
        issuer(20, 0.10, 0.5, 0.0),
        issuer(8, 0.15, 0.4, 0.6),
        issuer(7, 0.25, 0.0, 0.2),
    )
)


def enumerated(pool: Pool) -> dict[Fraction, float]:
    """The law of the loss from each of the 2^n outcomes, integrated over the factor by SciPy."""
    barriers, r = norm.ppf(pool.probabilities(TEN)), pool.correlations
    law: dict[Fraction, float] = {}
    for outcome in product((False, True), repeat=len(pool.issuers)):
        failed = np.array(outcome)

        def density(z: float, failed: np.ndarray = failed) -> float:
            given = norm.cdf((barriers - np.sqrt(r) * z) / np.sqrt(1 - r))
            return float(norm.pdf(z) * np.prod(np.where(failed, given, 1 - given)))

        chance = quad(density, -9, 9, epsabs=1e-13, epsrel=1e-11, limit=200, points=[-3, 0, 3])[0]
        loss = sum((lost for lost, bad in zip(pool.losses, outcome, strict=True) if bad), Fraction())
        law[loss] = law.get(loss, 0.0) + chance
    return law


def test_the_recursion_is_the_sum_over_all_outcomes() -> None:
    law, found = enumerated(UNEVEN), loss_distribution(UNEVEN, TEN)
    assert found.bucket_error == 0
    assert found.unit == Fraction(1, 10)
    for k, chance in enumerate(found.probabilities):
        assert chance == pytest.approx(law.pop(k * found.unit, 0.0), abs=1e-11)
    assert law == {}


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.5, 0.9])
def test_two_names_at_one_half(correlation: float) -> None:
    """Both default with chance 1/4 + asin(correlation) / 2 pi (W. F. Sheppard, 1899)."""
    law = loss_distribution(Pool((issuer(100, 0.5, 0.4, correlation),) * 2), TEN)
    both = 0.25 + np.arcsin(correlation) / (2 * np.pi)
    assert law.unit == 60
    assert law.probabilities == pytest.approx([both, 1 - 2 * both, both], abs=1e-12)
    one = Tranche(0, 60)
    assert (one.any_loss(law), one.full_loss(law)) == pytest.approx((1 - both, 1 - both), abs=1e-12)


def test_published_spreads() -> None:
    """J. Hull and A. White 2004, table 7: 100 names, 1 % a year, recovery 40 %, 5 years, 5 %, quarterly.

    As QuantLib's test suite holds them (cdo.cpp, testHW), which allows 4 % or a basis point itself.
    """
    time = np.arange(1, 21) / 4
    for correlation, published in ((0.1, (2279, 450, 89, 1)), (0.3, (1487, 472, 203, 7))):
        pool = Pool.equal(100, 100, Issuer(1, Hazard((0.01,)), 0.4, correlation))
        laws = [loss_distribution(pool, years) for years in time]
        for tranche, spread in zip(tranches(0, 3, 6, 10, 100), published, strict=True):
            lost = [tranche.expected_loss(law) for law in laws]
            found = 1e4 * par_spread(lost, tranche.size, np.exp(-0.05 * time), np.full(20, 0.25))
            assert found == pytest.approx(spread, rel=0.025, abs=0.5)


WORST_CASE = {
    0.2: (2.8, 9.1, 14.6, 18.9, 22.6),
    0.4: (7.1, 21.1, 31.6, 39.0, 44.9),
    0.6: (13.5, 38.7, 54.2, 63.8, 70.5),
    0.8: (23.3, 66.3, 83.6, 90.8, 94.4),
}


@pytest.mark.parametrize("correlation", WORST_CASE)
def test_the_limit_is_as_published(correlation: float) -> None:
    """J. C. Hull, Risk Management and Financial Institutions, 2nd edition, table 11.4: 99.9 % worst case."""
    for chance, published in zip((0.001, 0.005, 0.01, 0.015, 0.02), WORST_CASE[correlation], strict=True):
        assert LargePool(100, chance, correlation).quantile(0.999) == pytest.approx(published, abs=0.051)


@pytest.mark.parametrize(("chance", "correlation"), [(0.05, 0.2), (0.3, 0.05), (0.01, 0.6)])
def test_the_limit_is_the_integral_over_the_factor(chance: float, correlation: float) -> None:
    limit = LargePool(200, chance, correlation, 0.4)

    def lost(z: float) -> float:
        return 120 * norm.cdf((norm.ppf(chance) - correlation**0.5 * z) / (1 - correlation) ** 0.5)

    for level in (1, 12, 40):
        bend = (norm.ppf(chance) - (1 - correlation) ** 0.5 * norm.ppf(level / 120)) / correlation**0.5
        over = quad(lambda z, level=level: (lost(z) - level) * norm.pdf(z), -12, bend, epsabs=1e-13)[0]
        assert limit.excess(level) == pytest.approx(over, abs=1e-10)
        assert limit.above(level) == pytest.approx(norm.cdf(bend), abs=1e-13)
        if limit.above(level) < 0.999:
            assert limit.quantile(1 - limit.above(level)) == pytest.approx(level, rel=1e-9)
    assert limit.excess(0) == limit.mean == pytest.approx(120 * chance)
    assert (limit.excess(120), limit.above(120), limit.excess(500)) == (0, 0, 0)


def test_many_equal_names_approach_the_limit() -> None:
    """The error of a tranche falls as one over the number of names."""
    limit, errors = LargePool(100, 0.05, 0.2, 0.4), []
    for count in (50, 100, 200, 400):
        law = loss_distribution(Pool.equal(count, 100, issuer(1, 0.05)), TEN)
        errors.append([law.excess(level) - limit.excess(level) for level in (1, 3, 6)])
    for coarse, fine in pairwise(errors):
        for before, after in zip(coarse, fine, strict=True):
            assert after > 0
            assert before / after == pytest.approx(2, abs=0.2)


def test_simulation_agrees() -> None:
    drawn, law = simulated_losses(UNEVEN, TEN, 200_000, usual(7)), loss_distribution(UNEVEN, TEN)
    assert (drawn == simulated_losses(UNEVEN, TEN, 200_000, usual(7))).all()
    for level in (0, 5, 15, 30):
        found = replicated(lambda x, level=level: float(np.maximum(x - level, 0).mean()), drawn)
        assert abs(found.value - law.excess(level)) < 4.5 * found.standard_error
        above = replicated(lambda x, level=level: float((x > level + 1e-9).mean()), drawn)
        assert abs(above.value - law.above(level)) < 4.5 * above.standard_error


# Quarters of a unit, so that buckets are needed only where they are asked for.
chances = st.floats(0.0005, 0.6)
cents = st.integers(1, 400).map(lambda n: Decimal(n) / 4)
issuers = st.builds(lambda n, p, r: (n, p, Decimal(r) / 20), cents, chances, st.integers(0, 19))
pools = st.lists(issuers, min_size=1, max_size=12)


def pool_of(parts: list[tuple[Decimal, float, Decimal]], correlation: float) -> Pool:
    return Pool(tuple(Issuer(n, Hazard.of(p, TEN), r, correlation) for n, p, r in parts))


@settings(max_examples=40, deadline=None)
@given(pools, st.floats(0, 0.95), st.integers(1, 99), st.integers(1, 99))
def test_a_law_adds_up(
    parts: list[tuple[Decimal, float, Decimal]], correlation: float, low: int, high: int
) -> None:
    """Chances to 1, the mean to the pool's whatever the correlation, tranches to the pool."""
    pool = pool_of(parts, correlation)
    law = loss_distribution(pool, TEN)
    whole = float(pool.notional)
    assert law.probabilities.sum() == pytest.approx(1, abs=1e-13)
    assert (law.probabilities > -1e-15).all()
    assert law.mean == pytest.approx(pool.expected_loss(TEN), abs=1e-11 * whole)
    edges = sorted({Fraction(0), pool.notional * low / 100, pool.notional * high / 100, pool.notional})
    layers = tranches(*edges)
    assert sum(each.expected_loss(law) for each in layers) == pytest.approx(law.mean, abs=1e-11 * whole)
    shares = [each.expected_loss(law) / float(each.size) for each in layers]
    assert all(senior <= junior + 1e-12 for junior, senior in pairwise(shares))
    for each in layers:
        assert 1 + 1e-12 >= each.any_loss(law) >= each.full_loss(law) - 1e-13 >= -1e-12


@settings(max_examples=25, deadline=None)
@given(pools, st.floats(0, 0.9), st.floats(0.01, 0.9), st.integers(1, 80))
def test_correlation_moves_loss_from_junior_to_senior(
    parts: list[tuple[Decimal, float, Decimal]], one: float, other: float, share: int
) -> None:
    low, high = sorted((one, other))
    junior, senior = tranches(0, pool_of(parts, 0).notional * share / 100, pool_of(parts, 0).notional)
    less, more = (loss_distribution(pool_of(parts, r), TEN) for r in (low, high))
    tiny = 1e-10 * float(senior.detachment)
    assert junior.expected_loss(more) <= junior.expected_loss(less) + tiny
    assert senior.expected_loss(more) >= senior.expected_loss(less) - tiny


@settings(max_examples=25, deadline=None)
@given(pools, st.floats(0, 0.8), st.integers(20, 200), st.integers(0, 99))
def test_buckets_err_within_their_bound(
    parts: list[tuple[Decimal, float, Decimal]], correlation: float, most: int, share: int
) -> None:
    pool = pool_of(parts, correlation)
    fine, coarse = loss_distribution(pool, TEN, 10**6), loss_distribution(pool, TEN, most)
    level = pool.notional * share / 100
    assert fine.bucket_error == 0
    assert coarse.mean == pytest.approx(fine.mean, abs=1e-11 * float(pool.notional))
    assert abs(coarse.excess(level) - fine.excess(level)) <= coarse.bucket_error + 1e-10


def test_buckets_are_needed_for_odd_amounts_only() -> None:
    odd = (Fraction(10_000_019, 3), Fraction(7_000_003), Fraction(1, 7))
    assert lattice(odd, 10**12).unit == Fraction(1, 21)
    coarse = lattice(odd, 100)
    assert coarse.unit * 100 == sum(odd)
    for each, count, split in zip(odd, coarse.counts, coarse.splits, strict=True):
        assert float(each / coarse.unit) == pytest.approx(count + split, abs=1e-12)
    assert coarse.error(np.ones(3)) > 0 == lattice(odd, 10**12).error(np.ones(3))


def test_the_bound_of_buckets_is_reached() -> None:
    """One name whose loss lies half-way between two buckets, seen from just there."""
    pool = Pool((issuer(15, 0.3, 0, 0), issuer(85, 0.2, 0, 0)))
    coarse = loss_distribution(pool, TEN, 10)
    assert (coarse.unit, lattice(pool.losses, 10).splits) == (10, (0.5, 0.5))
    assert coarse.bucket_error == pytest.approx(10 * (0.3 + 0.2) / 4)
    single = loss_distribution(Pool((issuer(15, 0.3, 0, 0), issuer(85, 0.0, 0, 0))), TEN, 10)
    assert single.excess(15) == pytest.approx(single.bucket_error) == pytest.approx(10 * 0.3 / 4)


def test_a_pool_that_loses_nothing() -> None:
    law = loss_distribution(Pool((issuer(10, 0.5, recovery=1),)), TEN)
    assert (law.mean, law.above(0), law.quantile(0.99)) == (0, 0, 0)


def test_a_chance_is_read_at_its_edge() -> None:
    """In doubles 3 x 0.1 is more than 0.3; here they are equal."""
    law = LossDistribution(Fraction(1, 10), np.full(10, 0.1))
    assert law.above(0.3) == pytest.approx(0.6)
    assert law.at_least(0.3) == pytest.approx(0.7)
    assert (law.at_least(0), law.at_least(5), law.above(0.95)) == pytest.approx((1, 0, 0))
    assert law.quantile(0.5) == pytest.approx(0.4)
    beyond = law.beyond(0.25)
    assert beyond.mean == pytest.approx(0.1 * (0.05 + 0.15 + 0.25 + 0.35 + 0.45 + 0.55 + 0.65))
    assert (beyond.above(0), beyond.at_least(0.05)) == pytest.approx((0.7, 0.7))
    assert beyond.quantile(0.99) == pytest.approx(0.65)


def test_hazard_in_steps() -> None:
    steps = Hazard((0.01, 0.05, 0.02), ends=(1.0, 3.0))
    assert steps.probability(5) == pytest.approx(1 - np.exp(-(0.01 + 0.10 + 0.04)))
    assert steps.probability(0) == 0
    assert Hazard.of(0.0610, 10).probability(10) == pytest.approx(0.0610, rel=1e-15)


def test_the_par_spread_pays_for_the_loss() -> None:
    """By hand: 100, one year in halves, 2 lost in the first and 1 in the second, no discounting."""
    assert par_spread([2, 3], 100, [1, 1], [0.5, 0.5]) == pytest.approx(3 / (0.5 * 99 + 0.5 * 97.5))
    flat = par_spread([2, 3], 100, [0.98, 0.96], [0.5, 0.5])
    paid = 2 * 0.98**0.5 + 1 * (0.98 * 0.96) ** 0.5
    earned = 0.5 * (98 * 0.98 + 1 * 0.98**0.5) + 0.5 * (97 * 0.96 + 0.5 * (0.98 * 0.96) ** 0.5)
    assert flat * earned == pytest.approx(paid)


def test_coverage_by_hand() -> None:
    """100 held, 5 earned; A owes 80 at 4 %, B 15 at 6 %, C 5 at 10 %."""
    classes = (
        NoteClass("A", 80, Fraction(4, 100), oc=Decimal("1.2"), ic=1.5),
        NoteClass("B", 15, 0.06, oc=1.06, ic=1.2),
        NoteClass("C", 5, 0.1, oc=1, ic=Fraction(10, 9)),
    )
    a, b, c = coverage_tests(classes, 100, 5)
    assert (a.oc, a.ic, a.oc_passed, a.ic_passed, a.cure) == (Fraction(5, 4), Fraction(25, 16), True, True, 0)
    assert (b.oc, b.oc_passed, b.ic, b.ic_passed) == (Fraction(20, 19), False, Fraction(50, 41), True)
    assert b.cure == 95 - Fraction(10_000, 106)
    assert (c.oc, c.oc_passed, c.ic, c.ic_passed) == (1, True, Fraction(50, 46), False)
    assert c.cure == (Fraction("4.6") - Fraction(9, 2)) / Fraction(1, 10)


def ore_cure(classes: list[NoteClass], k: int, held: float, earned: float) -> float:
    """icocCureAmount of ORE's cbomcengine.cpp for class `k`, in doubles."""
    own = classes[k]
    above = [(float(each.balance), float(each.rate)) for each in classes[:k]]
    for_oc = held / float(own.oc) - sum(balance for balance, _ in above)
    for_ic = earned / float(own.ic) - sum(balance * rate for balance, rate in above)
    for_ic = for_ic / float(own.rate) if float(own.rate) > 0 else for_oc
    return max(float(own.balance) - min(max(for_oc, 0), max(for_ic, 0)), 0)


ratio = st.integers(80, 200).map(lambda n: Decimal(n) / 100)
rates = st.integers(0, 12).map(lambda n: Decimal(n) / 100)
classes_of_notes = st.lists(
    st.builds(NoteClass, st.just("N"), cents, rates, ratio, ratio), min_size=1, max_size=5
)


@settings(max_examples=200, deadline=None)
@given(classes_of_notes, cents, cents)
def test_cures_are_those_of_ore(classes: list[NoteClass], held: Decimal, earned: Decimal) -> None:
    for k, result in enumerate(coverage_tests(classes, held * 4, earned / 10)):
        expected = ore_cure(classes, k, float(held * 4), float(earned / 10))
        assert float(result.cure) == pytest.approx(expected, abs=1e-9)
        curable = not result.oc_passed or (not result.ic_passed and classes[k].rate > 0)
        assert (result.cure > 0) == curable


def test_just_below_a_threshold_is_below() -> None:
    """0.99881 is not 1, and neither is one part in 10^20 less, which doubles cannot tell from it."""
    for held, passed in (("99.881", False), ("99.999999999999999999", False), ("100", True)):
        assert coverage_tests([NoteClass("A", 100, oc=1)], Decimal(held), 0)[0].oc_passed is passed


def test_nothing_due_is_covered() -> None:
    (repaid,) = coverage_tests([NoteClass("A", 0, 0.04, oc=1.2, ic=1.2)], 0, 0)
    assert (repaid.oc, repaid.ic, repaid.oc_passed, repaid.ic_passed, repaid.cure) == (
        None,
        None,
        True,
        True,
        0,
    )


# As HSBC's pyratings prints them (src/pyratings/warf.py): the rating, its factor.
FACTORS = "Aaa 1 Aa1 10 Aa2 20 Aa3 40 A1 70 A2 120 A3 180 Baa1 260 Baa2 360 Baa3 610 Ba1 940 Ba2 1350 "
FACTORS += "Ba3 1766 B1 2220 B2 2720 B3 3490 Caa1 4770 Caa2 6500 Caa3 8070"


def test_the_rating_proxy_reads_its_table() -> None:
    found = re.findall(r"([A-Z][a-z0-9]+) (\d+)", FACTORS)
    assert len(found) == 19
    for (rating, factor), (worse, _) in zip(found, [*found[1:], ("Ca", 0)], strict=True):
        assert rating_proxy(int(factor) / 1e4) == rating
        assert rating_proxy((int(factor) + 0.001) / 1e4) == worse
    assert (rating_proxy(0), rating_proxy(1), rating_proxy(1, 3)) == ("Aaa", "Ca", "Ca")


def test_other_horizons_are_brought_to_ten_years() -> None:
    assert rating_proxy(1 - 0.939 ** (20 / 10), 20) == rating_proxy(0.061) == "Baa3"
    assert rating_proxy(0.061, 20) == "Baa2"


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "no issuer": (lambda: Pool(()), "needs at least one issuer"),
    "no finite number": (lambda: issuer(float("nan"), 0.1), "notional = nan: must be a finite number"),
    "negative": (lambda: Issuer(-1, Hazard((0.1,))), "notional = -1: must be an amount of 0 or more"),
    "recovery": (lambda: Issuer(1, Hazard((0.1,)), 1.1), "recovery = 1.1: must be a fraction from 0 to 1"),
    "correlation": (lambda: Issuer(1, Hazard((0.1,)), 0, 1.0), "correlation = 1: must be from 0 to below 1"),
    "hazard": (lambda: Hazard((-0.1,)), "hazard = -0.1"),
    "hazard ends": (lambda: Hazard((0.1, 0.2), (0.0,)), "ends must ascend"),
    "hazard count": (lambda: Hazard((0.1, 0.2)), "one rate more"),
    "certain": (lambda: Hazard.of(1.0, 5), "probability = 1: must be from 0 to below 1"),
    "no time": (lambda: Hazard.of(0.1, 0), "years = 0: must be above 0"),
    "before now": (lambda: Hazard((0.1,)).probability(-1), "years = -1: must be 0 or more"),
    "no names": (lambda: Pool.equal(0, 10, issuer(1, 0.1)), "count = 0"),
    "no paths": (lambda: simulated_losses(UNEVEN, 10, 0, 1), "paths = 0"),
    "no units": (lambda: loss_distribution(UNEVEN, 10, 0), "most_units = 0"),
    "level": (lambda: loss_distribution(UNEVEN, 10).quantile(1.0), "level = 1: must lie between 0 and 1"),
    "tranche": (lambda: Tranche(3, 3, "B"), "tranche B: must detach above where it attaches"),
    "names": (lambda: tranches(0, 1, 2, names=("A",)), "names: 2 are needed"),
    "spread of nothing": (lambda: par_spread([100], 100, [1], [0]), "nothing of the tranche is left"),
    "spread dates": (lambda: par_spread([1], 100, [1, 1], [1, 1]), "as many expected losses"),
    "threshold": (lambda: NoteClass("A", 1, oc=0), "oc = 0: must be a ratio above 0"),
    "limit": (lambda: LargePool(1, 0.0, 0.2), "probability = 0: must lie between 0 and 1"),
    "limit alone": (lambda: LargePool(1, 0.1, 0.0), "correlation and the loss on default must be above 0"),
    "all but certain to fall together": (
        lambda: loss_distribution(Pool.equal(9, 9, issuer(1, 0.1, 0, 1 - 1e-9)), 10),
        "correlation = 1: too near 1 for the law of the loss to settle",
    ),
    "chance": (lambda: rating_proxy(1.5), "chance = 1.5 within 10 years"),
    "notes": (lambda: Enhancement(1).share(0), "notes = 0: must be above 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_a_line(name: str) -> None:
    call, said = BAD[name]
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        call()
    assert "\n" not in str(raised.value)

"""Payoff curves against the published tiers of real deals and exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor
from random import Random

import numpy as np
import pytest

from finance.settlement import SettlementError
from finance.settlement.payoff_curve import MAX_KNOTS, Curve, Knot, Shape, maximum, minimum, payoff, validate

CENT = 100
BONUS = 3_300_000 * CENT
# KPI decimals 6. More than 41.3 %: +3.3M; 18.6 % to 41.3 % inclusive: nothing; less than 18.6 %: -3.3M.
DC_WATER = Curve.of(Shape.STEP, [(-1_000_000, -BONUS), (186_000, 0), (413_001, BONUS)])


@pytest.mark.parametrize(
    ("kpi", "amount"),
    [
        (-1_000_000, -BONUS),
        (185_999, -BONUS),
        (186_000, 0),
        (299_500, 0),
        (413_000, 0),
        (413_001, BONUS),
        (1_000_000, BONUS),
    ],
)
def test_dc_water_tiers_at_their_bounds(kpi: int, amount: int) -> None:
    assert payoff(DC_WATER, kpi) == amount


def test_flat_beyond_both_ends() -> None:
    for shape in Shape:
        curve = Curve.of(shape, [(-10, 7), (10, -7)])
        assert payoff(curve, -(2**127)) == 7
        assert payoff(curve, 2**127 - 1) == -7


def test_one_knot_is_a_constant() -> None:
    for shape in Shape:
        assert {payoff(Curve.of(shape, [(5, 9)]), x) for x in (-(2**127), 4, 5, 6, 2**127 - 1)} == {9}


def random_curve(rng: Random, shape: Shape) -> Curve:
    xs = sorted({rng.randint(-(10**6), 10**6) for _ in range(rng.randint(1, MAX_KNOTS))})
    return Curve.of(shape, [(x, rng.randint(-(10**15), 10**15)) for x in xs])


def exact(curve: Curve, x: int) -> Fraction:
    """Linear interpolation in exact fractions, written from the definition and not from the code under
    test."""
    knots = curve.knots
    if x <= knots[0].x:
        return Fraction(knots[0].y)
    for a, b in pairwise(knots):
        if a.x <= x <= b.x:
            weight = Fraction(x - a.x, b.x - a.x)
            return (1 - weight) * a.y + weight * b.y
    return Fraction(knots[-1].y)


def test_a_line_is_the_floor_of_exact_interpolation(seed: int) -> None:
    rng = Random(seed)
    for _ in range(3_000):
        curve = random_curve(rng, Shape.LINEAR)
        x = rng.randint(-1_100_000, 1_100_000)
        assert payoff(curve, x) == floor(exact(curve, x)), f"seed {seed}: {curve} at {x}"


def test_a_line_agrees_with_numpy_interp(seed: int) -> None:
    rng = Random(seed)
    for _ in range(300):
        curve = random_curve(rng, Shape.LINEAR)
        xs = [rng.randint(-1_100_000, 1_100_000) for _ in range(20)]
        there = np.interp(xs, [k.x for k in curve.knots], [float(k.y) for k in curve.knots])
        here = np.array([payoff(curve, x) for x in xs], dtype=float)
        # One unit of rounding down, and a float's relative error on 1e15.
        assert np.all(np.abs(here - there) <= 2), f"seed {seed}"


def test_minimum_and_maximum_bound_every_payoff(seed: int) -> None:
    rng = Random(seed)
    for shape in Shape:
        for _ in range(300):
            curve = random_curve(rng, shape)
            ys = [payoff(curve, rng.randint(-1_100_000, 1_100_000)) for _ in range(20)]
            assert minimum(curve) <= min(ys), f"seed {seed}"
            assert max(ys) <= maximum(curve), f"seed {seed}"
            assert {minimum(curve), maximum(curve)} <= {payoff(curve, k.x) for k in curve.knots}


def test_a_step_never_looks_ahead(seed: int) -> None:
    """The payoff is the y of the greatest knot not above x, found here by a plain search."""
    rng = Random(seed)
    for _ in range(1_000):
        curve = random_curve(rng, Shape.STEP)
        x = rng.choice(curve.knots).x + rng.choice((-1, 0, 1))
        reached = [knot.y for knot in curve.knots if knot.x <= x]
        assert payoff(curve, x) == (reached[-1] if reached else curve.knots[0].y), f"seed {seed}"


@pytest.mark.parametrize(
    ("curve", "word"),
    [
        (Curve(Shape.STEP, ()), "at least one"),
        (Curve(Shape.STEP, tuple(Knot(x, 0) for x in range(MAX_KNOTS + 1))), "at most"),
        (Curve(Shape.STEP, (Knot(1, 0), Knot(1, 1))), "predecessor"),
        (Curve(Shape.LINEAR, (Knot(2, 0), Knot(1, 1))), "predecessor"),
        (Curve(Shape.STEP, (Knot(2**127, 0),)), "int128"),
        (Curve(Shape.STEP, (Knot(0, -(2**127) - 1),)), "int128"),
        (Curve(Shape.LINEAR, (Knot(-1, 0), Knot(2**127 - 1, 0))), "spans"),
        (Curve(Shape.LINEAR, (Knot(0, -(2**127)), Knot(1, 0))), "spans"),
        (Curve(2, (Knot(0, 0),)), "STEP or LINEAR"),  # type: ignore[arg-type]
    ],
)
def test_invalid_curves_are_refused(curve: Curve, word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        validate(curve)
    with pytest.raises(SettlementError, match=word):
        payoff(curve, 0)

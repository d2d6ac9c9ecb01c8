"""Median, waterfall and pro rata against the standard library and their conservation laws."""

from __future__ import annotations

import statistics
from fractions import Fraction
from math import floor
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.median import median
from finance.settlement.pro_rata import per_unit, scale
from finance.settlement.waterfall import allocate


def test_median_is_the_standard_librarys_median_low(seed: int) -> None:
    rng = Random(seed)
    for _ in range(3_000):
        values = sorted(rng.randint(-50, 50) for _ in range(rng.randint(1, 32)))
        assert median(values) == statistics.median_low(values), f"seed {seed}"


def test_a_minority_cannot_move_the_median_out_of_the_honest_range(seed: int) -> None:
    """The reason for a median: with fewer liars than half, it stays between two honest values."""
    rng = Random(seed)
    for _ in range(3_000):
        honest = [rng.randint(-1000, 1000) for _ in range(rng.randint(2, 16))]
        liars = [rng.choice((-(2**127), 2**127 - 1)) for _ in range(rng.randint(0, len(honest) - 1))]
        assert min(honest) <= median(sorted(honest + liars)) <= max(honest), f"seed {seed}"


@pytest.mark.parametrize(
    ("values", "word"), [([], "at least one"), ([2, 1], "predecessor"), ([2**127], "int128")]
)
def test_median_refuses(values: list[int], word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        median(values)


def test_a_waterfall_by_hand() -> None:
    # Fees 10, senior interest 40, senior principal 100, mezzanine 30 out of 120: the principal gets 70,
    # mezzanine none.
    assert allocate(120, [10, 40, 100, 30]) == ([10, 40, 70, 0], 0)
    assert allocate(200, [10, 40, 100, 30]) == ([10, 40, 100, 30], 20)
    assert allocate(7, []) == ([], 7)


def test_a_waterfall_conserves_money_and_never_pays_junior_before_senior(seed: int) -> None:
    rng = Random(seed)
    for _ in range(3_000):
        needs = [rng.randrange(10**9) for _ in range(rng.randint(0, 12))]
        available = rng.randrange(10**10)
        paid, left = allocate(available, needs)
        assert sum(paid) + left == available, f"seed {seed}"
        assert left == max(0, available - sum(needs)), f"seed {seed}"
        assert all(0 <= p <= n for p, n in zip(paid, needs, strict=True)), f"seed {seed}"
        for i, (p, n) in enumerate(zip(paid, needs, strict=True)):
            if p < n:
                assert not any(paid[i + 1 :]), f"seed {seed}: {needs} of {available} paid {paid}"


def test_per_unit_keeps_less_than_one_minor_unit_a_unit(seed: int) -> None:
    rng = Random(seed)
    for _ in range(3_000):
        amount, units = rng.randrange(10**18), rng.randint(1, 10**8)
        each, paid = per_unit(amount, units)
        assert each == floor(Fraction(amount, units)), f"seed {seed}"
        assert paid == each * units, f"seed {seed}"
        assert 0 <= amount - paid < units, f"seed {seed}"


def test_scale_is_the_floor_of_the_exact_share(seed: int) -> None:
    rng = Random(seed)
    for _ in range(3_000):
        amount, of_units = rng.randint(-(10**18), 10**18), rng.randint(1, 10**8)
        units = rng.randint(0, of_units)
        assert scale(amount, units, of_units) == floor(Fraction(amount * units, of_units)), f"seed {seed}"
        assert scale(amount, of_units, of_units) == amount


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: per_unit(5, 0), "nobody"),
        (lambda: per_unit(-5, 1), "amount"),
        (lambda: scale(5, 1, 0), "no issue"),
        (lambda: scale(-(2**255), 1, 1), "amount"),
        (lambda: scale(2**255 - 1, 2, 1), "share"),
        (lambda: allocate(-1, []), "available"),
        (lambda: allocate(1, [2**256]), r"needs\[0\]"),
    ],
)
def test_sharing_refuses(call: object, word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        call()  # type: ignore[operator]

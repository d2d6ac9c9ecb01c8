"""KPI integers: rounding half to even, on decimal digits and not on binary ones."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from oracle.kpi import INT128_MAX, INT128_MIN, KpiError, to_decimal, to_integer


@pytest.mark.parametrize(
    ("value", "decimals", "integer"),
    [
        ("0.4130005", 6, 413000),  # a tie goes to the even neighbour
        ("0.4130015", 6, 413002),
        ("-0.4130005", 6, -413000),
        ("-0.4130015", 6, -413002),
        ("0.41300050000000000000000000000001", 6, 413001),
        ("0.1859999", 6, 186000),
        (0.4130005, 6, 413000),  # the float's shortest form is 0.4130005: a tie, whatever its binary value
        (0.1 + 0.2, 1, 3),
        (2.5, 0, 2),
        (3.5, 0, 4),
        (-1, 6, -1_000_000),
        (1e-30, 6, 0),
        (Decimal("1.5E+3"), 2, 150_000),
        (INT128_MAX, 0, INT128_MAX),
        (INT128_MIN, 0, INT128_MIN),
    ],
)
def test_rounding(value: object, decimals: int, integer: int) -> None:
    assert to_integer(value, decimals) == integer  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "decimals"),
    [
        ("NaN", 6),
        (float("inf"), 6),
        (INT128_MAX + 1, 0),
        (INT128_MIN - 1, 0),
        ("1e40", 6),
        ("1e999999", 0),
        (1, 19),
    ],
)
def test_refused(value: object, decimals: int) -> None:
    with pytest.raises(KpiError):
        to_integer(value, decimals)  # type: ignore[arg-type]


def test_random_values_against_fractions(seed: int) -> None:
    """Python rounds a Fraction half to even, exactly."""
    rng = random.Random(seed)
    for _ in range(2000):
        decimals, places = rng.randrange(0, 10), rng.randrange(0, 12)
        digits = rng.randrange(-(10**15), 10**15)
        value = Decimal(digits).scaleb(-places)
        assert to_integer(value, decimals) == round(Fraction(value) * 10**decimals)
        assert to_decimal(to_integer(value, 12), 12) == value

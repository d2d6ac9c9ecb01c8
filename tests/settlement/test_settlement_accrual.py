"""Interest against amounts published or computed elsewhere, never by our own code."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.accrual import RATE_ONE, interest

CENT = 100
USDC = 10**6


def percent(text: str) -> int:
    """A rate given as a decimal string of per cent, in units of 1e-18."""
    rate = Fraction(text) / 100 * RATE_ONE
    assert rate.denominator == 1
    return rate.numerator


@pytest.mark.parametrize(
    ("principal", "rate", "numerator", "denominator", "amount", "source"),
    [
        # 25,000,000 x 3.43 % is 857,500 a year (fact sheet of the deal): 428,750.00 a half-year.
        (25_000_000 * CENT, "3.43", 180, 360, 428_750 * CENT, "DC Water EIB 2016B, semi-annual 30/360"),
        (25_000_000 * USDC, "3.43", 180, 360, 428_750 * USDC, "the same in a currency of six decimals"),
        (25_000_000 * RATE_ONE, "3.43", 180, 360, 428_750 * RATE_ONE, "the same in eighteen decimals"),
        (800_000_000 * CENT, "4.05", 365, 365, 32_400_000 * CENT, "Hong Kong tokenised green bond 2023"),
        (1_500_000_000 * CENT, "2.65", 1, 1, 39_750_000 * CENT, "Enel SLB 2019, one year"),
        (1_500_000_000 * CENT, "2.90", 1, 1, 43_500_000 * CENT, "Enel SLB 2019 after its step-up of 25 bp"),
    ],
)
def test_published_coupons(
    principal: int, rate: str, numerator: int, denominator: int, amount: int, source: str
) -> None:
    assert interest(principal, percent(rate), numerator, denominator) == amount, source


def test_ferdikurt_divides_before_it_multiplies_and_ours_does_not() -> None:
    """Regression of FerdiKurt/upgradeable-green-bonds: a 5 % coupon on 100 bonds of 1,000 (six decimals).

    It works out a rate per second first, in integers, which loses a third of the money: 3,153.60 instead of
    5,000.
    """
    principal, year, basis_points = 100 * 1_000 * USDC, 365 * 86_400, 500
    per_second = 1_000 * USDC * basis_points // 10_000 // year
    assert per_second * year * 100 == 3_153_600_000  # the rival's amount, 3,153.60, by the rival's order
    assert interest(principal, percent("5"), 1, 1) == 5_000 * USDC
    assert interest(principal, percent("5"), year, year) == 5_000 * USDC


def test_exact_fraction_arithmetic_agrees(seed: int) -> None:
    rng = Random(seed)
    for _ in range(5_000):
        principal, rate = rng.randrange(10**30), rng.randrange(3 * RATE_ONE)
        denominator = rng.choice((360, 365, 366, 365 * 366, rng.randrange(1, 2**32)))
        numerator = rng.randrange(2 * denominator)
        exact = Fraction(principal) * Fraction(rate, RATE_ONE) * Fraction(numerator, denominator)
        assert interest(principal, rate, numerator, denominator) == floor(exact), f"seed {seed}"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((1, 1, 1, 0), "denominator"),
        ((-1, 1, 1, 1), "principal"),
        ((2**256, 1, 1, 1), "principal"),
        ((2**200, 2**200, 0, 1), "principal x rate"),
        ((1.5, 1, 1, 1), "integer"),
        ((True, 1, 1, 1), "integer"),
    ],
)
def test_refusals_say_what_is_wrong(arguments: tuple[int, int, int, int], word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        interest(*arguments)

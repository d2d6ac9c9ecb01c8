"""Debts, netting and payments against hand-made amounts, exact fractions and their conservation laws."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.netting import INTEREST_ONE, YEAR, Debt, accrue, due, net, repay

DAY = 86_400
PERCENT = 10**16


def test_simple_interest_by_hand() -> None:
    # 1,000,000.00 at 7.3 % is 200.00 a day of a 365-day year; simple, so two days are twice one.
    debt = Debt(1_000_000_00)
    assert due(accrue(debt, 73 * PERCENT // 10, DAY)) == 1_000_200_00
    assert due(accrue(accrue(debt, 73 * PERCENT // 10, DAY), 73 * PERCENT // 10, DAY)) == 1_000_400_00
    assert due(accrue(debt, 73 * PERCENT // 10, YEAR)) == 1_073_000_00
    assert accrue(debt, 73 * PERCENT // 10, 0) == debt == accrue(debt, 0, YEAR)


def test_a_payment_meets_interest_before_principal() -> None:
    debt = accrue(Debt(1_000), 10 * PERCENT, YEAR)
    assert due(debt) == 1_100
    assert repay(debt, 60) == (Debt(1_000, 40 * INTEREST_ONE), 60)
    assert repay(debt, 350) == (Debt(750), 350)
    assert repay(debt, 5_000) == (Debt(), 1_100)
    assert repay(Debt(7, INTEREST_ONE - 1), 7) == (Debt(), 7)  # a fraction alone is forgiven
    assert repay(Debt(7, INTEREST_ONE - 1), 6) == (Debt(1, INTEREST_ONE - 1), 6)  # with principal it is not


def test_netting_by_hand() -> None:
    # 500 to a side that owes 120 (20 of it interest), from one that holds 300: 120 netted, 300 paid, 80 owed.
    assert net(500, 300, Debt(100, 20 * INTEREST_ONE)) == (Debt(), 120, 300, 80)
    # 100 to the same side: its interest and 80 of its principal go; the payer's money stays where it is.
    assert net(100, 300, Debt(100, 20 * INTEREST_ONE)) == (Debt(20), 100, 0, 0)
    assert net(500, 900, Debt()) == (Debt(), 0, 500, 0)
    assert net(0, 900, Debt(1)) == (Debt(1), 0, 0, 0)


def test_a_debtor_cannot_round_its_interest_away(seed: int) -> None:
    """However often a debt is touched, its interest is what exact fractions say, less a unit at most."""
    rng = Random(seed)
    for _ in range(50):
        rate, principal = rng.randrange(10**18), rng.randrange(10 ** rng.randint(1, 15))
        debt, elapsed = Debt(principal), 0
        for _ in range(1_000):
            seconds = rng.choice((1, 12, rng.randrange(DAY)))
            debt, elapsed = accrue(debt, rate, seconds), elapsed + seconds
        exact = Fraction(principal * rate * elapsed, 10**18 * YEAR)
        assert 0 <= exact - Fraction(debt.interest, INTEREST_ONE) < Fraction(1_000, INTEREST_ONE), (
            f"seed {seed}"
        )


def test_money_is_conserved(seed: int) -> None:
    rng = Random(seed)
    for _ in range(5_000):
        size = 10 ** rng.randint(1, 30)
        debt = Debt(rng.randrange(size), rng.randrange(size * INTEREST_ONE))
        amount, balance = rng.randrange(3 * size), rng.randrange(2 * size)
        left, netted, paid, unpaid = net(amount, balance, debt)
        assert netted + paid + unpaid == amount, f"seed {seed}"
        assert due(left) == due(debt) - netted, f"seed {seed}"
        assert 0 <= paid <= balance, f"seed {seed}"
        assert paid == balance or not unpaid, f"seed {seed}: owed although there was money"
        assert not due(left) or paid == unpaid == 0, f"seed {seed}: paid to a side that still owes"


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: accrue(Debt(2**224), 1, 1), "INTEREST_ONE"),
        (lambda: accrue(Debt(1), -1, 1), "rate"),
        (lambda: accrue(Debt(1), 1, -1), "numerator"),
        (lambda: accrue(Debt(0, -1), 1, 1), "interest"),
        (lambda: due(Debt(2**256 - 1, INTEREST_ONE)), "principal"),
        (lambda: repay(Debt(1), -1), "amount"),
        (lambda: net(1, -1, Debt()), "balance"),
    ],
)
def test_netting_refuses(call: object, word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        call()  # type: ignore[operator]

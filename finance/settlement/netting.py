"""Debts between two sides, and how an amount is paid. Twin of contracts/settlement/Netting.sol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from finance.settlement.accrual import interest as simple_interest
from finance.settlement.widths import uint256

INTEREST_ONE: Final = 2**32
"""Interest is kept in 2^-32 of a minor unit: a debtor who pays in small parts cannot round it away."""

YEAR: Final = 365 * 86_400
"""Seconds of a year: ACT/365 fixed."""


@dataclass(frozen=True, slots=True)
class Debt:
    """`principal` in minor units, and unpaid `interest` in minor units times INTEREST_ONE."""

    principal: int = 0
    interest: int = 0


def accrue(debt: Debt, rate: int, elapsed: int) -> Debt:
    """The debt after `elapsed` seconds of simple interest on its principal at `rate` a year (1e18 = 100 %).

    Rounded down to 1 / INTEREST_ONE of a minor unit. Raises SettlementError for values that the contract
    refuses: outside uint256, or with a product beyond it.
    """
    scaled = uint256("principal x INTEREST_ONE", uint256("principal", debt.principal) * INTEREST_ONE)
    grown = uint256("interest", debt.interest) + simple_interest(scaled, rate, elapsed, YEAR)
    return Debt(debt.principal, uint256("interest", grown))


def due(debt: Debt) -> int:
    """Principal and interest in minor units, rounded down: the debtor keeps the fraction."""
    whole = uint256("interest", debt.interest) // INTEREST_ONE
    return uint256("principal + interest", uint256("principal", debt.principal) + whole)


def repay(debt: Debt, amount: int) -> tuple[Debt, int]:
    """Pay `amount` (minor units) on a debt: interest first, then principal. (What remains, what was used.)

    A fraction of a minor unit of interest that is left when all else is paid is forgiven. Raises
    SettlementError for values outside uint256 or when interest and principal paid add up to more.
    """
    interest = min(uint256("amount", amount), uint256("interest", debt.interest) // INTEREST_ONE)
    principal = min(amount - interest, uint256("principal", debt.principal))
    left = Debt(debt.principal - principal, debt.interest - interest * INTEREST_ONE)
    if left.principal == 0 and left.interest < INTEREST_ONE:
        left = Debt()
    return left, interest + principal


def net(amount: int, balance: int, receivers: Debt) -> tuple[Debt, int, int, int]:
    """Pay `amount` (minor units) to a side that itself owes `receivers`, from a payer who holds `balance`.

    Returns (what the receiver still owes, netted, paid, unpaid). The receiver's debt is netted first, the
    balance pays the rest as far as it goes, the payer owes what is unpaid; the three add up to `amount`, and
    nothing is unpaid while the receiver still owes. Raises SettlementError for values outside uint256.
    """
    left, netted = repay(receivers, amount)
    paid = min(amount - netted, uint256("balance", balance))
    return left, netted, paid, amount - netted - paid

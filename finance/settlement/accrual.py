"""Interest for a period. Twin of contracts/settlement/Accrual.sol."""

from __future__ import annotations

from typing import Final

from finance.settlement.widths import SettlementError, uint256

RATE_ONE: Final = 10**18
"""A rate of this much is 100 % a year."""


def interest(principal: int, rate: int, numerator: int, denominator: int) -> int:
    """Simple interest, floor(principal x rate x numerator / (1e18 x denominator)), in the unit of
    `principal`.

    `principal` in minor units, `rate` a year with 1e18 = 100 %, `numerator / denominator` the exact accrual
    factor in years. Multiplies everything before the one division, so that nothing is lost but the fraction
    of a minor unit. Raises SettlementError for values outside uint256, a zero denominator or an
    intermediate product beyond uint256.
    """
    uint256("principal", principal)
    uint256("rate", rate)
    uint256("numerator", numerator)
    uint256("denominator", denominator)
    if denominator == 0:
        raise SettlementError("denominator = 0: an accrual factor needs a positive one")
    # The order of Solidity's checked multiplications: a product that overflows on the way is refused there
    # even when a later factor is zero.
    product = uint256("principal x rate", principal * rate)
    product = uint256("principal x rate x numerator", product * numerator)
    return product // uint256("1e18 x denominator", RATE_ONE * denominator)

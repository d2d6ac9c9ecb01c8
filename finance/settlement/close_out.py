"""What a side that has defaulted owes for the periods that had not begun.

Twin of contracts/settlement/CloseOut.sol. Amounts are signed minor units: positive, the payer pays.
"""

from __future__ import annotations

from finance.settlement import pro_rata
from finance.settlement.widths import int256, uint128


def replacement_cost(payer: bool, total: int, remaining: int, year: int) -> int:
    """What replacing the rest of a swap is taken to cost: a year of settled amounts, for as long as it would
    have run.

    `total` of the settled amounts of the last year, of `year` periods; `remaining` periods are closed out.
    A swap is agreed at its fair value, so what is not settled of a first year counts as nothing. The fraction
    is against the side that defaulted (`payer`: whether that is the payer). Raises SettlementError as
    `pro_rata.scale` does.
    """
    if not payer:
        return pro_rata.scale(total, remaining, year)
    return -pro_rata.scale(int256("-total", -int256("total", total)), remaining, year)


def against(payer: bool, value: int, damages: int) -> int:
    """The close-out amount: `value` of the remaining periods where it is against the defaulter, at least
    `damages`, and never to the defaulter.

    Raises SettlementError for values outside their widths (int256, uint128).
    """
    int256("value", value)
    uint128("damages", damages)
    return max(value, damages) if payer else min(value, -damages)

"""Spending money in a fixed order. Twin of contracts/settlement/Waterfall.sol."""

from __future__ import annotations

from collections.abc import Sequence

from finance.settlement.widths import uint256


def allocate(available: int, needs: Sequence[int]) -> tuple[list[int], int]:
    """Pay `needs` in order from `available`, each in full before the next one gets anything.

    All in minor units. Returns what each need was paid and what is left; together they are exactly
    `available`. Raises SettlementError for values outside uint256.
    """
    left = uint256("available", available)
    paid = []
    for i, need in enumerate(needs):
        amount = min(uint256(f"needs[{i}]", need), left)
        paid.append(amount)
        left -= amount
    return paid, left

"""Median of the observations in a report. Twin of contracts/settlement/Median.sol."""

from __future__ import annotations

from collections.abc import Sequence

from finance.settlement.widths import SettlementError, int128


def median(values: Sequence[int]) -> int:
    """The middle one of int128 `values` in ascending order; of an even number, the lower of the two in the
    middle.

    The result is always one of the values, so always one that a node has signed. It equals
    `statistics.median_low`. Raises SettlementError for no values, values that descend, or values outside
    int128.
    """
    if not values:
        raise SettlementError("values: a median needs at least one")
    for i, value in enumerate(values):
        int128(f"values[{i}]", value)
        if i and value < values[i - 1]:
            raise SettlementError(f"values[{i}] = {value}: less than its predecessor {values[i - 1]}")
    return values[(len(values) - 1) // 2]

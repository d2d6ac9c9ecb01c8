"""Sharing money over units. Twin of contracts/settlement/ProRata.sol."""

from __future__ import annotations

from finance.settlement.widths import SettlementError, int256, uint256


def per_unit(amount: int, units: int) -> tuple[int, int]:
    """Share `amount` (minor units) equally over `units`: (floor(amount / units), that times units).

    `amount - paid` is the rounding dust, less than one minor unit per unit; it stays with the payer, who
    carries it to the next distribution. Raises SettlementError for zero units or values outside uint256.
    """
    uint256("amount", amount)
    if uint256("units", units) == 0:
        raise SettlementError("units = 0: nobody to share with")
    each = amount // units
    return each, each * units


def scale(amount: int, units: int, of_units: int) -> int:
    """The part of `amount`, quoted for `of_units`, that falls on `units`: floor(amount x units / of_units).

    Rounds toward minus infinity, so against the receiver of a positive amount. Raises SettlementError for
    zero `of_units`, values outside their widths (int256, uint256), a product |amount| x units beyond
    uint256 or a result beyond int256.
    """
    int256("amount", amount)
    uint256("units", units)
    if uint256("of_units", of_units) == 0:
        raise SettlementError("of_units = 0: no issue to be a part of")
    # Solidity multiplies magnitudes in uint256: the most negative int256 has none, and the product must fit.
    int256("|amount|", abs(amount))
    uint256("|amount| x units", abs(amount) * units)
    share = amount * units // of_units
    int256("|share|", abs(share))
    return share

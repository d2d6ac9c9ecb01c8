"""KPI values: from a number with a unit to the integer that is signed."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

INT128_MIN, INT128_MAX = -(2**127), 2**127 - 1
MAX_DECIMALS = 18


class KpiError(ValueError):
    """A value that cannot be a KPI of the feed; the message says why."""


def to_integer(value: Decimal | float | int | str, decimals: int) -> int:
    """value x 10^decimals, rounded half to even, as the chain holds it (int128).

    A float counts at its shortest decimal form, as it is written in an evidence file.
    Raises KpiError if it is not finite or does not fit.
    """
    if not 0 <= decimals <= MAX_DECIMALS:
        raise KpiError(f"decimals = {decimals}: must be from 0 to {MAX_DECIMALS}")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise KpiError(f"value = {value}: not a finite number")
    sign, digits, exponent = number.as_tuple()
    if len(digits) + int(exponent) + decimals > 60:
        raise KpiError(f"value = {value}: does not fit 128 bits")
    shifted = Decimal((sign, digits, int(exponent) + decimals))
    # quantize fails beyond the context's precision (28 digits); to_integral_value does not round twice.
    integer = int(shifted.to_integral_value(rounding=ROUND_HALF_EVEN))
    if not INT128_MIN <= integer <= INT128_MAX:
        raise KpiError(f"value = {value}: does not fit 128 bits")
    return integer


def to_decimal(integer: int, decimals: int) -> Decimal:
    """The KPI value that an integer on chain means."""
    return Decimal(integer).scaleb(-decimals)


def kpi_text(integer: int, decimals: int) -> str:
    """The same, as people read it: with all its decimals and without an exponent."""
    return f"{to_decimal(integer, decimals):f}"

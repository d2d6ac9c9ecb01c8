"""The primary sale of a claim by a book of orders, in a deal file."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from finance.terms.offering import Sale
from finance.terms.values import NumberTerm


class OfferingBook(Sale):
    """Primary issue of a claim token to whoever orders it at a price or less, from `least_price` to
    `most_price` a unit on steps of `tick`, in money: all pay the highest price at which the whole issue is
    wanted, or the least where it is not, and orders at that price are filled pro rata. Window and caps are
    those of an offering; `minimum`: the least units of an order, 1 if it is left out."""

    called: ClassVar[str] = "book of orders"
    gas: ClassVar[int] = 208_000

    kind: Literal["offering_book"]
    least_price: NumberTerm
    most_price: NumberTerm
    tick: NumberTerm
    minimum: NumberTerm | None = None

    @property
    def least(self) -> int:
        """Units of an order."""
        return 1 if self.minimum is None else int(self.minimum.value)

    def steps(self, price: NumberTerm) -> Fraction:
        """From the least price to another, whole numbers where it is on a step."""
        return (Fraction(price.value) - Fraction(self.least_price.value)) / Fraction(self.tick.value)

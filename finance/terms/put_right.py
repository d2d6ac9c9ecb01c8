"""What holders of a claim may sell back in a deal file: to whom, when and at which prices."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from finance.terms.part import Link, Part, UnitPayment, Whole
from finance.terms.values import DayTerm, Key, NumberTerm, Strict

Funded = Annotated[
    Literal["before_notice", "after_notice"],
    Field(description="when the writer puts the money in: before notice opens, or after notice"),
]


class PutDay(Strict):
    """A day on which units can be sold from. Of a claim whose payments the terms say: the pay date of its
    `coupon` of that number, counted from 1, at a `price` that is a fraction of the principal left then, 1 is
    par; what falls due by that day is the holder's beside it. Of any other: a `day`, and the `amount` of
    currency that a unit is to have brought in all since issue, of which it is paid what is missing.
    """

    coupon: Annotated[int, Field(strict=True, ge=1)] | None = None
    price: NumberTerm | None = None
    day: DayTerm | None = None
    amount: NumberTerm | None = None


class Agreed(NamedTuple):
    """A put date at a coupon: that coupon's payment, and what units are paid in all by then at least."""

    payment: UnitPayment
    earned: int


class Put(Part):
    """The right of whoever holds units of the claim token `of` to sell them to the party `writer`. Notice is
    given from `notice_from_days` until `notice_until_days` before each of the `dates`, and units change hands
    for money in the `exercise_days` from it on. The writer puts the money in before notice opens, for all
    units in issue, or after notice, for those that were named.
    """

    called: ClassVar[str] = "put"
    led: ClassVar[bool] = True
    gas: ClassVar[int] = 130_000
    GAS_OF_A_DATE: ClassVar[int] = 60_000

    kind: Literal["put"]
    of: Annotated[Key, Link("claim_token", "can be sold back by")]
    writer: Key
    funded: Funded
    notice_from_days: NumberTerm
    notice_until_days: NumberTerm
    exercise_days: NumberTerm
    dates: Annotated[list[PutDay], Field(min_length=1)]

    @property
    def bought_back(self) -> list[tuple[int, Fraction]]:
        return [
            (each.coupon - 1, Fraction(each.price.value))
            for each in self.dates
            if each.coupon is not None and each.price is not None
        ]

    @property
    def named(self) -> list[tuple[str, str]]:
        return [("writer", self.writer)]

    def least_gas(self, deal: Whole) -> int:
        return self.gas + self.GAS_OF_A_DATE * len(self.dates)

    @staticmethod
    def agreed(payments: tuple[UnitPayment, ...], coupon: int) -> Agreed:
        """The date at the coupon of that number. Raises LookupError where there is none."""
        if coupon > len(payments):
            raise LookupError(coupon)
        return Agreed(payments[coupon - 1], sum(each.least for each in payments[:coupon]))

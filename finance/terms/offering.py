"""The primary sale of a claim in a deal file."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from finance.terms.part import Link, Part
from finance.terms.values import DayTerm, Key, NumberTerm


class Sale(Part):
    """What every kind of primary sale says: the claim token that it `sells`, its subscription window
    (`closes` is exclusive), and caps in money."""

    called: ClassVar[str] = "offering"
    led: ClassVar[bool] = True

    sells: Annotated[Key, Link("claim_token", "sells")]
    opens: DayTerm
    closes: DayTerm
    soft_cap: NumberTerm
    hard_cap: NumberTerm

    @property
    def window(self) -> tuple[date, date]:
        return self.opens.value, self.closes.value


class Offering(Sale):
    """Primary issue of a claim token: subscription window (`closes` is exclusive), and caps in money. Below
    the soft cap everybody gets their money back."""

    gas: ClassVar[int] = 185_000

    kind: Literal["offering"]

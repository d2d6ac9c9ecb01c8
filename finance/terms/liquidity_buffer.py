"""Money that stands ready to buy units of a claim at their reported value, in a deal file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.part import Link, Part
from finance.terms.values import DayTerm, Key, NumberTerm


class LiquidityBuffer(Part):
    """Money of the party `sponsor` that buys units on the trade desk `on` at their value by `kpi` less a
    `discount`, a fraction: what a unit is worth since issue, in the currency. At most `most_units` at one
    mark, at no mark older than `longest_age_days`, until the day `until`. `facility`: what the sponsor
    promises to put in.
    """

    called: ClassVar[str] = "liquidity buffer"
    led: ClassVar[bool] = True
    gas: ClassVar[int] = 330_000

    kind: Literal["liquidity_buffer"]
    on: Annotated[Key, Link("trade_desk", "buys on")]
    kpi: Key
    sponsor: Key
    facility: NumberTerm
    discount: NumberTerm
    most_units: NumberTerm
    longest_age_days: NumberTerm
    until: DayTerm

    @property
    def named(self) -> list[tuple[str, str]]:
        return [("lender", self.sponsor)]

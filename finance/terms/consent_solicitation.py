"""What holders of a bond may waive by a majority, in a deal file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finance.terms.part import Link, Part
from finance.terms.values import Key, NumberTerm, Strict


class Majority(Strict):
    """At least `parts` of every `of` outstanding units: 2 of 3, 3 of 4."""

    parts: NumberTerm
    of: NumberTerm


class ConsentSolicitation(Part):
    """Where holders of a bond, the part that it `waives`, consent to a standstill on a missed payment: its
    cure period is longer by as many days as the issuer has proposed, at most `standstill_days`, once the
    `majority` of outstanding units consents. Consents are counted at least `notice_days` after the proposal
    and no later than `count_days` after that; one counts that was given `held_days` before, or more. Units of
    the issuer and of the `affiliates`, parties of the deal that hold some, do not consent."""

    called: ClassVar[str] = "consent solicitation"
    led: ClassVar[bool] = True
    gas: ClassVar[int] = 200_000

    kind: Literal["consent_solicitation"]
    waives: Annotated[Key, Link("kpi_bond", "puts off")]
    majority: Majority
    standstill_days: NumberTerm
    notice_days: NumberTerm
    held_days: NumberTerm
    count_days: NumberTerm
    affiliates: list[Key] = Field(default_factory=list)

    @property
    def named(self) -> list[tuple[str, str]]:
        return [("holder", key) for key in self.affiliates]

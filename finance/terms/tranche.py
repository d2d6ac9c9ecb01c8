"""A tranche in a deal file: notes of a vehicle, or the residual claim on it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.amounts import Repayment
from finance.terms.part import Issue, Link, Part
from finance.terms.values import DayTerm, Key, NumberTerm, Text


class Tranche(Part):
    """A pass-through claim on the vehicle `spv`, whose treasury serves it: it has no contract of its own, and
    whoever holds the claim `token` is paid what the treasury's steps pay it.

    With a `rate` a year (a fraction) it is a loan to the vehicle: interest falls due each period on what is
    not repaid, and with `deferral` at that rate on unpaid interest too; principal by its `repayment`,
    without one in the last period. Without a rate it is residual: it is paid by the steps that share out what
    is left, whatever it was sold for.
    """

    called: ClassVar[str] = "tranche"
    served: ClassVar[bool] = True

    kind: Literal["tranche"]
    title: Text
    spv: Annotated[Key, Link("spv", "is owed by")]
    token: Annotated[Key, Link("claim_token", "pays")]
    principal: NumberTerm
    denomination: NumberTerm
    issue_price: NumberTerm
    issue_date: DayTerm
    rate: NumberTerm | None = None
    deferral: bool = False
    repayment: Repayment | None = None

    @property
    def units(self) -> int:
        """Of the whole issue."""
        return int(self.principal.value / self.denomination.value)

    @property
    def issue(self) -> Issue:
        """What is sold of it."""
        return Issue(
            "principal",
            self.principal.value,
            "denomination",
            self.denomination.value,
            self.issue_date.value,
            "the vehicle begins with the whole issue",
            self.denomination.value * self.issue_price.value,
        )

"""What the money of an issue is for, in a deal file, and who says whether it was used so."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.part import Link, Part, Whole
from finance.terms.spv import Named
from finance.terms.values import Key, NumberTerm, Strict, Text


class Use(Strict):
    """Something that the proceeds are for: at most `amount` of them."""

    title: Text
    amount: NumberTerm


class Proceeds(Part):
    """Where the issuer records what the proceeds of the claim token `of` were used for: under one of the
    `uses`, which together are the whole issue, with the hash of a document. The party `reviewer`, if there is
    one, says of each entry whether it holds.

    Source: ICMA, Green Bond Principles, June 2021.
    """

    called: ClassVar[str] = "register of proceeds"
    led: ClassVar[bool] = True
    handed_on: ClassVar[tuple[str, ...]] = ("verifier",)
    gas: ClassVar[int] = 130_000
    GAS_OF_A_USE: ClassVar[int] = 60_000

    kind: Literal["proceeds"]
    of: Annotated[Key, Link("claim_token", "accounts for")]
    reviewer: Key | None = None
    uses: Annotated[dict[Key, Use], Named]

    def least_gas(self, deal: Whole) -> int:
        return self.gas + self.GAS_OF_A_USE * len(self.uses)

    @property
    def named(self) -> list[tuple[str, str]]:
        return [] if self.reviewer is None else [("verifier", self.reviewer)]

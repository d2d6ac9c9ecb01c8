"""The primary sale of a claim in a deal file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from finance.terms.part import Link, Part
from finance.terms.values import DayTerm, Key, NumberTerm

if TYPE_CHECKING:
    from finance.terms.deal import Deal


GAS = 185_000
"""Of its contract (tests/chain/test_chain_gas.py)."""


class Offering(Part):
    """Primary issue of a claim token: subscription window (`closes` is exclusive), and caps in money. Below
    the soft cap everybody gets their money back."""

    kind: Literal["offering"]
    sells: Annotated[Key, Link("claim_token", "sells")]
    opens: DayTerm
    closes: DayTerm
    soft_cap: NumberTerm
    hard_cap: NumberTerm

    def least_gas(self, deal: Deal) -> int:
        """The same whatever its terms."""
        return GAS

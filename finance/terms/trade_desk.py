"""The secondary market of a claim in a deal file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.part import Link, Part
from finance.terms.values import Key, NumberTerm


class TradeDesk(Part):
    """Where holders trade the claim token that it `trades`: units against money at once, on signed quotes
    that live `quote_days` at most. `minimum`: the least units of a trade, 1 if it is left out, unless it
    takes all that is left of a quote."""

    called: ClassVar[str] = "trade desk"
    led: ClassVar[bool] = True
    gas: ClassVar[int] = 130_000

    kind: Literal["trade_desk"]
    trades: Annotated[Key, Link("claim_token", "trades")]
    minimum: NumberTerm | None = None
    quote_days: NumberTerm

    @property
    def least(self) -> int:
        """Units of a trade."""
        return 1 if self.minimum is None else int(self.minimum.value)

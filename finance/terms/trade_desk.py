"""The secondary market of a claim in a deal file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from finance.terms.part import Link, Part
from finance.terms.values import Key, NumberTerm

if TYPE_CHECKING:
    from finance.terms import Deal

MOST_UNITS = 2**64 - 1


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

    def problems(self, deal: Deal, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        from finance.terms.rule_parts import MAX_DAYS, count

        yield from count((*here, "quote_days"), self.quote_days, 1, MAX_DAYS)
        if self.minimum is not None:
            yield from count((*here, "minimum"), self.minimum, 1, self._issued(deal))

    def _issued(self, deal: Deal) -> int:
        """Units there can be: nobody could trade more."""
        issues = [deal.parts[key].issue for key in deal.linking(self.trades, "pays")]
        return min(
            (int(each.whole / each.unit) for each in issues if each and each.unit > 0), default=MOST_UNITS
        )

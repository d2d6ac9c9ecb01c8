"""Rules of trade desks: how little is traded, and how long a quote may live."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.deal import Deal
from finance.terms.rule_parts import Finding, count, parts_of
from finance.terms.trade_desk import TradeDesk

MOST_UNITS = 2**64 - 1
MAX_DAYS = 90
"""As long as the notice of a recovery: no quote that a lost key has signed lives after it."""


def desks(deal: Deal) -> Iterator[Finding]:
    for here, desk in parts_of(deal, TradeDesk):
        yield from count((*here, "quote_days"), desk.quote_days, 1, MAX_DAYS)
        if desk.minimum is not None:
            yield from count((*here, "minimum"), desk.minimum, 1, _units(deal, desk))


def _units(deal: Deal, desk: TradeDesk) -> int:
    """Of the whole issue: nobody could trade more."""
    issues = (deal.parts[key].issue for key in deal.linking(desk.trades, "pays"))
    return min((int(each.whole / each.unit) for each in issues if each and each.unit > 0), default=MOST_UNITS)


RULES = (desks,)

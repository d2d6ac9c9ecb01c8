"""RevenueTreasury."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finance.settlement.treasury_books import TreasuryBooks
from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _received(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["from"], "receive_revenue", {"line": a["line"], "amount": a["amount"]}


def _paid(a: Mapping[str, Any], world: World) -> Rebuilt:
    rest = a["period"] == len(world.books("treasury", TreasuryBooks).terms.periods)
    yield "", "pay_rest" if rest else "pay", {}


def _withdrawn(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "withdraw", {"party": a["party"]}


def _returned(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "return_money", {}


ACTS_OF = {
    "RevenueReceived": _received,
    "PeriodPaid": _paid,
    "Withdrawn": _withdrawn,
    "MoneyReturned": _returned,
}

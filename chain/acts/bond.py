"""KpiBond. A fixing made within an acceleration follows from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _funded(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["from"], "fund", {"amount": a["amount"]}


def _fixed(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "fix", {"fixing": a["fixing"]}


def _by_anyone(call: str) -> Callable[[Mapping[str, Any], World], Rebuilt]:
    def rebuilt(_a: Mapping[str, Any], _world: World) -> Rebuilt:
        yield "", call, {}

    return rebuilt


ACTS_OF = {
    "BondFunded": _funded,
    "KpiFixed": _fixed,
    "CouponPaid": _by_anyone("pay_coupon"),
    "BondRedeemed": _by_anyone("redeem"),
    "BondDefaulted": _by_anyone("declare_default"),
    "DefaultCured": _by_anyone("cure"),
    "BondAccelerated": _by_anyone("accelerate"),
    "Recovered": _by_anyone("recover"),
    "SurplusReturned": _by_anyone("return_surplus"),
}

"""Offering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _subscribed(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["investor"], "subscribe", {"units": a["units"]}


def _settled(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "settle", {}


def _refunded(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["holder"], "refund", {"units": a["units"]}


ACTS_OF = {"Subscribed": _subscribed, "OfferingSettled": _settled, "Refunded": _refunded}

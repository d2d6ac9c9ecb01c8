"""The settlement currency: what comes to a part by a plain transfer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _transfer(a: Mapping[str, Any], world: World) -> Rebuilt:
    if a["from"] not in world.addresses.values():
        yield a["from"], "transfer", {"to": a["to"], "value": a["value"]}


ACTS_OF = {"Transfer": _transfer}

"""From the events of a deal's contracts back to what somebody did.

Each module knows one contract. It gives, for each event that stands for an act, what may have been called:
one way, or several, of which the books say which one explains the log (an event does not always say who
called). Events that only follow from others stand for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from chain.acts import bond, currency, offering, oracle, payment, token, treasury
from finance.settlement.acts import Act
from finance.settlement.world import World

__all__ = ["APART", "Said", "acts_of"]


class Said(NamedTuple):
    """An event as far as it matters here."""

    part: str
    name: str
    arguments: Mapping[str, Any]


Rebuild = Callable[[Mapping[str, Any], World], Iterator[tuple[str, str, dict[str, Any]]]]
"""From an event's arguments to (who, what, with which arguments)."""

KINDS: Mapping[str, Mapping[str, Rebuild]] = {
    "bond": bond.ACTS_OF,
    "currency": currency.ACTS_OF,
    "offering": offering.ACTS_OF,
    "oracle": oracle.ACTS_OF,
    "swap": payment.ACTS_OF,
    "token": token.ACTS_OF,
    "treasury": treasury.ACTS_OF,
}
"""By the part's role in its deal."""
APART: Mapping[str, frozenset[str]] = {"oracle": oracle.APART, "token": token.APART}
"""Events that are neither acts nor follow from one that the books know."""


def acts_of(said: Said, world: World, at: int, block: int) -> Iterator[Act]:
    """What may have been done, the likeliest first; nothing for an event that only follows from another."""
    rebuild = KINDS.get(said.part, {}).get(said.name)
    if rebuild is not None:
        for by, call, arguments in rebuild(said.arguments, world):
            yield Act(by, said.part, call, arguments, at, block)

"""What can be done with a deployment now, of all that people are offered (api.instruments.acts)."""

from __future__ import annotations

from dataclasses import dataclass

from api.instruments.acts import acts_of
from api.instruments.base import Case
from api.instruments.offers import Act
from chain.possible import ASK, DUE, possible

PLAIN = frozenset(
    (
        "units",
        "amount",
        "number",
        "time",
        "address",
        "hash",
        "bytes",
        "choice",
        "flag",
        "line",
        "kpi",
        "string",
    )
)
"""Kinds of parameters that a person can type. Money of either sign is asked for in minor units, which nobody
should have to type."""


@dataclass(frozen=True)
class Doable:
    """An act that the books would let somebody do now: `may` are the addresses that can, none where anyone
    may; `due`: it should be done."""

    act: Act
    due: bool
    may: tuple[str, ...]


def doable(case: Case, now: int = 0) -> list[Doable]:
    """What is due first, at a time not before the last block's. Of oracle, registry and currency nothing:
    their own contracts know more."""
    offered = {(each.part, each.call.name): each for each in acts_of(case.deployment)}
    found = []
    for each in possible(case.to_try(now)):
        act = offered.get((each.part, each.call.name))
        asked = act is not None and all(one.kind in PLAIN for one in act.parameters)
        # What only the contract knows of a part of the deal's own hangs on who holds what.
        unknown = each.now == ASK and not case.world.shared(each.part)
        if act is not None and asked and (each.open or unknown):
            found.append(Doable(act, each.now == DUE, tuple(each.may)))
    return sorted(found, key=lambda each: not each.due)

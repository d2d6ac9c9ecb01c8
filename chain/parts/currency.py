"""The settlement currency: what comes to a part by a plain transfer."""

from __future__ import annotations

from collections.abc import Iterator

from chain.history import Event, History
from chain.parts.base import BALANCES, Held, PartKind, Rebuilt, Said, Seen, running, said
from chain.reconciliation import Row
from finance.settlement.world import World


def _transfer(a: Said, world: World) -> Rebuilt:
    if a["from"] not in world.own:
        yield a["from"], "transfer", {"to": a["to"], "value": a["value"]}


def _moved(seen: Seen) -> Iterator[Row]:
    """What no event of the deal's contracts announces; the rest stands with what it is for."""
    if not seen.expected and seen["from"] in seen.after.own:
        yield seen.row("unannounced", seen["to"], (0, seen["value"]))
    elif seen.alone:
        yield seen.row("sent", seen["to"], seen.both("value"))


def _booked(log: History, event: Event, _held: Held) -> Iterator[tuple[str, int]]:
    """From and to a contract of the deal by its key, anybody else by address."""
    inside = {address: name for name, address in log.record.addresses.items()}
    a = event.arguments
    yield inside.get(a["from"], a["from"]), -a["value"]
    yield inside.get(a["to"], a["to"]), a["value"]


TABLES = {
    "currency": said("Transfer", **{"from": "from", "to": "to", "amount": "value"}),
    "balances": running("Transfer", columns=BALANCES, changes=_booked),
}
WORDS = {
    "sent": "simply sent to a contract of the deal",
    "unannounced": "left a contract of the deal without an event that says so",
}
ACTS_OF = {"Transfer": _transfer}
KIND = PartKind(
    "IERC20",
    ACTS_OF,
    {"Transfer": _moved},
    alone=frozenset({"Transfer"}),
    cloned=False,
    words=WORDS,
    tables=TABLES,
)

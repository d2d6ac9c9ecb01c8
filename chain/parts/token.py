"""SecurityToken. What the agent does is said without the agent, whom the token names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chain.parts.base import Now, PartKind, Seen, Standing, nobodys
from chain.reconciliation import Check, Row
from finance.settlement.claim_token import TokenBooks
from finance.settlement.world import NOBODY, World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _agent(world: World) -> str:
    return world.books("token", TokenBooks).terms.agent


def _transfer(a: Mapping[str, Any], _world: World) -> Rebuilt:
    if NOBODY not in (a["from"], a["to"]):
        yield a["from"], "transfer", {"to": a["to"], "value": a["value"]}


def _forced(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _agent(world), "forced_transfer", {"from": a["from"], "to": a["to"], "amount": a["amount"]}


def _frozen(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _agent(world), "set_frozen_tokens", {"account": a["account"], "amount": a["amount"]}


def _paused(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _agent(world), "set_paused", {"paused": a["paused"]}


def _announced(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _agent(world), "announce_recovery", {"holder": a["holder"], "to": a["to"]}


def _objected(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield a["holder"], "object_to_recovery", {}


def _recovered(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "recover_holding", {"holder": a["holder"]}


def _distributed(a: Mapping[str, Any], world: World) -> Rebuilt:
    if a["payer"] not in world.addresses.values():
        yield a["payer"], "distribute", {"amount": a["paid"]}


def _claimed(a: Mapping[str, Any], _world: World) -> Rebuilt:
    """By anyone; by the holder itself while its holding is in recovery."""
    yield "", "claim", {"holder": a["holder"]}
    yield a["holder"], "claim", {"holder": a["holder"]}


# -- what it pays


def _shared(seen: Seen) -> Iterator[Row]:
    """A part of the deal says itself what it shares out; of anybody else's money nothing was promised."""
    if seen["payer"] not in seen.after.addresses.values():
        yield from seen.shares(seen.part, "gift", seen.both("perUnit"))


def _paid_out(seen: Seen) -> Iterator[Row]:
    yield seen.row("claim", seen["holder"], seen.both("amount"))


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, TokenBooks)
    return Standing(
        checks=[Check(f"{now.part}: units in issue", books.supply, now.read("totalSupply"))],
        notes=nobodys(now),
    )


WORDS = {
    "gift": "shared out by anybody but a part of the deal",
    "claim": "paid out to holders",
}
APART = frozenset({"Approval", "EIP712DomainChanged"})
"""Events of which the books know nothing: allowances are the ERC-20's."""

ACTS_OF = {
    "Transfer": _transfer,
    "ForcedTransfer": _forced,
    "Frozen": _frozen,
    "TransfersPaused": _paused,
    "RecoveryAnnounced": _announced,
    "RecoveryObjected": _objected,
    "HoldingRecovered": _recovered,
    "Distributed": _distributed,
    "Claimed": _claimed,
}
KIND = PartKind(ACTS_OF, {"Distributed": _shared, "Claimed": _paid_out}, _standing, APART)

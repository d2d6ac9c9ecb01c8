"""SecurityToken. What the agent does is said without the agent, whom the token names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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

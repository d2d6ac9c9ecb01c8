"""KpiPayment. Who withdraws is not said: the party itself gets more than a stranger would pay it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finance.settlement.kpi_payment import Side
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.world import World

Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]


def _party(world: World, side: int) -> str:
    return world.books("swap", PaymentBooks).party(Side(side))


def _activated(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "activate", {}


def _settled(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "settle", {}


def _funded(a: Mapping[str, Any], world: World) -> Rebuilt:
    if a["from"] not in world.addresses.values():
        yield a["from"], "fund", {"side": a["side"], "amount": a["amount"]}


def _withdrawn(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "withdraw", {"side": a["side"]}
    yield a["to"], "withdraw", {"side": a["side"]}


def _called(a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "call_margin", {"side": a["side"]}


def _closed_out(_a: Mapping[str, Any], _world: World) -> Rebuilt:
    yield "", "close_out", {}


def _proposed(a: Mapping[str, Any], world: World) -> Rebuilt:
    offer = {"amount": a["amount"], "expiry": a["expiry"]}
    yield _party(world, a["side"]), "propose_termination", offer


def _taken_back(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _party(world, a["side"]), "withdraw_termination", {}


def _accepted(a: Mapping[str, Any], world: World) -> Rebuilt:
    yield _party(world, 1 - a["proposer"]), "accept_termination", {"id": a["id"]}


ACTS_OF = {
    "PaymentActivated": _activated,
    "PeriodSettled": _settled,
    "Funded": _funded,
    "Withdrawn": _withdrawn,
    "MarginCalled": _called,
    "ClosedOut": _closed_out,
    "TerminationProposed": _proposed,
    "TerminationWithdrawn": _taken_back,
    "AgreedTermination": _accepted,
}

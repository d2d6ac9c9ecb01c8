"""Lists that every deal with a claim token has, and turns in the life of any deal."""

from __future__ import annotations

from api.instruments.base import Case, Collection, trace_of
from api.instruments.rows import ClaimRow, RefundRow, SubscriptionRow, TransferRow, TurnRow
from chain.event_tables import ZERO
from chain.events import Event


def _transfer(_case: Case, event: Event) -> TransferRow:
    a = event.arguments
    kind = "issue" if a["from"] == ZERO else "return" if a["to"] == ZERO else "transfer"
    return TransferRow(trace=trace_of(event), kind=kind, sender=a["from"], receiver=a["to"], units=a["value"])


def _claim(_case: Case, event: Event) -> ClaimRow:
    a = event.arguments
    return ClaimRow(trace=trace_of(event), holder=a["holder"], amount=str(a["amount"]))


def _subscription(_case: Case, event: Event) -> SubscriptionRow:
    a = event.arguments
    return SubscriptionRow(trace=trace_of(event), holder=a["investor"], units=a["units"], paid=str(a["paid"]))


def _refund(_case: Case, event: Event) -> RefundRow:
    a = event.arguments
    return RefundRow(trace=trace_of(event), holder=a["holder"], units=a["units"], amount=str(a["amount"]))


def _turn(case: Case, event: Event) -> TurnRow:
    arguments = {name: str(value) for name, value in event.arguments.items()}
    return TurnRow(
        trace=trace_of(event),
        contract=case.deployment.role(event.source),
        event=event.name,
        arguments=arguments,
    )


TOKEN_COLLECTIONS = (
    Collection(
        "transfers",
        "Movements of units",
        TransferRow,
        events=frozenset({("token", "Transfer")}),
        make=_transfer,
        account=("sender", "receiver"),
        role="token",
    ),
    Collection(
        "claims",
        "What holders took out",
        ClaimRow,
        events=frozenset({("token", "Claimed")}),
        make=_claim,
        account=("holder",),
        role="token",
    ),
    Collection(
        "subscriptions",
        "Units sold in the offering",
        SubscriptionRow,
        events=frozenset({("offering", "Subscribed")}),
        make=_subscription,
        account=("holder",),
        role="offering",
    ),
    Collection(
        "refunds",
        "Units returned after a failed offering",
        RefundRow,
        events=frozenset({("offering", "Refunded")}),
        make=_refund,
        account=("holder",),
        role="offering",
    ),
)


def turns(*events: tuple[str, str]) -> Collection:
    """The list of turns: these events, as (role, name)."""
    return Collection("turns", "Turns in the deal's life", TurnRow, events=frozenset(events), make=_turn)

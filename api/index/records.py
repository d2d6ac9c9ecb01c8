"""Deployment records of every kind, and what each kind needs to be indexed. A later instrument is one more
entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from web3 import Web3

from chain.check import Difference, check_deployment
from chain.errors import RecordError
from chain.events import Event
from chain.ledger import Ledger
from chain.records import DeploymentRecord, RecordFile, problems
from chain.swap.check import check_swap_deployment
from chain.swap.ledger import SwapLedger
from chain.swap.records import SwapRecord

AnyLedger = Ledger | SwapLedger
Senders = Mapping[str, tuple[str, str]]
"""Who sent a transaction, and to which contract, by its hash."""


@dataclass(frozen=True)
class Kind:
    """A kind of deployment. `contract`: the role of the contract that is the deal's own; `check`: every
    difference between chain and terms; `ledger`: to block, its time, events, record and senders."""

    name: str
    record: type[RecordFile]
    contract: str
    check: Callable[[Web3, Any], list[Difference]]
    ledger: Callable[[int, int, list[Event], Any, Senders], AnyLedger]


def _bond(to_block: int, time: int, events: list[Event], record: Any, _senders: Senders) -> Ledger:
    return Ledger(to_block, time, events, record)


def _swap(to_block: int, time: int, events: list[Event], record: Any, senders: Senders) -> SwapLedger:
    return SwapLedger(to_block, time, events, record, dict(senders))


KINDS: Sequence[Kind] = (
    Kind("kpi_bond", DeploymentRecord, "bond", check_deployment, _bond),
    Kind("kpi_payment", SwapRecord, "swap", check_swap_deployment, _swap),
)


def kind_of(record: RecordFile) -> Kind:
    """The kind of a record; raises RecordError for one that is not indexed."""
    for kind in KINDS:
        if isinstance(record, kind.record):
            return kind
    raise RecordError(f"deployment record: {type(record).__name__}: is not of a kind that is indexed")


def record_of(text: str | Mapping[str, Any], where: str = "deployment record") -> Any:
    """A record of any kind, from JSON, as its `schema` says; raises RecordError with a line per problem."""
    data = json.loads(text) if isinstance(text, str) else text
    for kind in KINDS:
        if data.get("schema") == kind.record.model_fields["schema_id"].default:
            try:
                return kind.record.model_validate(data)
            except ValidationError as error:
                raise RecordError("\n".join(problems(where, error))) from None
    known = ", ".join(str(kind.record.model_fields["schema_id"].default) for kind in KINDS)
    raise RecordError(f"{where}: schema = {data.get('schema')!r}: must be one of {known}")

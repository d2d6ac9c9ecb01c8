"""The kinds of deployed deals. What the chain's rooms do with a deal, they do by the entry of its kind here;
nothing else asks which kind it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from web3 import Web3

from chain.check import Difference, check_deployment
from chain.deploy import deploy_deal, deploy_infrastructure, require_new, wallets_for
from chain.errors import RecordError
from chain.event_tables import EventTables
from chain.events import PAGE
from chain.ledger import Ledger
from chain.records import DeploymentRecord, RecordFile, parsed, read_json
from chain.swap.check import check_swap_deployment
from chain.swap.deploy import (
    deploy_swap_deal,
    deploy_swap_infrastructure,
    require_new_swap,
    swap_wallets_for,
)
from chain.swap.ledger import SwapLedger
from chain.swap.records import SwapRecord
from chain.swap.world import swap_world
from chain.world import bond_world
from finance.settlement.swap_terms import swap_terms
from finance.settlement.terms import settlement_terms
from finance.settlement.world import World
from finance.terms import Deal


@dataclass(frozen=True)
class Kind:
    """What can be done with a kind of deal, by functions that take the same for each.

    `wallets(FILE, deployer, deal)`: those a deal needs, from a file. `infrastructure`: the contracts that
    deals share, deployed or found again. `require_new`: raises AlreadyDeployedError. `deploy`: the record.
    `check`: every difference between chain and terms. `world`: the books of its parts, as they were
    deployed.
    """

    record: type[RecordFile]
    wallets: Callable[[Path, str, Deal], Any]
    infrastructure: Callable[..., Any]
    require_new: Callable[..., None]
    deploy: Callable[..., Any]
    check: Callable[..., list[Difference]]
    ledger: type[EventTables]
    world: Callable[[Any, Deal], World]

    @property
    def schema(self) -> str:
        """What a record of it says in `schema`."""
        return str(self.record.model_fields["schema_id"].default)


KINDS: Final[Mapping[str, Kind]] = {
    kind.record.kind: kind
    for kind in (
        Kind(
            record=DeploymentRecord,
            wallets=wallets_for,
            infrastructure=deploy_infrastructure,
            require_new=require_new,
            deploy=deploy_deal,
            check=check_deployment,
            ledger=Ledger,
            world=lambda record, deal: bond_world(record, settlement_terms(deal)),
        ),
        Kind(
            record=SwapRecord,
            wallets=swap_wallets_for,
            infrastructure=deploy_swap_infrastructure,
            require_new=require_new_swap,
            deploy=deploy_swap_deal,
            check=check_swap_deployment,
            ledger=SwapLedger,
            world=lambda record, deal: swap_world(record, swap_terms(deal)),
        ),
    )
}
"""By the kind's name, which deals and records have as `kind`."""


def kind_of(it: Deal | RecordFile) -> Kind:
    """The kind of a deal or of a record."""
    return KINDS[it.kind]


def load_record(path: str | Path) -> Any:
    """The deployment record at `path`, of whatever kind. Raises RecordError as `record_of`."""
    return record_of(read_json(path), str(path))


def record_of(data: Any, where: str = "deployment record") -> Any:
    """A record of the kind that its `schema` says, from plain data.

    Raises RecordError with a line `WHERE: FIELD: REASON` per problem.
    """
    return parsed(record_type(data, where), data, where)


def record_type(data: Any, where: str = "deployment record") -> type[RecordFile]:
    """Which record plain data are meant to be; raises RecordError for a schema that is not known."""
    schema = data.get("schema") if isinstance(data, dict) else None
    for kind in KINDS.values():
        if kind.schema == schema:
            return kind.record
    known = ", ".join(kind.schema for kind in KINDS.values())
    raise RecordError(f"{where}: schema = {schema!r}: must be one of {known}")


def read_ledger(w3: Web3, record: RecordFile, to_block: int | None = None, page: int = PAGE) -> Any:
    """What happened to a deployed deal up to `to_block` (default: the latest); see EventTables.read."""
    return kind_of(record).ledger.read(w3, record, to_block, page)

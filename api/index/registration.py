"""Taking in a deployment: only what the chain itself bears out, and once."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update
from web3 import Web3

from api.chain_link import ChainLink
from api.index import tables, writer
from api.index.database import Database
from api.problems import ProblemError, unavailable
from chain.check import check_deployment
from chain.errors import ChainError
from chain.log_reader import header
from chain.records import DeploymentRecord
from finance.terms import Deal


def by_contract(database: Database, record: DeploymentRecord) -> str | None:
    """The id of the deployment whose contract is the record's; None if there is none."""
    with database.connect() as connection:
        return _by_contract(connection, record.own)


def register(
    database: Database, record: DeploymentRecord, chain: ChainLink, is_shown: Callable[[Deal], bool]
) -> tuple[list[str], int]:
    """Take in a record, new or changed, that the chain bears out: a deployment for each group of parts that
    hang together. Their ids and the generation.

    Errors as `Index.register`.
    """
    genesis = _checked_on(chain, record)
    groups = record.load_deal().groups
    for lead, group in groups.items():
        if not is_shown(group):
            reason = f"parts.{lead}.kind = {group.kind}: is not shown here"
            raise ProblemError(422, "not-shown", f"{record.deal}: {reason}")
    text = json.dumps(record.model_dump(mode="json", by_alias=True))
    with database.begin() as connection:
        generation = writer.changed(connection)
        _same_chain(connection, record.chain_id, genesis)
        ids = [_take_in(connection, record, lead, group, text) for lead, group in groups.items()]
    return ids, generation or 0


def _take_in(connection: Connection, record: DeploymentRecord, lead: str, group: Deal, text: str) -> str:
    own = next(part.address for key, part in record.parts.items() if key in group.parts)
    row = {
        "deal": group.id,
        "kind": group.kind,
        "lead": lead,
        "contract": own,
        "block": record.block,
        "record": text,
    }
    found = _by_contract(connection, own)
    if found is None:
        found = _free_id(connection, group)
        row |= {"id": found, "indexed": record.block - 1}
        connection.execute(insert(tables.deployments).values(**row))
        body = {"deployment": found, "block": record.block, "event": "registered"}
        writer.tell(connection, "deployment", found, record.block, body)
    else:
        d = tables.deployments.c
        connection.execute(update(tables.deployments).where(d.id == found).values(**row))
    return found


def _checked_on(chain: ChainLink, record: DeploymentRecord) -> str:
    """The hash of the chain's first block, if what runs there is what the record's deal says."""
    if chain.chain_id != record.chain_id:
        raise ProblemError(
            409, "wrong-chain", f"{record.deal}: is on chain {record.chain_id}, not {chain.chain_id}"
        )
    record.load_deal()
    contract = record.own
    if not chain.call(lambda w3: w3.eth.get_code(Web3.to_checksum_address(contract))):
        raise ProblemError(
            409, "wrong-chain", f"{record.deal}: no contract at {contract}: another chain, or a restarted one"
        )
    try:
        differences = chain.call(lambda w3: check_deployment(w3, record))
    except ChainError as error:  # something else is there, which does not understand us
        raise ProblemError(409, "deployment-differs", str(error)) from None
    if differences:
        raise ProblemError(409, "deployment-differs", "\n".join(str(each) for each in differences[:20]))
    genesis = chain.call(lambda w3: header(w3, 0))
    if genesis is None:
        raise unavailable("the chain has no first block", "chain-unavailable")
    return genesis.hash


def _by_contract(connection: Connection, contract: str) -> str | None:
    d = tables.deployments.c
    found = connection.execute(select(d.id).where(d.contract == contract)).scalar()
    return None if found is None else str(found)


def _same_chain(connection: Connection, chain_id: int, genesis: str) -> None:
    c = tables.chain.c
    known = connection.execute(select(c.chain_id, c.genesis)).first()
    if known is None:
        connection.execute(insert(tables.chain).values(id=1, chain_id=chain_id, genesis=genesis))
    elif tuple(known) != (chain_id, genesis):
        raise ProblemError(409, "wrong-chain", "the database was made from another chain")


def _free_id(connection: Connection, group: Deal) -> str:
    base = f"{group.id[:80]}-{group.terms_hash[2:10]}"
    taken = set(connection.execute(select(tables.deployments.c.id)).scalars())
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name

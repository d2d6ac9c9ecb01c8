"""What the follower writes, each in a transaction of its caller: ranges of blocks, and their undoing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from api.index import tables
from api.index.positions import Account, RunningAccounts, Total, parties
from chain.history import Event
from chain.log_reader import Header
from chain.parts import PARTS

Claim = tuple[str, str]
"""A claim token: its deployment, and its key."""
CHUNK = 400
"""Values in one IN list."""


@dataclass(frozen=True)
class Range:
    """What was read of the chain for one deployment: the events of blocks `start` to `end`. `tokens`: keys of
    its claim tokens."""

    deployment: str
    start: int
    end: int
    events: Sequence[Event]
    tokens: Sequence[str]


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    every = list(values)
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]


def changed(connection: Connection, owner: str | None = None, forks: int = 0) -> int | None:
    """Begin a change: count it, and keep every other writer out until the transaction ends.

    With an `owner`, only for the follower that holds the lease: None if that is another. Else the new
    generation."""
    values = {"generation": tables.state.c.generation + 1, "forks": tables.state.c.forks + forks}
    statement = update(tables.state).values(**values)
    if owner is not None:
        statement = statement.where(tables.state.c.owner == owner)
    if connection.execute(statement).rowcount != 1:
        return None
    return int(connection.execute(select(tables.state.c.generation)).scalar_one())


# -- a range


def store(connection: Connection, read: Range) -> None:
    """Add the events of a range, and what they make of holders and tokens."""
    if read.events:
        connection.execute(insert(tables.events), [_event_row(read.deployment, e) for e in read.events])
        for token in read.tokens:
            _fold(connection, (read.deployment, token), [e for e in read.events if e.source == token])
    connection.execute(
        update(tables.deployments)
        .where(tables.deployments.c.id == read.deployment, tables.deployments.c.indexed == read.start - 1)
        .values(indexed=read.end)
    )


def _event_row(deployment: str, event: Event) -> dict[str, Any]:
    return {
        "deployment": deployment,
        "block": event.block,
        "log": event.index,
        "time": event.time,
        "tx": event.tx,
        "source": event.source,
        "name": event.name,
        "arguments": json.dumps(event.arguments, separators=(",", ":")),
    }


def _fold(connection: Connection, claim: Claim, events: Sequence[Event]) -> None:
    if not events:
        return
    touched = parties(events)
    before = stored_accounts(connection, claim, touched)
    running = RunningAccounts(stored_total(connection, claim), dict(before))
    for event in events:
        running.apply(event)
    for table, rows in ((tables.holdings, running.holdings), (tables.totals, running.totals)):
        if rows:
            connection.execute(insert(table), [{**_names(claim), **row} for row in rows])
    write_accounts(connection, claim, {holder: running.accounts[holder] for holder in touched})


def _names(claim: Claim) -> dict[str, str]:
    return dict(zip(("deployment", "token"), claim, strict=True))


def of_claim(table: Table, claim: Claim) -> ColumnElement[bool]:
    """Which rows of a table are about a claim token."""
    return and_(*(table.c[name] == value for name, value in _names(claim).items()))


def stored_accounts(connection: Connection, claim: Claim, holders: Iterable[str]) -> dict[str, Account]:
    """The accounts of those of `holders` who have one."""
    t = tables.accounts.c
    found = {}
    for part in chunks(sorted(holders)):
        query = select(t.holder, t.units, t.per_unit, t.unclaimed, t.claimed).where(
            of_claim(tables.accounts, claim), t.holder.in_(part)
        )
        for holder, *numbers in connection.execute(query):
            found[holder] = Account(*numbers)
    return found


def stored_total(connection: Connection, claim: Claim, block: int | None = None) -> Total:
    """The claim token as a whole at the end of `block` (default: as far as it is read)."""
    t = tables.totals.c
    query = select(t.supply, t.per_unit, t.distributed, t.claimed).where(of_claim(tables.totals, claim))
    if block is not None:
        query = query.where(t.block <= block)
    row = connection.execute(query.order_by(t.block.desc(), t.log.desc()).limit(1)).first()
    return Total() if row is None else Total(*row)


def write_accounts(connection: Connection, claim: Claim, accounts: Mapping[str, Account]) -> None:
    """Set accounts, new or known."""
    if not accounts:
        return
    rows = [{**_names(claim), "holder": h, **a.row()} for h, a in sorted(accounts.items())]
    names = ("units", "per_unit", "unclaimed", "claimed")
    statement = _insert(connection, tables.accounts)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["deployment", "token", "holder"],
            set_={name: statement.excluded[name] for name in names},
        ),
        rows,
    )


def store_blocks(connection: Connection, headers: Iterable[Header]) -> None:
    """Remember blocks, by which the chain is known again."""
    rows = [{"number": h.number, "hash": h.hash, "time": h.time} for h in headers]
    if rows:
        connection.execute(_insert(connection, tables.blocks).on_conflict_do_nothing(), rows)


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


# -- messages


def tell(connection: Connection, topic: str, deployment: str | None, block: int | None, body: Any) -> None:
    """Add one message to the stream."""
    row = {"topic": topic, "deployment": deployment, "block": block, "body": json.dumps(body)}
    connection.execute(insert(tables.messages), [row])


def tell_events(connection: Connection, read: Range, kpis: Mapping[str, str]) -> None:
    """Add the events of a range to the stream, and under the topic kpi too what became of a measurement;
    `kpis`: KPI by feed."""
    rows = []
    measured = frozenset[str]().union(*(kind.measured for kind in PARTS.values()))
    for event in read.events:
        body = event_body(read.deployment, event)
        rows.append(_message("chain", read.deployment, event.block, body))
        if event.name in measured:
            kpi = kpis.get(event.arguments.get("feed", ""))
            rows.append(_message("kpi", read.deployment, event.block, {**body, "kpi": kpi}))
    if rows:
        connection.execute(insert(tables.messages), rows)


def _message(topic: str, deployment: str, block: int, body: Any) -> dict[str, Any]:
    return {"topic": topic, "deployment": deployment, "block": block, "body": json.dumps(body)}


def event_body(deployment: str, event: Event) -> dict[str, Any]:
    """An event as JSON for others: whole numbers of its arguments as text."""
    return {
        "deployment": deployment,
        **event.trace,
        "source": event.source,
        "name": event.name,
        "arguments": as_text(event.arguments),
    }


def as_text(value: Any) -> Any:
    """Whole numbers as text, all the way down, since 2^53 is too little for money."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_text(each) for each in value]
    return value


# -- undoing


def undo(connection: Connection, fork: int) -> list[str]:
    """Delete everything that comes of blocks above `fork`; the deployments that lost an event."""
    t = tables.holdings.c
    lost = connection.execute(
        select(tables.events.c.deployment).where(tables.events.c.block > fork).distinct()
    )
    deployments = sorted(lost.scalars())
    affected = connection.execute(
        select(t.deployment, t.token, t.holder).where(t.block > fork).distinct()
    ).all()
    for table in (tables.events, tables.holdings, tables.totals):
        connection.execute(delete(table).where(table.c.block > fork))
    connection.execute(delete(tables.blocks).where(tables.blocks.c.number > fork))
    connection.execute(
        update(tables.deployments).where(tables.deployments.c.indexed > fork).values(indexed=fork)
    )
    by_claim: dict[Claim, list[str]] = {}
    for deployment, token, holder in affected:
        by_claim.setdefault((deployment, token), []).append(holder)
    for claim, holders in by_claim.items():
        _restore(connection, claim, holders)
    return deployments


def _restore(connection: Connection, claim: Claim, holders: Sequence[str]) -> None:
    """Make accounts again from what is left of `holdings`."""
    t = tables.accounts.c
    for part in chunks(holders):
        connection.execute(
            delete(tables.accounts).where(of_claim(tables.accounts, claim), t.holder.in_(part))
        )
    left = {holder: account_at(connection, claim, holder) for holder in holders}
    write_accounts(connection, claim, {h: account for h, account in left.items() if account is not None})


def account_at(connection: Connection, claim: Claim, holder: str, block: int | None = None) -> Account | None:
    """A holder's account at the end of `block` (default: as far as it is read); None for a stranger."""
    t = tables.holdings.c
    query = select(t.units, t.per_unit, t.unclaimed, t.claimed).where(
        of_claim(tables.holdings, claim), t.holder == holder
    )
    if block is not None:
        query = query.where(t.block <= block)
    row = connection.execute(query.order_by(t.block.desc(), t.log.desc()).limit(1)).first()
    return None if row is None else Account(*row)


# -- keeping it small


def prune(connection: Connection, top: int, blocks: int, messages: int) -> None:
    """Forget messages beyond the last `messages`, and blocks without events below the last `blocks`."""
    last = connection.execute(select(func.max(tables.messages.c.id))).scalar() or 0
    connection.execute(delete(tables.messages).where(tables.messages.c.id <= last - messages))
    b = tables.blocks.c
    with_events = select(tables.events.c.block).where(tables.events.c.block == b.number).exists()
    connection.execute(delete(tables.blocks).where(b.number > 0, b.number < top - blocks, ~with_events))

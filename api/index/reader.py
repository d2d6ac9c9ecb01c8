"""Reading the index: deployments, events, positions, and the ledgers that the other rooms work with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, or_, select, tuple_

from api.chain_link import ChainLink
from api.index import tables, writer
from api.index.database import Database
from api.index.positions import Account, Total
from api.index.registration import by_contract, register
from api.index.statements import Line, statement
from api.index.writer import Claim
from api.models import Currency
from api.problems import ProblemError, bad_input, not_found
from chain.history import Event
from chain.kinds import world_of
from chain.ledger import Ledger
from chain.records import DeploymentRecord, record_of
from finance.settlement.world import World
from finance.terms import Deal

Key = tuple[int, int]
"""Block and log of an event."""
CHECK_SECONDS = 0.25


@dataclass(frozen=True)
class Head:
    """How far the index is. `chain_block` is the chain's latest block when it was last `seen` (unix seconds
    of this machine; None: never), `lag_seconds` by the chain's clock. `behind`: deployments that are not
    read so far yet."""

    block: int
    hash: str
    time: int
    chain_block: int
    lag_blocks: int
    lag_seconds: int
    seen: float | None
    behind: int


@dataclass(frozen=True)
class Deployment:
    """A deal on the chain, or of one whose parts hang together in several groups one of these. `kind`: of the
    part that leads it; `block`: where it was deployed; `indexed`: up to where its events are read."""

    id: str
    deal_id: str
    kind: str
    block: int
    indexed: int
    known: _Known = field(repr=False, compare=False)

    @property
    def record(self) -> Any:
        """Its deployment record."""
        return self.known.record

    @property
    def deal(self) -> Deal:
        """The deal as deployed: the group that this is."""
        return self.known.deal

    @property
    def currency(self) -> Currency:
        """What it pays in."""
        money = self.deal.currency
        return Currency(code=money.code, decimals=money.token_decimals, token=self.at["currency"])

    @property
    def keys(self) -> dict[str, str]:
        """The keys of its parts, by kind (chain.parts): of several of one kind the first."""
        return self.known.keys

    @property
    def at(self) -> dict[str, str]:
        """Where its contracts are: those of its own parts by kind as in `keys`, the shared ones by name."""
        return self.known.at

    @property
    def places(self) -> dict[str, str]:
        """Where all of its contracts are: those of its own parts by key, the shared ones by name."""
        return self.known.places

    @property
    def begun(self) -> World:
        """The books of all its deal's parts as they began."""
        return self.known.begun

    @property
    def feeds(self) -> dict[str, str]:
        """The ids of its feeds, by KPI."""
        return self.known.feeds

    def role(self, source: str) -> str:
        """What said an event: the kind of a part, the name of a shared contract; nothing for a part of
        another group."""
        return self.known.roles.get(source, "")

    @property
    def sources(self) -> list[str]:
        """What says events of it: its parts by key, shared contracts by name."""
        return list(self.known.roles)

    def keys_of(self, kind: str) -> list[str]:
        """The keys of all its parts of a kind, in the deal's order."""
        return [key for key, each in self.known.kinds.items() if each == kind]

    @property
    def tokens(self) -> list[str]:
        """The keys of its claim tokens; a swap between two parties has none."""
        return self.keys_of("token")

    @property
    def has_units(self) -> bool:
        """Whether there is a claim token."""
        return bool(self.tokens)


@dataclass(frozen=True)
class Position:
    """What a holder has of a claim token (its key) of a deployment at the end of `block`, of whose units
    `supply` are in issue. Money in minor units: `claimable` now, `claimed` so far, `earned` both together."""

    deployment: str
    token: str
    holder: str
    block: int
    units: int
    supply: int
    claimable: int
    claimed: int

    @property
    def earned(self) -> int:
        return self.claimable + self.claimed


@dataclass
class _Known:
    record: Any
    lead: str

    @cached_property
    def deal(self) -> Deal:
        return Deal.model_validate(self.record.terms).group(self.lead)

    @cached_property
    def kinds(self) -> dict[str, str]:
        found: dict[str, str] = self.record.kinds_of(self.deal)
        return found

    @cached_property
    def keys(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, kind in self.kinds.items():
            found.setdefault(kind, key)
        return found

    @cached_property
    def at(self) -> dict[str, str]:
        own = {kind: self.record.parts[key].address for kind, key in self.keys.items()}
        return {**own, **self.record.shared}

    @cached_property
    def feeds(self) -> dict[str, str]:
        return {kpi: feed for kpi, feed in self.record.feeds.items() if kpi in self.deal.kpis}

    @cached_property
    def roles(self) -> dict[str, str]:
        return {
            **self.kinds,
            **{name: name for name in self.record.shared},
        }

    @cached_property
    def places(self) -> dict[str, str]:
        at = self.record.addresses
        return {source: at[source] for source in self.roles}

    @cached_property
    def begun(self) -> World:
        return world_of(self.record, self.record.load_deal())


@dataclass
class _Cached:
    """Events of a deployment without unit transfers, up to a block, since a reorganisation."""

    forks: int
    block: int
    events: list[Event]
    ledger: Ledger


def _ledger(deployment: Deployment, to_block: int, at: int, events: list[Event]) -> Ledger:
    return Ledger(to_block, at, events, deployment.record, frozenset(deployment.known.kinds))


class Index:
    """The index, read. Every method sees one state of the database, and raises ProblemError: 404 for a
    deployment that is not there, 503 when the database is down."""

    def __init__(self, database: Database, is_shown: Callable[[Deal], bool] = lambda deal: True) -> None:
        self.database = database
        self.is_shown = is_shown
        """Whether there is somebody to show a group of a deal's parts."""
        self.watched = False
        """Whether somebody calls `refresh` regularly, so that `generation` need not."""
        self._generation = -1
        self._checked = 0.0
        self._known: dict[str, _Known] = {}
        self._listed: tuple[int, dict[str, Deployment]] = (-1, {})
        self._ledgers: dict[str, _Cached] = {}
        self._locks: dict[str, threading.Lock] = {}

    # -- what has changed

    @property
    def generation(self) -> int:
        """Differs after every committed change, by whatever process; the last one known while the database
        does not answer."""
        if not self.watched and time.monotonic() - self._checked > CHECK_SECONDS:
            try:
                self.refresh()
            except ProblemError:
                self._checked = time.monotonic()
        return self._generation

    def refresh(self) -> int:
        """Ask the database for the generation."""
        with self.database.connect() as connection:
            self.changed(connection.execute(select(tables.state.c.generation)).scalar_one())
        return self._generation

    def changed(self, generation: int) -> None:
        """Take note of a change that was committed."""
        self._generation = max(generation, self._generation)
        self._checked = time.monotonic()

    def head(self) -> Head | None:
        """How far the index is; None before the first block."""
        b, s = tables.blocks.c, tables.state.c
        with self.database.connect() as connection:
            top = connection.execute(
                select(b.number, b.hash, b.time).order_by(b.number.desc()).limit(1)
            ).first()
            seen = connection.execute(select(s.chain_block, s.chain_time, s.seen)).one()
            if top is None:
                return None
            late = select(func.count()).where(tables.deployments.c.indexed < top.number)
            behind = connection.execute(late).scalar_one()
        block, at = max(seen.chain_block or 0, top.number), max(seen.chain_time or 0, top.time)
        return Head(
            top.number, top.hash, top.time, block, block - top.number, at - top.time, seen.seen, behind
        )

    def time_of(self, block: int) -> int:
        """The chain's time at a block that is read: that of the last block at or before it that is kept."""
        b = tables.blocks.c
        query = select(b.time).where(b.number <= block).order_by(b.number.desc()).limit(1)
        with self.database.connect() as connection:
            return int(connection.execute(query).scalar() or 0)

    # -- deployments

    def register(self, record: DeploymentRecord, chain: ChainLink) -> Deployment:
        """Take in a deployment, after the chain has been compared with its terms; again is no change. A
        record of the same contract that says something else, such as another block, takes the other's place.

        Raises ProblemError: 409 `wrong-chain`, 409 `deployment-differs` with what differs, 422 `not-shown`
        for a kind that is not known here, 503 when the chain is down; RecordError for a record that cannot be
        used.
        """
        known = by_contract(self.database, record)
        if known is not None and self.deployment(known).record == record:
            return self.deployment(known)
        ids, generation = register(self.database, record, chain, self.is_shown)
        for id in ids:
            self._known.pop(id, None)
        self.changed(generation)
        return self.deployment(ids[0])

    def deployments(self, deal: str | None = None) -> list[Deployment]:
        """Every deployment, or those of a deal, in the order they were made."""
        every = sorted(self._all().values(), key=lambda each: (each.block, each.id))
        return [each for each in every if deal is None or each.deal_id == deal]

    def deployment(self, id: str) -> Deployment:
        found = self._all().get(id)
        if found is None:
            raise not_found(f"no deployment {id[:100]}")
        return found

    def _all(self) -> dict[str, Deployment]:
        generation = self.generation
        listed = self._listed
        if listed[0] == generation >= 0:
            return listed[1]
        d = tables.deployments.c
        with self.database.connect() as connection:
            generation = connection.execute(select(tables.state.c.generation)).scalar_one()
            rows = connection.execute(select(d.id, d.deal, d.kind, d.lead, d.block, d.indexed)).all()
            for row in rows:
                known = self._known.get(row.id)
                if known is None or known.record.block != row.block:
                    text = connection.execute(select(d.record).where(d.id == row.id)).scalar_one()
                    self._known[row.id] = _Known(record_of(json.loads(text)), row.lead)
        found = {
            row.id: Deployment(row.id, row.deal, row.kind, row.block, row.indexed, self._known[row.id])
            for row in rows
        }
        self._listed = (generation, found)
        return found

    # -- events

    def events(
        self,
        id: str,
        names: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        after: Key | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Event]:
        """Events of a deployment in order of block and log, of these names and contracts, after (before, when
        newest first) the one with this key."""
        self.deployment(id)
        e = tables.events.c
        query = select(e.block, e.log, e.time, e.tx, e.source, e.name, e.arguments).where(e.deployment == id)
        if names is not None:
            query = query.where(e.name.in_(names))
        if sources is not None:
            query = query.where(e.source.in_(sources))
        if after is not None:
            place = tuple_(e.block, e.log)
            query = query.where(place < after if newest_first else place > after)
        order = (e.block.desc(), e.log.desc()) if newest_first else (e.block, e.log)
        with self.database.connect() as connection:
            return [_event(row) for row in connection.execute(query.order_by(*order).limit(limit))]

    def ledger(self, id: str, transfers: bool = False) -> Ledger:
        """The ledger of a deployment as far as it is indexed.

        Without `transfers` it lacks the movements of units, of which there may be very many: `transfers`,
        `holdings` and what is made of them are empty then, and the ledger is kept until something changes.
        """
        deployment = self.deployment(id)
        if transfers:
            with self.database.connect() as connection:
                events = self._read(connection, deployment, 0, True)
                to_block, at = self._end(connection, deployment)
            return _ledger(deployment, to_block, at, events)
        with self._locks.setdefault(id, threading.Lock()):
            return self._kept(deployment)

    def forget(self) -> None:
        """Keep no ledgers any more; they are read again when they are asked for."""
        self._ledgers.clear()

    def _kept(self, deployment: Deployment) -> Ledger:
        cached = self._ledgers.get(deployment.id)
        s = tables.state.c
        with self.database.connect() as connection:
            forks = connection.execute(select(s.forks)).scalar_one()
            to_block, at = self._end(connection, deployment)
            if cached is not None and (cached.forks, cached.block) == (forks, to_block):
                return cached.ledger
            if cached is None or cached.forks != forks:
                old, read_to = [], 0
            else:
                old, read_to = cached.events, cached.block
            events = [*old, *self._read(connection, deployment, read_to, False)]
        ledger = _ledger(deployment, to_block, at, events)
        self._ledgers[deployment.id] = _Cached(forks, to_block, events, ledger)
        return ledger

    @staticmethod
    def _end(connection: Connection, deployment: Deployment) -> Key:
        """How far a deployment is read: the block and its time, or that of its deployment."""
        d, b = tables.deployments.c, tables.blocks.c
        indexed = connection.execute(select(d.indexed).where(d.id == deployment.id)).scalar_one()
        to_block = max(indexed, deployment.block)
        query = select(b.time).where(b.number <= to_block).order_by(b.number.desc()).limit(1)
        at = connection.execute(query).scalar()
        return to_block, max(at or 0, deployment.record.time)

    @staticmethod
    def _read(connection: Connection, deployment: Deployment, after: int, transfers: bool) -> list[Event]:
        e = tables.events.c
        query = select(e.block, e.log, e.time, e.tx, e.source, e.name, e.arguments)
        query = query.where(e.deployment == deployment.id, e.block > after)
        if not transfers:
            tokens = [key for key, part in deployment.record.parts.items() if part.kind == "token"]
            query = query.where(or_(e.source.not_in(tokens), e.name != "Transfer"))
        return [_event(row) for row in connection.execute(query.order_by(e.block, e.log))]

    # -- holders

    def _claim(self, id: str, token: str | None) -> Claim:
        """A claim token of a deployment by its key (default: the only one, if there is one). Raises
        ProblemError: 404 for a deployment, 422 for a token that is not there, or where several are."""
        tokens = self.deployment(id).tokens
        there = f"claim tokens of {id}: {', '.join(tokens) or 'none'}"
        if token is not None and token not in tokens:
            raise bad_input(f"token: {token[:100]}: {there}")
        if token is None and len(tokens) > 1:
            raise bad_input(f"token: is missing: {there}")
        return id, token or next(iter(tokens), "")

    def total(self, id: str, block: int | None = None, token: str | None = None) -> Total:
        """Units in issue, earned per unit, distributed and claimed, at the end of `block`."""
        claim = self._claim(id, token)
        with self.database.connect() as connection:
            return writer.stored_total(connection, claim, block)

    def holders(
        self,
        id: str,
        after: tuple[int, str] | None = None,
        limit: int | None = None,
        token: str | None = None,
    ) -> list[Position]:
        """Everybody who has units or money to claim, by units descending, then by address
        descending; after the one with these units and address."""
        claim, a = self._claim(id, token), tables.accounts.c
        query = select(a.holder, a.units, a.per_unit, a.unclaimed, a.claimed).where(
            writer.of_claim(tables.accounts, claim), or_(a.units > 0, a.unclaimed > 0)
        )
        if after is not None:
            query = query.where(tuple_(a.units, a.holder) < after)
        query = query.order_by(a.units.desc(), a.holder.desc()).limit(limit)
        with self.database.connect() as connection:
            rows = connection.execute(query).all()
            total, block = writer.stored_total(connection, claim), self._indexed(connection, id)
        return [_position(claim, row.holder, block, Account(*row[1:]), total) for row in rows]

    def count_holders(self, id: str, token: str | None = None) -> int:
        """How many have units."""
        claim, a = self._claim(id, token), tables.accounts.c
        query = select(func.count()).where(writer.of_claim(tables.accounts, claim), a.units > 0)
        with self.database.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def position(self, id: str, holder: str, block: int | None = None, token: str | None = None) -> Position:
        """What a holder has, at the end of `block` (default: as far as the index is); nothing for a
        stranger. Raises ProblemError 422 for a block that is not read."""
        claim = self._claim(id, token)
        with self.database.connect() as connection:
            indexed = self._indexed(connection, id)
            if block is not None and not 0 <= block <= indexed:
                raise bad_input(f"block: must be from 0 to {indexed}, up to which the deployment is read")
            account = writer.account_at(connection, claim, holder, block)
            total = writer.stored_total(connection, claim, block)
        return _position(claim, holder, indexed if block is None else block, account or Account(), total)

    def portfolio(self, holder: str) -> list[Position]:
        """A holder's positions in every deployment where it has or had one, one for each claim token."""
        a, d = tables.accounts.c, tables.deployments.c
        query = select(a.deployment, a.token, a.units, a.per_unit, a.unclaimed, a.claimed, d.indexed)
        query = query.join(tables.deployments, d.id == a.deployment).where(a.holder == holder)
        found = []
        with self.database.connect() as connection:
            for row in connection.execute(query.order_by(d.block, d.id, a.token)).all():
                claim = row.deployment, row.token
                total = writer.stored_total(connection, claim)
                account = Account(row.units, row.per_unit, row.unclaimed, row.claimed)
                found.append(_position(claim, holder, row.indexed, account, total))
        return found

    def statement(
        self,
        id: str,
        holder: str,
        after: Key | None = None,
        limit: int | None = None,
        token: str | None = None,
    ) -> list[Line]:
        """What happened to a holder's units and money, in order, after the event with this key."""
        claim = self._claim(id, token)
        every = self.ledger(id).payouts if self.deployment(id).has_units else []
        payouts = [each for each in every if each.event.source == claim[1]]
        with self.database.connect() as connection:
            return statement(connection, claim, holder, payouts, after, limit)

    @staticmethod
    def _indexed(connection: Connection, id: str) -> int:
        d = tables.deployments.c
        return int(connection.execute(select(d.indexed).where(d.id == id)).scalar_one())


def _event(row: Any) -> Event:
    return Event(row.block, row.log, row.time, row.tx, row.source, row.name, json.loads(row.arguments))


def _position(claim: Claim, holder: str, block: int, account: Account, total: Total) -> Position:
    claimable = account.claimable(total.per_unit)
    return Position(*claim, holder, block, account.units, total.supply, claimable, account.claimed)

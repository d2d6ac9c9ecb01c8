"""Follows the chain: reads the logs of deployed deals into the database, and undoes what the chain undoes."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update
from web3 import Web3

from api.chain_link import ChainLink
from api.index import tables, writer
from api.index.database import Database
from api.index.writer import Range
from api.problems import ProblemError, unavailable
from chain.events import Watch, filters, watch
from chain.history import Event
from chain.log_reader import Header, Log, header, headers, logs, times_of
from chain.records import DeploymentRecord, record_of

if TYPE_CHECKING:
    from api.index.reader import Index
    from api.index.stream import Stream

log = logging.getLogger("penstock.index")

FIRST_PAGE, MOST_BLOCKS = 1_000, 10_000
FEW_LOGS, MANY_LOGS = 5_000, 20_000
LEASE_SECONDS, RENEW_SECONDS = 6.0, 2.0
LONGEST_PAUSE = 5.0
KEPT_BLOCKS, KEPT_MESSAGES, PRUNE_EVERY = 1_024, 50_000, 500


class MovedError(Exception):
    """The chain changed while it was being read, or another follower writes: nothing is written."""


@dataclass(frozen=True)
class Target:
    """A deployment and how far it is read. `tokens`: the keys of its claim tokens."""

    id: str
    indexed: int
    record: DeploymentRecord
    watch: Watch
    tokens: Sequence[str]


@dataclass(frozen=True)
class IndexState:
    """What the database says: the top block that is read, and how far each deployment is."""

    chain: tuple[int, str] | None
    top: Header | None
    targets: Sequence[Target]


class Follower:
    """Keeps the index level with the chain. Any number may run, in any process: one writes at a time. It can
    be killed at any point, since all that belongs together is written together."""

    def __init__(
        self, database: Database, chain: ChainLink, index: Index, stream: Stream | None = None
    ) -> None:
        self.database, self.chain, self.index, self.stream = database, chain, index, stream
        self.trouble: str | None = None
        """What went wrong in the last step, for people; None when nothing did."""
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._renewed = 0.0
        self._verified = False
        self._page = FIRST_PAGE
        self._written = 0
        self._known: dict[str, tuple[DeploymentRecord, Watch, Sequence[str]]] = {}

    # -- running

    def run(self, stop: threading.Event, every: float = 0.5) -> None:
        """Step until `stop` is set, with a pause of `every` seconds when there is nothing to do, and longer
        ones while chain or database do not answer."""
        pause = every
        while not stop.is_set():
            try:
                more = self.step()
                if self.trouble is not None:
                    log.info("the index goes on")
                self.trouble, pause = None, every
                if more:
                    continue
            except ProblemError as error:
                self._say(str(error))
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception as error:
                if self.trouble is None:
                    log.exception("the index cannot go on")
                self._say(f"{type(error).__name__}: {str(error)[:200]}")
                pause = min(2 * pause, LONGEST_PAUSE)
            stop.wait(pause)
        self.release()

    def _say(self, trouble: str) -> None:
        if self.trouble != trouble:
            log.warning("the index waits: %s", trouble)
        self.trouble = trouble

    def step(self) -> bool:
        """Read the next blocks, or undo some; whether there is more to do at once.

        Raises ProblemError 503: chain or database do not answer, or `wrong-chain`.
        """
        try:
            return self._step()
        except MovedError:
            return True
        except Exception:
            self._verified = False
            raise

    def _step(self) -> bool:
        head = self._latest()
        if not self._lease(head):
            return False
        marks = self._marks()
        if not self._verified:
            self._verify(marks)
        if marks.top is None:
            self._begin(head)
            return True
        if head != marks.top:
            if self._header(marks.top.number) != marks.top:
                self._reorganise(marks.top)
                return True
            if head.number > marks.top.number:
                self._follow(marks.top, head, marks.targets)
                return True
        behind = [target for target in marks.targets if target.indexed < marks.top.number]
        if behind:
            self._catch_up(marks.top, min(behind, key=lambda target: target.indexed))
        return bool(behind)

    # -- one writer at a time

    def _lease(self, head: Header) -> bool:
        now = time.time()
        if now - self._renewed < RENEW_SECONDS:
            return True
        s = tables.state.c
        with self.database.connect() as connection:
            owner, ends = connection.execute(select(s.owner, s.until)).one()
        if owner not in (None, self._owner) and ends > now and not _is_dead(owner):
            self._renewed = 0.0
            return False
        free = s.owner.is_(None) if owner is None else s.owner == owner
        seen = {"chain_block": head.number, "chain_time": head.time, "seen": now}
        with self.database.begin() as connection:
            values = {"owner": self._owner, "until": now + LEASE_SECONDS, **seen}
            got = connection.execute(update(tables.state).where(free).values(**values)).rowcount == 1
        self._renewed = now if got else 0.0
        return got

    def release(self) -> None:
        """Let another follower write at once."""
        self._renewed = 0.0
        try:
            with self.database.begin() as connection:
                mine = tables.state.c.owner == self._owner
                connection.execute(update(tables.state).where(mine).values(owner=None, until=0.0))
        except ProblemError:
            pass  # it ends by itself

    # -- the chain

    def _ask(self, question: Any) -> Any:
        return self.chain.call(question)

    def _latest(self) -> Header:
        head: Header | None = self._ask(header)
        if head is None:
            raise unavailable("the chain has no latest block", "chain-unavailable")
        return head

    def _header(self, number: int) -> Header | None:
        found: Header | None = self._ask(lambda w3: header(w3, number))
        return found

    def _verify(self, marks: IndexState) -> None:
        """Raise 503 `wrong-chain` unless this is the chain that the index was made from."""
        if marks.chain is not None:
            chain_id, genesis = marks.chain
            self.chain.expect(chain_id)
            first = self._header(0)
            if first is None or first.hash != genesis:
                raise unavailable(
                    f"the chain at {self.chain.network} begins with block {first and first.hash}, and the "
                    f"database was made from one that begins with {genesis}: use that chain, or another "
                    "database",
                    "wrong-chain",
                )
        self._verified = True

    def _marks(self) -> IndexState:
        b, d = tables.blocks.c, tables.deployments.c
        with self.database.connect() as connection:
            known = connection.execute(select(tables.chain.c.chain_id, tables.chain.c.genesis)).first()
            top = connection.execute(
                select(b.number, b.hash, b.time).order_by(b.number.desc()).limit(1)
            ).first()
            rows = connection.execute(select(d.id, d.indexed)).all()
            for new in {row.id for row in rows} - set(self._known):
                text, lead = connection.execute(select(d.record, d.lead).where(d.id == new)).one()
                record = record_of(json.loads(text))
                kinds = record.kinds_of(record.load_deal().group(lead))
                tokens = [key for key, kind in kinds.items() if kind == "token"]
                self._known[new] = (record, watch(record), tokens)
        return IndexState(
            None if known is None else (known[0], known[1]),
            None if top is None else Header(*top),
            [Target(row.id, row.indexed, *self._known[row.id]) for row in rows],
        )

    # -- reading

    def _begin(self, head: Header) -> None:
        """An empty database: remember the chain, and a ladder of its blocks down to the first."""
        rungs = [0]
        while 2 ** len(rungs) < head.number:
            rungs.append(head.number - 2 ** len(rungs))
        found: dict[int, Header] = self._ask(lambda w3: headers(w3, {*rungs, head.number}))
        if found.get(head.number) != head or 0 not in found:
            raise MovedError
        with self.database.begin() as connection:
            generation = self._changed(connection)
            if connection.execute(select(tables.chain.c.id)).first() is None:
                row = {"id": 1, "chain_id": self.chain.chain_id, "genesis": found[0].hash}
                connection.execute(insert(tables.chain).values(**row))
            writer.store_blocks(connection, found.values())
        self._done(generation)

    def _follow(self, top: Header, head: Header, targets: Sequence[Target]) -> None:
        """Read on from the top for every deployment that is level with it."""
        level = [target for target in targets if target.indexed == top.number]
        last, found = self._read(top, level, top.number + 1, head.number)
        with self.database.begin() as connection:
            generation = self._changed(connection, head)
            self._store(connection, level, top.number + 1, last, found)
            for target in level:
                read = Range(target.id, top.number + 1, last.number, found.events[target.id], target.tokens)
                kpis = {feed: kpi for kpi, feed in target.record.feeds.items()}
                writer.tell_events(connection, read, kpis)
            self._written += 1
            if self._written % PRUNE_EVERY == 0:
                writer.prune(connection, last.number, KEPT_BLOCKS, KEPT_MESSAGES)
        self._done(generation)

    def _catch_up(self, top: Header, target: Target) -> None:
        """Read the next blocks for a deployment that is behind; the stream hears of it when it is level."""
        start = target.indexed + 1
        last, found = self._read(top, [target], start, top.number)
        with self.database.begin() as connection:
            generation = self._changed(connection)
            self._store(connection, [target], start, last, found)
            if last.number == top.number:
                body = {"deployment": target.id, "block": last.number, "event": "caught-up"}
                writer.tell(connection, "deployment", target.id, last.number, body)
        self._done(generation)

    def _read(self, top: Header, targets: Sequence[Target], start: int, most: int) -> tuple[Header, Found]:
        """The events of blocks from `start`, as far as one page goes and at most to `most`, of one chain that
        has `top`."""
        end = min(start + self._page - 1, most)
        before = self._both(top, end)
        try:
            found = self._ask(lambda w3: _found(w3, targets, start, end))
        except ProblemError:
            if self._page > 1 and self._header(end) is not None:
                # The node is there, so what it refused is the size.
                self._page = max(1, self._page // 2)
                raise MovedError from None
            raise
        if self._both(top, end) != before:
            raise MovedError
        if found.count > MANY_LOGS:
            self._page = max(1, self._page // 2)
        elif found.count < FEW_LOGS:
            self._page = min(MOST_BLOCKS, 2 * self._page)
        return before, found

    def _both(self, top: Header, end: int) -> Header:
        """Block `end` of the chain that has `top`."""
        found: dict[int, Header] = self._ask(lambda w3: headers(w3, {top.number, end}))
        if found.get(top.number) != top or end not in found:
            raise MovedError
        return found[end]

    # -- writing

    def _changed(self, connection: Any, head: Header | None = None, forks: int = 0) -> int:
        generation = writer.changed(connection, self._owner, forks)
        if generation is None:
            self._renewed = 0.0
            raise MovedError
        if head is not None:
            seen = {"chain_block": head.number, "chain_time": head.time, "seen": time.time()}
            connection.execute(update(tables.state).values(**seen))
        return generation

    def _store(
        self, connection: Any, targets: Sequence[Target], start: int, last: Header, found: Found
    ) -> None:
        for target in targets:
            writer.store(
                connection, Range(target.id, start, last.number, found.events[target.id], target.tokens)
            )
        writer.store_blocks(connection, [*found.blocks, last])

    def _done(self, generation: int) -> None:
        self.index.changed(generation)
        if self.stream is not None:
            self.stream.wake()

    def _reorganise(self, top: Header) -> None:
        """The chain no longer has `top`: find the last block that it shares with the index, undo the rest."""
        self._verified = False
        self._verify(self._marks())
        fork = self._fork()
        with self.database.begin() as connection:
            generation = self._changed(connection, forks=1)
            lost = writer.undo(connection, fork)
            body = {"fork": fork, "top": top.number, "depth": top.number - fork, "deployments": lost}
            writer.tell(connection, "reorganisation", None, fork, body)
        log.warning("the chain was reorganised above block %d (we were at %d)", fork, top.number)
        self._done(generation)

    def _fork(self) -> int:
        b = tables.blocks.c
        below: int | None = None
        while True:
            query = select(b.number, b.hash).order_by(b.number.desc()).limit(100)
            if below is not None:
                query = query.where(b.number < below)
            with self.database.connect() as connection:
                stored = [(row.number, row.hash) for row in connection.execute(query)]
            if not stored:
                raise MovedError
            numbers = [number for number, _ in stored]
            found: dict[int, Header] = self._ask(lambda w3, wanted=numbers: headers(w3, wanted))
            for number, its_hash in stored:
                if number in found and found[number].hash == its_hash:
                    return int(number)
            below = numbers[-1]


@dataclass(frozen=True)
class Found:
    """What a range of blocks has: events by deployment, and the blocks they are in."""

    count: int
    events: dict[str, list[Event]]
    blocks: list[Header]


def _found(w3: Web3, targets: Sequence[Target], start: int, end: int) -> Found:
    raw: list[Log] = logs(w3, filters(target.watch for target in targets), start, end) if targets else []
    times = times_of(w3, raw)
    by_address: dict[str, list[Target]] = {}
    for target in targets:
        for address in target.watch.contracts:
            by_address.setdefault(address, []).append(target)
    events: dict[str, list[Event]] = {target.id: [] for target in targets}
    blocks: dict[int, Header] = {}
    for each in raw:
        for target in by_address.get(each.address, ()):
            event = target.watch.event(each, times[each.block])
            if event is not None:
                events[target.id].append(event)
                blocks[each.block] = Header(each.block, each.block_hash, times[each.block])
    return Found(len(raw), events, list(blocks.values()))


def _is_dead(owner: str) -> bool:
    """Whether a follower was of a process of this machine that is no more."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False

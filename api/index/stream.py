"""The stream of what happens: messages of the database to every client that listens, through one reader."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import func, select

from api.index import tables
from api.index.database import Database
from api.index.reader import Index
from api.problems import ProblemError, unavailable

log = logging.getLogger("penstock.stream")

TOPICS = ("chain", "kpi", "deployment", "reorganisation")
QUEUE = 1_000
"""Messages that may wait for a client; one that is slower is let go, and may come again where it was."""
REPLAY = 10_000
"""Most messages that are sent again to a client that comes back."""
PART = 500
HEARTBEAT_SECONDS = 15.0
POLL_SECONDS, LONGEST_PAUSE = 0.25, 5.0


@dataclass(frozen=True)
class Message:
    """A message as it is sent: `raw` is the server-sent event."""

    id: int
    topic: str
    deployment: str | None
    body: str
    raw: bytes


@dataclass(frozen=True)
class StreamFilter:
    """What a client wants to hear; nothing named is everything. A reorganisation is heard in any case."""

    topics: frozenset[str] = frozenset()
    deployments: frozenset[str] = frozenset()

    def wants(self, message: Message) -> bool:
        if message.topic == "reorganisation":
            return True
        topic = not self.topics or message.topic in self.topics
        return topic and (not self.deployments or message.deployment in self.deployments)


@dataclass(eq=False)
class Client:
    """Somebody who listens. Its queue belongs to the event loop that it was opened in.

    Until it has been told all that it had missed it is handed nothing: what is new meanwhile is in the
    database. `passed` counts that; up to `told` it has everything, or is about to, however far behind the
    reader is.
    """

    filter: StreamFilter
    loop: asyncio.AbstractEventLoop
    level: bool = False
    passed: int = 0
    told: int = -1
    queue: asyncio.Queue[Message] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """Reads new messages in one thread of the process, and hands them to the clients' queues."""

    def __init__(self, database: Database, limit: int = 2_000, index: Index | None = None) -> None:
        """`limit`: clients at once. `index` is told of every change that is seen, by whatever process."""
        self.database, self.limit = database, limit
        self.index = Index(database) if index is None else index
        self._clients: set[Client] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: int | None = None
        self._seen = -1

    # -- the reader

    def start(self) -> None:
        """Begin to read."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self._thread.start()
        self.index.watched = True

    def stop(self) -> None:
        """Let every client go, and end the thread."""
        self._stop.set()
        self._wake.set()
        self.close_clients()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.index.watched = False

    def close_clients(self) -> None:
        """End all open streams; they can be opened again. A server that waits for its connections when it is
        told to stop calls this first."""
        for client in self._everybody():
            _in_loop(client, client.gone.set)

    def wake(self) -> None:
        """There may be something new; called after a commit in this process."""
        self._wake.set()

    @property
    def newest(self) -> int | None:
        """Id of the last message that was read; None before the first look."""
        return self._last

    @property
    def clients(self) -> int:
        """How many listen now."""
        return len(self._clients)

    def _run(self) -> None:
        pause = POLL_SECONDS
        while not self._stop.is_set():
            try:
                while self._poll():
                    pass
                pause = POLL_SECONDS
            except ProblemError as error:
                if pause == POLL_SECONDS:
                    log.warning("the stream waits: %s", error)
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception:
                log.exception("the stream failed to read")
                pause = min(2 * pause, LONGEST_PAUSE)
            self._wake.wait(pause)
            self._wake.clear()

    def _poll(self) -> bool:
        """Send what is new; whether there is more."""
        generation = self.index.refresh()
        if self._last is None:
            self._last = self.last_id()
        if generation == self._seen:
            return False
        new = self.messages(self._last, PART)
        for client in self._everybody():
            wanted = [message for message in new if client.filter.wants(message)]
            if wanted:
                _in_loop(client, partial(_hand, client, wanted))
        if new:
            self._last = new[-1].id
        if len(new) == PART:
            return True
        self._seen = generation
        return False

    def messages(self, after: int, limit: int) -> list[Message]:
        """Messages after the one with this id, in order."""
        m = tables.messages.c
        query = select(m.id, m.topic, m.deployment, m.body).where(m.id > after).order_by(m.id).limit(limit)
        with self.database.connect() as connection:
            return [_message(*row) for row in connection.execute(query)]

    def last_id(self) -> int:
        """The id of the last message, 0 before the first."""
        with self.database.connect() as connection:
            return int(connection.execute(select(func.max(tables.messages.c.id))).scalar() or 0)

    def first_id(self) -> int:
        """The id of the first message that is kept."""
        with self.database.connect() as connection:
            return int(connection.execute(select(func.min(tables.messages.c.id))).scalar() or 0)

    def _everybody(self) -> list[Client]:
        with self._lock:
            return list(self._clients)

    # -- clients

    def subscribe(self, topics: Iterable[str] = (), deployments: Iterable[str] = ()) -> Client:
        """Begin to listen, from within an event loop; raises ProblemError 503 `too-many-streams`."""
        client = Client(StreamFilter(frozenset(topics), frozenset(deployments)), asyncio.get_running_loop())
        with self._lock:
            if len(self._clients) >= self.limit:
                raise unavailable(f"{self.limit} streams are open already", "too-many-streams", 30)
            self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        with self._lock:
            self._clients.discard(client)

    async def listen(self, client: Client, after: int | None) -> AsyncIterator[bytes]:
        """The bytes of a client's event stream, from what follows message `after` (None: from now on).

        Begins with a `hello`; a client that comes back too late gets a `resync`, and should read everything
        again. Ends when the client is too slow, or the service stops.
        """
        try:
            last = await asyncio.to_thread(self.last_id)
            yield _sse("hello", {"id": last}, last if after is None else None, retry=2_000)
            if after is not None:
                oldest = await asyncio.to_thread(self.first_id)
                if after > last or after < oldest - 1 or last - after > REPLAY:
                    yield _sse("resync", {"id": last}, last)
                else:
                    async for part in self._again(client.filter, after, last):
                        yield part
            client.told, client.level = last, True
            client.told = newest = await asyncio.to_thread(self.last_id)
            async for part in self._again(client.filter, last, newest):
                yield part
            async for part in self._live(client, newest):
                yield part
        finally:
            self.leave(client)

    async def _again(self, filter: StreamFilter, after: int, last: int) -> AsyncIterator[bytes]:
        while after < last:
            part = await asyncio.to_thread(self.messages, after, PART)
            if not part:
                return
            wanted = [m.raw for m in part if m.id <= last and filter.wants(m)]
            if wanted:
                yield b"".join(wanted)
            after = part[-1].id

    async def _live(self, client: Client, last: int) -> AsyncIterator[bytes]:
        gone = asyncio.ensure_future(client.gone.wait())
        waiting: asyncio.Future[Message] | None = None
        try:
            while not client.gone.is_set():
                waiting = asyncio.ensure_future(client.queue.get())
                done, _ = await asyncio.wait(
                    {waiting, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if waiting not in done:
                    waiting.cancel()
                    if gone in done:
                        return
                    yield b": \n\n"
                    continue
                found = [waiting.result()]
                while not client.queue.empty():
                    found.append(client.queue.get_nowait())
                new = [message.raw for message in found if message.id > last]
                if new:
                    yield b"".join(new)
        finally:
            gone.cancel()
            if waiting is not None:
                waiting.cancel()


def _hand(client: Client, messages: list[Message]) -> None:
    if not client.level:
        client.passed += len(messages)
        if client.passed > REPLAY:  # it does not read
            client.gone.set()
        return
    for message in messages:
        if message.id <= client.told:
            continue
        try:
            client.queue.put_nowait(message)
        except asyncio.QueueFull:
            client.gone.set()  # it has missed one, so it must come again
            return


def _in_loop(client: Client, action: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and the client with it
        client.loop.call_soon_threadsafe(action)


def _message(id: int, topic: str, deployment: str | None, body: str) -> Message:
    raw = f"event: {topic}\nid: {id}\ndata: {body}\n\n".encode()
    return Message(id, topic, deployment, body, raw)


def _sse(event: str, body: dict[str, int], id: int | None, retry: int | None = None) -> bytes:
    lines = [f"event: {event}", f"data: {json.dumps(body)}"]
    if id is not None:
        lines.append(f"id: {id}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    return ("\n".join(lines) + "\n\n").encode()

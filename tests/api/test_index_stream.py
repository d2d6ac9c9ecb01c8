"""The stream over HTTP: what it tells, resuming, many clients, slow clients."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import insert

from api.app import create_app
from api.deal_book import DealBook
from api.index import stream as stream_module
from api.index import tables, writer
from api.settings import DEALS, Limits, Settings
from chain.network import LocalChain, rpc
from tests.api.index_world import Indexed, sqlite_url
from tests.chain.bond_life import Life, small_deal

CLIENTS = 500


@dataclass
class Told:
    """One server-sent event."""

    event: str
    id: int | None
    data: Any


class Listener:
    """A client of the stream on a plain socket."""

    def __init__(self, reader: asyncio.StreamReader, writer_: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer_
        self.status = 0

    @classmethod
    async def open(cls, port: int, query: str = "", last: int | None = None) -> Listener:
        reader, writer_ = await asyncio.open_connection("127.0.0.1", port)
        headers = "" if last is None else f"Last-Event-ID: {last}\r\n"
        writer_.write(f"GET /v1/stream{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n".encode())
        found = cls(reader, writer_)
        head = await reader.readuntil(b"\r\n\r\n")
        found.status = int(head.split(b" ", 2)[1])
        return found

    async def events(self) -> AsyncIterator[Told]:
        """Events as they come; ends with the connection."""
        text = ""
        while True:
            try:
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                text += (await self.reader.readexactly(size + 2))[:-2].decode()
            except asyncio.IncompleteReadError:
                return
            if size == 0:
                return
            *whole, text = text.split("\n\n")
            for block in whole:
                fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
                if fields:
                    number = fields.get("id")
                    yield Told(
                        fields["event"],
                        None if number is None else int(number),
                        json.loads(fields["data"]),
                    )

    async def take(self, count: int, seconds: float = 20) -> list[Told]:
        """The next `count` events."""
        found: list[Told] = []

        async def collect() -> None:
            async for each in self.events():
                found.append(each)
                if len(found) == count:
                    return

        await asyncio.wait_for(collect(), seconds)
        return found

    def close(self) -> None:
        self.writer.close()


@dataclass
class Served:
    """A real server over an index."""

    indexed: Indexed
    port: int
    life: Life
    id: str

    def say(self, count: int, topic: str = "chain", size: int = 10) -> None:
        """Put messages into the stream as a follower in another process would."""
        with self.indexed.database.begin() as connection:
            writer.changed(connection)
            rows = [
                {
                    "topic": topic,
                    "deployment": self.id,
                    "block": 1,
                    "body": json.dumps({"n": n, "x": "x" * size}),
                }
                for n in range(count)
            ]
            connection.execute(insert(tables.messages), rows)

    @property
    def clients(self) -> int:
        return self.indexed.stream.clients


@pytest.fixture
def served(chain: LocalChain, tmp_path: Path) -> Iterator[Served]:
    life = Life(chain, small_deal())
    indexed = Indexed(sqlite_url(tmp_path), chain)
    indexed.stream.limit = CLIENTS + 10
    id = indexed.register(life.record).id
    indexed.level()
    indexed.stream.start()
    server = uvicorn.Server(uvicorn.Config(_app(indexed), log_level="warning", lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(CLIENTS)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield Served(indexed, listening.getsockname()[1], life, id)
        indexed.stream.stop()
        server.should_exit = True
        thread.join(timeout=10)
        indexed.close()
    assert not thread.is_alive()


def _app(indexed: Indexed) -> FastAPI:
    settings = Settings(
        network=indexed.chain.url,
        database=indexed.url,
        data=Path(),
        hosts=("127.0.0.1",),
        limits=Limits(per_second=0),
    )
    services: Any = SimpleNamespace(
        settings=settings,
        database=indexed.database,
        chain=indexed.link,
        deals=DealBook(DEALS),
        index=indexed.index,
        stream=indexed.stream,
        nodes=None,
        demo=None,
    )
    return create_app(services)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def follow(served: Served) -> None:
    await asyncio.to_thread(served.indexed.level)


def test_it_tells_what_is_indexed_as_it_is_indexed(served: Served) -> None:
    async def test() -> None:
        everything, kpis = await Listener.open(served.port), await Listener.open(served.port, "?topic=kpi")
        assert everything.status == kpis.status == 200
        assert (await everything.take(1))[0].event == "hello"
        await asyncio.to_thread(
            lambda: (served.life.sell(a=4, b=3), served.life.settle(), served.life.report(420_000))
        )
        await follow(served)
        expected = [e for e in served.indexed.index.events(served.id) if e.block > served.life.record.block]
        told = await everything.take(len(expected) + 1)
        assert [t.data["name"] for t in told if t.event == "chain"] == [e.name for e in expected]
        assert [t.id for t in told] == sorted({t.id for t in told if t.id is not None})
        hello, report = await kpis.take(2)
        assert (hello.event, report.event, report.data["kpi"]) == ("hello", "kpi", "runoff-reduction")
        assert report.data["arguments"]["value"] == "420000"

    run(test)


def test_a_client_that_comes_back_misses_nothing(served: Served) -> None:
    async def test() -> None:
        first = await Listener.open(served.port)
        await first.take(1)
        served.say(10)
        told = await first.take(4)
        first.close()
        served.say(1_500)
        again = await Listener.open(served.port, last=told[-1].id)
        missed = await again.take(1 + 6 + 1_500)
        assert missed[0].event == "hello"
        assert missed[0].id is None  # else a break just now would lose what is missing
        start = told[-1].id
        assert start is not None
        assert [t.id for t in missed[1:]] == list(range(start + 1, start + 1_507))
        served.say(3)
        assert [t.data["n"] for t in await again.take(3)] == [0, 1, 2]

    run(test)


def test_a_burst_that_is_read_while_a_client_comes_back_does_not_end_its_stream(served: Served) -> None:
    """More messages than a queue holds reach the reader between its coming and the first that it is told."""

    async def test() -> None:
        stream = served.indexed.stream
        start = stream.last_id()
        client = stream.subscribe()
        served.say(2 * stream_module.QUEUE)
        while stream.newest != start + 2 * stream_module.QUEUE:
            await asyncio.sleep(0.01)
        told = b""
        async for part in stream.listen(client, start):
            told += part
            if told.count(b"event: chain") == 2 * stream_module.QUEUE:
                served.say(3)
            if told.count(b"event: chain") == 2 * stream_module.QUEUE + 3:
                break
        assert [int(i) for i in re.findall(rb"id: (\d+)", told)] == list(
            range(start + 1, start + 2 * stream_module.QUEUE + 4)
        )

    run(test)


def test_a_reader_that_lags_does_not_end_the_stream_of_one_that_came_back(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands on, when a client is level, more messages than a queue holds that the client has been told."""
    stream, gate = served.indexed.stream, threading.Event()
    refresh = stream.index.refresh

    def lagging() -> int:
        gate.wait(60)
        return refresh()

    async def test() -> None:
        start, many = stream.last_id(), 2 * stream_module.QUEUE
        monkeypatch.setattr(stream.index, "refresh", lagging)
        await asyncio.sleep(2 * stream_module.POLL_SECONDS)  # the reader stands at the gate
        served.say(many)
        told, client = b"", stream.subscribe()
        async for part in stream.listen(client, start):
            if not told:
                served.say(5)  # told last of all that it had missed, when it is level
            told += part
            if not gate.is_set() and told.count(b"event: chain") == many + 5:
                gate.set()
                while stream.newest != start + many + 5:  # meanwhile it takes nothing from its queue
                    await asyncio.sleep(0.01)
                served.say(3)
            if told.count(b"event: chain") == many + 8:
                break
        assert [int(i) for i in re.findall(rb"id: (\d+)", told)] == list(range(start + 1, start + many + 9))

    run(test)


def test_one_that_comes_back_too_late_is_told_to_read_again(served: Served) -> None:
    async def test() -> None:
        served.say(30)
        last = served.indexed.stream.last_id()
        with served.indexed.database.begin() as connection:
            writer.prune(connection, 1, 10, 10)
        for old in (1, last + 1_000):
            late = await Listener.open(served.port, last=old)
            assert [(t.event, t.id) for t in await late.take(2)] == [("hello", None), ("resync", last)]
        just = await Listener.open(served.port, last=last - 10)
        assert [t.id for t in await just.take(11)] == [None, *range(last - 9, last + 1)]

    run(test)


def test_filters_and_reorganisations(served: Served, chain: LocalChain) -> None:
    async def test() -> None:
        other = await Listener.open(served.port, "?deployment=another&topic=kpi")
        await other.take(1)
        served.say(5, "kpi")
        await asyncio.to_thread(served.life.verify, served.life.a)
        await follow(served)
        rpc(chain.w3, "anvil_reorg", 1, [])
        await follow(served)
        (told,) = await other.take(1)
        assert told.event == "reorganisation"
        assert told.data["depth"] >= 1

    run(test)


def test_five_hundred_listen_at_once(served: Served) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))

    async def test() -> None:
        before = threading.active_count()
        everybody = [await Listener.open(served.port) for _ in range(CLIENTS)]
        await asyncio.gather(*(each.take(1) for each in everybody))
        assert served.clients == CLIENTS
        assert threading.active_count() - before < 60  # no thread for each
        begun = time.monotonic()
        for _ in range(10):
            served.say(10)
        found = await asyncio.gather(*(each.take(100, 30) for each in everybody))
        print(f"100 messages to {CLIENTS} clients in {time.monotonic() - begun:.2f} s")
        assert all([t.id for t in told] == [t.id for t in found[0]] for told in found)
        for each in everybody:
            each.close()
        deadline = time.monotonic() + 60
        while served.clients and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert served.clients == 0

    try:
        run(test)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_are_refused(served: Served) -> None:
    async def test() -> None:
        served.indexed.stream.limit = 2
        kept = [await Listener.open(served.port) for _ in range(2)]
        assert [each.status for each in kept] == [200, 200]
        assert (await Listener.open(served.port)).status == 503

    run(test)


def test_a_slow_client_is_let_go_and_holds_up_nobody(served: Served) -> None:
    async def test() -> None:
        quick = await Listener.open(served.port)
        await quick.take(1)
        slow = socket.create_connection(("127.0.0.1", served.port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
        while served.clients < 2:
            await asyncio.sleep(0.02)
        count = 0
        deadline = time.monotonic() + 60
        while served.clients == 2 and time.monotonic() < deadline:
            served.say(400, size=20_000)
            count += 400
            assert len(await quick.take(400)) == 400
        assert served.clients == 1
        print(f"let go after {count} messages")
        slow.close()
        served.say(1)
        assert len(await quick.take(1)) == 1

    run(test)


def test_heartbeats_keep_a_quiet_stream_open(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "HEARTBEAT_SECONDS", 0.1)

    async def test() -> None:
        quiet = await Listener.open(served.port)
        await quiet.take(1)
        for _ in range(3):
            assert await asyncio.wait_for(quiet.reader.readuntil(b"\r\n"), 5) == b"4\r\n"
            assert await quiet.reader.readexactly(6) == b": \n\n\r\n"
        served.say(1)
        assert (await quiet.take(1))[0].event == "chain"

    run(test)


@pytest.mark.parametrize("query", ["?topic=nonsense", "?after=-1", "?after=x"])
def test_bad_wishes_are_refused(served: Served, query: str) -> None:
    async def test() -> None:
        assert (await Listener.open(served.port, query)).status == 422

    run(test)

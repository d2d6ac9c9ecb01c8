"""The follower: restarted, killed, on the wrong chain, with chain or database down, beside another one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from api.index import follower as follower_module
from api.index import tables
from api.index.follower import Follower
from api.problems import ProblemError
from chain.errors import NetworkError
from chain.ledger import read_ledger
from chain.network import LocalChain, rpc, start_anvil
from chain.records import DeploymentRecord
from tests.api.index_world import Indexed, RandomLife, sqlite_url
from tests.api.postgres import Postgres
from tests.chain.bond_life import BEFORE_THE_OFFERING, Life, small_deal, whole_life
from tests.chain.swap_life import BEFORE, project_life, rain_life


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[LocalChain, Life]]:
    """A chain with a bond that has lived its whole life. Read only."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        yield chain, whole_life(chain, 420_000)


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Callable[..., Indexed]:
    """Indexed(...), closed at the end."""

    def indexed(url: str, chain: LocalChain) -> Indexed:
        made = Indexed(url, chain)
        request.addfinalizer(made.close)
        return made

    return indexed


def until(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not there after {seconds} s"
        time.sleep(0.02)


# -- what it reads


def test_the_ledger_is_the_one_that_is_read_from_the_chain(
    lived: tuple[LocalChain, Life], database_url: str, make: Any
) -> None:
    chain, life = lived
    indexed = make(database_url, chain)
    deployment = indexed.register(life.record)
    indexed.level()
    ours, theirs = indexed.index.ledger(deployment.id, transfers=True), read_ledger(chain.w3, life.record)
    assert ours.events == theirs.events
    assert (ours.to_block, ours.time) == (theirs.to_block, theirs.time)
    for name, table in theirs.tables().items():
        assert ours.tables()[name].equals(table), name
    light = indexed.index.ledger(deployment.id)
    assert light.events == [e for e in theirs.events if (e.source, e.name) != ("token", "Transfer")]
    assert light.payouts == theirs.payouts


@pytest.mark.parametrize("deal", sorted(BEFORE))
def test_swaps_too(tmp_path: Path, make: Any, deal: str) -> None:
    with start_anvil(timestamp=BEFORE[deal]) as chain:
        life = project_life(chain) if deal == "bloom-wind-prs" else rain_life(chain)
        indexed = make(sqlite_url(tmp_path), chain)
        id = indexed.register(life.record).id
        indexed.level()
        ours, theirs = indexed.index.ledger(id, transfers=True), read_ledger(chain.w3, life.record)
        assert ours.events == theirs.events
        assert ours.balances.equals(theirs.balances)
        if deal == "bloom-wind-prs":
            kinds = [line.kind for line in indexed.index.statement(id, life.senders["c"].address)]
            assert kinds[0] == "received"
            assert set(kinds[1:]) == {"revenue", "claim"}
        else:
            assert indexed.index.holders(id) == []
            assert indexed.index.statement(id, life.senders["payer"].address) == []


def test_the_stream_tells_each_event_once_and_reports_twice(
    chain: LocalChain, tmp_path: Path, make: Any
) -> None:
    indexed = make(sqlite_url(tmp_path), chain)
    life = Life(chain, small_deal())
    id = indexed.register(life.record).id
    indexed.level()
    assert [json.loads(body)["event"] for body in indexed.bodies("deployment")] == ["registered", "caught-up"]
    life.sell(a=4, b=3)
    life.settle()
    life.report(420_000)
    indexed.level()
    told = [json.loads(body) for body in indexed.bodies("chain")]
    assert [(t["block"], t["log"], t["name"]) for t in told] == [
        (e.block, e.index, e.name) for e in indexed.index.events(id) if e.block > life.record.block
    ]
    (report,) = [json.loads(body) for body in indexed.bodies("kpi")]
    assert (report["name"], report["kpi"], report["arguments"]["value"]) == (
        "ReportSubmitted",
        "runoff-reduction",
        "420000",
    )


# -- restarts


def _follow(url: str, network: str, record: str) -> None:
    """A process that follows, one block at a time, until it is killed."""
    from types import SimpleNamespace

    follower_module.FIRST_PAGE = follower_module.MOST_BLOCKS = 1
    indexed = Indexed(url, SimpleNamespace(url=network))  # type: ignore[arg-type]
    indexed.register(DeploymentRecord.model_validate_json(record))
    while True:
        indexed.follower.step()


def test_killed_at_any_point_it_goes_on_where_it_was(
    lived: tuple[LocalChain, Life], database_url: str, make: Any, seed: int
) -> None:
    chain, life = lived
    draw = random.Random(seed)
    indexed = make(database_url, chain)
    indexed.register(life.record)
    context = multiprocessing.get_context("fork")  # a fresh interpreter takes seconds to import web3
    deaths = 0
    while deaths < 4:
        arguments = (database_url, chain.url, life.record.to_json())
        process = context.Process(target=_follow, args=arguments, daemon=True)
        process.start()
        before = _indexed(indexed)
        until(lambda before=before: _indexed(indexed) > before or _indexed(indexed) >= _head(chain))
        time.sleep(draw.random() * 0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        deaths += 1
    indexed.level()
    assert _indexed(indexed) == _head(chain)
    events = indexed.index.ledger(indexed.index.deployments()[0].id, transfers=True).events
    assert events == read_ledger(chain.w3, life.record).events


def _indexed(indexed: Indexed) -> int:
    with indexed.database.connect() as connection:
        return int(connection.execute(select(func.min(tables.deployments.c.indexed))).scalar_one())


def _head(chain: LocalChain) -> int:
    return int(chain.w3.eth.block_number)


def test_reading_again_changes_nothing(lived: tuple[LocalChain, Life], database_url: str, make: Any) -> None:
    chain, life = lived
    indexed = make(database_url, chain)
    indexed.register(life.record)
    indexed.level()
    rows, generation = indexed.rows(), indexed.index.refresh()
    indexed.follower.step()
    again = make(database_url, chain)
    assert again.register(life.record) == indexed.index.deployments()[0]
    indexed.follower.release()
    again.level()
    assert again.rows() == rows
    assert again.index.refresh() == generation


def test_a_page_of_any_size_gives_the_same(
    lived: tuple[LocalChain, Life], tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, life = lived
    found = []
    for page in (1, 7, 1_000):
        monkeypatch.setattr(follower_module, "FIRST_PAGE", page)
        monkeypatch.setattr(follower_module, "MOST_BLOCKS", page)
        indexed = make(f"sqlite:///{tmp_path / str(page)}.sqlite", chain)
        indexed.register(life.record)
        indexed.level()
        found.append(indexed.rows())
    assert found[0] == found[1] == found[2]


def test_a_new_deployment_catches_up_and_holds_up_nobody(
    chain: LocalChain, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "FIRST_PAGE", 5)
    monkeypatch.setattr(follower_module, "MOST_BLOCKS", 5)
    first, second = Life(chain, small_deal()), Life(chain, _other())
    indexed = make(sqlite_url(tmp_path), chain)
    one = indexed.register(first.record).id
    second.sell(a=4, b=3)
    first.sell(a=4)
    indexed.level()
    two = indexed.register(second.record).id
    assert indexed.index.head().behind == 1
    first.sell(b=3)
    assert indexed.follower.step()
    # The step that follows the chain comes first, and the other is still behind.
    assert indexed.index.position(one, first.b).units == 3
    assert indexed.index.deployment(two).indexed < _head(chain)
    indexed.level()
    assert indexed.index.head().behind == 0
    assert indexed.index.ledger(two, transfers=True).events == read_ledger(chain.w3, second.record).events
    assert indexed.index.ledger(one, transfers=True).events == read_ledger(chain.w3, first.record).events
    assert [p.deployment for p in indexed.index.portfolio(first.a)] == [one, two]


def _other() -> Any:
    from finance.terms import parse_deal
    from tests.chain.bond_life import small_tree

    tree = small_tree()
    tree["title"] = "Another small bond"
    return parse_deal(tree)


# -- the chain goes back


def test_a_chain_whose_head_goes_back_is_undone(chain: LocalChain, database_url: str, make: Any) -> None:
    life = Life(chain, small_deal())
    indexed = make(database_url, chain)
    id = indexed.register(life.record).id
    life.sell(a=4)
    snapshot, block = rpc(chain.w3, "evm_snapshot"), _head(chain)
    indexed.level()
    before = indexed.rows()
    life.sell(b=3)
    indexed.level()
    assert indexed.index.position(id, life.b).units == 3
    rpc(chain.w3, "evm_revert", snapshot)
    indexed.level()
    assert indexed.rows() == before
    assert indexed.index.head().block == block
    (told,) = [json.loads(body) for body in indexed.bodies("reorganisation")]
    assert told["fork"] <= block < told["top"]
    assert told["deployments"] == [id]
    assert indexed.index.ledger(id).to_block == block
    life.sell(c=2)
    indexed.level()
    assert indexed.index.position(id, life.c).units == 2
    assert indexed.index.ledger(id, transfers=True).events == read_ledger(chain.w3, life.record).events


def test_a_deployment_that_moves_to_another_block_is_read_there(
    chain: LocalChain, tmp_path: Path, make: Any
) -> None:
    life = Life(chain, small_deal())
    indexed = make(sqlite_url(tmp_path), chain)
    id = indexed.register(life.record).id
    rpc(chain.w3, "anvil_mine", 3)
    indexed.level()
    events = indexed.index.events(id)
    depth = _head(chain) - life.record.block + 1
    raw = rpc(chain.w3, "eth_getTransactionByHash", life.record.tx)
    again = {key: raw[key] for key in ("from", "to", "value", "gas") if raw.get(key)} | {"data": raw["input"]}
    rpc(chain.w3, "anvil_reorg", depth, [[again, 2]])
    indexed.level()
    moved = indexed.index.events(id)
    assert [(e.name, e.block) for e in moved] == [(e.name, e.block + 2) for e in events]


def test_a_chain_that_moves_while_it_is_read_is_read_again(
    chain: LocalChain, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = RandomLife(chain, random.Random(7), True)
    life.blocks(6)
    indexed = make(sqlite_url(tmp_path), chain)
    indexed.register(life.record)
    indexed.level()
    life.blocks(8)
    real, moved = follower_module.logs, []

    def late(w3: Any, filters: Any, start: int, end: int) -> Any:
        found = real(w3, filters, start, end)
        if not moved:
            moved.append(rpc(chain.w3, "anvil_reorg", 5, []))
        return found

    monkeypatch.setattr(follower_module, "logs", late)
    indexed.level()
    assert moved
    assert indexed.bodies("reorganisation") == []  # nothing was told that had to be taken back
    afresh = make(f"sqlite:///{tmp_path / 'afresh.sqlite'}", chain)
    afresh.register(life.record)
    afresh.level()
    assert indexed.rows() == afresh.rows()


# -- the wrong chain, or none


def test_another_chain_is_refused_and_nothing_is_written(
    lived: tuple[LocalChain, Life], database_url: str, make: Any
) -> None:
    chain, life = lived
    indexed = make(database_url, chain)
    indexed.register(life.record)
    indexed.level()
    rows = indexed.rows()
    indexed.follower.release()
    with start_anvil(timestamp=BEFORE_THE_OFFERING + 1_000) as other:
        strange = make(database_url, other)
        with pytest.raises(ProblemError, match="begins with") as refused:
            strange.follower.step()
        assert refused.value.name == "wrong-chain"
        there = Life(other, small_deal())
        with pytest.raises(ProblemError) as refused:
            strange.register(there.record)
        assert (refused.value.status, refused.value.name) == (409, "wrong-chain")
        assert strange.rows() == rows


def test_another_chain_id_is_refused(lived: tuple[LocalChain, Life], tmp_path: Path, make: Any) -> None:
    chain, life = lived
    indexed = make(sqlite_url(tmp_path), chain)
    record = life.record.model_copy(update={"chain_id": 1})
    with pytest.raises(ProblemError) as refused:
        indexed.register(record)
    assert (refused.value.status, refused.value.name) == (409, "wrong-chain")


def test_a_record_that_differs_from_the_chain_is_refused(
    lived: tuple[LocalChain, Life], tmp_path: Path, make: Any
) -> None:
    chain, life = lived
    indexed = make(sqlite_url(tmp_path), chain)
    wallets = life.record.wallets.model_copy(update={"agent": life.c})
    with pytest.raises(ProblemError, match="agent") as refused:
        indexed.register(life.record.model_copy(update={"wallets": wallets}))
    assert (refused.value.status, refused.value.name) == (409, "deployment-differs")
    assert indexed.index.deployments() == []


@pytest.mark.parametrize(("what", "name"), [("nothing", "wrong-chain"), ("another", "deployment-differs")])
def test_a_record_of_something_else_is_refused(
    lived: tuple[LocalChain, Life], tmp_path: Path, make: Any, what: str, name: str
) -> None:
    chain, life = lived
    indexed = make(sqlite_url(tmp_path), chain)
    there = life.c if what == "nothing" else life.record.addresses["currency"]
    first = next(iter(life.record.parts))
    parts = {**life.record.parts, first: life.record.parts[first].model_copy(update={"address": there})}
    with pytest.raises(ProblemError) as refused:
        indexed.register(life.record.model_copy(update={"parts": parts}))
    assert (refused.value.status, refused.value.name) == (409, name)
    assert indexed.link.call(lambda w3: w3.eth.block_number) == _head(chain)  # the chain is not at fault


def test_it_waits_for_a_chain_that_is_down_and_goes_on(tmp_path: Path, make: Any) -> None:
    stop = threading.Event()
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        port = int(chain.url.rsplit(":", 1)[1])
        life = Life(chain, small_deal())
        state = rpc(chain.w3, "anvil_dumpState")
        indexed = make(sqlite_url(tmp_path), chain)
        id = indexed.register(life.record).id
        thread = threading.Thread(target=indexed.follower.run, args=(stop, 0.05))
        thread.start()
        until(lambda: indexed.index.deployment(id).indexed == _head(chain))
    try:
        until(lambda: indexed.follower.trouble is not None)
        assert "does not answer" in str(indexed.follower.trouble) or "no chain" in str(
            indexed.follower.trouble
        )
        assert indexed.index.position(id, life.a).units == 0  # what is known can be read meanwhile
        # The same first block, and the same contracts, on a chain that has forgotten its blocks.
        with start_anvil(timestamp=BEFORE_THE_OFFERING, port=port) as again:
            rpc(again.w3, "anvil_loadState", state)
            until(lambda: indexed.follower.trouble is None)
            life.w3 = again.w3
            life.sell(a=4)
            until(lambda: indexed.index.position(id, life.a).units == 4)
    finally:
        stop.set()
        thread.join()


# -- the database


def test_it_waits_for_a_database_that_is_down_and_goes_on(
    lived: tuple[LocalChain, Life], postgres: Postgres, make: Any
) -> None:
    chain, life = lived
    indexed = make(postgres.database(), chain)
    id = indexed.register(life.record).id
    stop = threading.Event()
    thread = threading.Thread(target=indexed.follower.run, args=(stop, 0.05))
    postgres.stop()
    try:
        assert not indexed.database.is_up()
        with pytest.raises(ProblemError) as down:
            indexed.index.head()
        assert (down.value.status, down.value.name) == (503, "database-unavailable")
        thread.start()
        until(lambda: indexed.follower.trouble is not None)
    finally:
        postgres.start()
    try:
        until(
            lambda: indexed.index.head() is not None and indexed.index.deployment(id).indexed == _head(chain)
        )
        events = indexed.index.ledger(id, transfers=True).events
        assert events == read_ledger(chain.w3, life.record).events
    finally:
        stop.set()
        thread.join()


# -- several at once


def test_only_one_writes_and_another_takes_over(
    chain: LocalChain, database_url: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "LEASE_SECONDS", 600.0)  # however slow the machine
    one, two = make(database_url, chain), make(database_url, chain)
    life = Life(chain, small_deal())
    id = one.register(life.record).id
    one.level()
    assert not two.follower.step()
    assert one.index.refresh() == two.index.refresh()
    life.sell(a=4)
    assert not two.follower.step()
    assert two.index.position(id, life.a).units == 0
    # The first is silent until its lease has ended.
    later = SimpleNamespace(time=lambda: time.time() + 601)
    monkeypatch.setattr(follower_module, "time", later)
    two.level()
    assert two.index.position(id, life.a).units == 4
    life.sell(b=3)
    one.follower.step()  # finds that it may not write
    two.level()
    assert one.index.position(id, life.b).units == 3
    assert one.index.ledger(id, transfers=True).events == read_ledger(chain.w3, life.record).events


def test_one_that_lost_its_lease_in_the_middle_writes_nothing(
    chain: LocalChain, database_url: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = make(database_url, chain), make(database_url, chain)
    life = Life(chain, small_deal())
    one.register(life.record)
    one.level()
    life.sell(a=4)
    real = Follower._read

    def slow(self: Follower, *arguments: Any) -> Any:
        found = real(self, *arguments)
        if self is one.follower:
            self.release()  # as if its time were over
            two.level()
        return found

    monkeypatch.setattr(Follower, "_read", slow)
    one.follower.step()
    afresh = one.rows()
    assert afresh["events"] == two.rows()["events"]
    id = one.index.deployments()[0].id
    assert one.index.ledger(id, transfers=True).events == read_ledger(chain.w3, life.record).events


def test_two_threads_register_the_same_deployment_once(
    lived: tuple[LocalChain, Life], database_url: str, make: Any
) -> None:
    chain, life = lived
    several = [make(database_url, chain) for _ in range(4)]
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(each.register(life.record).id))
        for each in several
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [several[0].index.deployments()[0].id] * 4


# -- pages and lag


def test_the_lag_is_told_in_blocks_and_in_the_chain_s_seconds(
    chain: LocalChain, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "FIRST_PAGE", 2)
    monkeypatch.setattr(follower_module, "MOST_BLOCKS", 2)
    indexed = make(sqlite_url(tmp_path), chain)
    assert indexed.index.head() is None
    indexed.level()
    rpc(chain.w3, "anvil_mine", 10, 600)
    assert indexed.follower.step()
    head = indexed.index.head()
    assert (head.chain_block, head.lag_blocks, head.lag_seconds) == (_head(chain), 8, 4_800)
    indexed.level()
    head = indexed.index.head()
    assert (head.block, head.lag_blocks, head.lag_seconds) == (_head(chain), 0, 0)


def test_pages_shrink_when_the_node_finds_them_too_long(
    lived: tuple[LocalChain, Life], tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, life = lived
    real, refused = follower_module.logs, []

    def picky(w3: Any, filters: Any, start: int, end: int) -> Any:
        if end - start >= 5:
            refused.append((start, end))
            raise NetworkError("eth_getLogs: query returned more than 5 blocks")
        return real(w3, filters, start, end)

    monkeypatch.setattr(follower_module, "logs", picky)
    indexed = make(sqlite_url(tmp_path), chain)
    id = indexed.register(life.record).id
    indexed.level()
    assert refused
    assert indexed.index.ledger(id, transfers=True).events == read_ledger(chain.w3, life.record).events
    monkeypatch.setattr(
        follower_module, "logs", lambda *_: (_ for _ in ()).throw(NetworkError("no logs at all"))
    )
    other = make(f"sqlite:///{tmp_path / 'other.sqlite'}", chain)
    other.register(life.record)
    with pytest.raises(ProblemError, match="no logs at all"):
        other.level()

"""The database: its schema is what the migrations make, and what is wrong is said without secrets."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, select, text

from api.access import tables as access
from api.index import tables, writer
from api.index.database import BUSY_SECONDS, Database
from api.index.reader import Index
from api.problems import ProblemError
from chain.network import LocalChain
from finance.terms import InputError
from tests.api.index_world import Indexed
from tests.api.postgres import Postgres


@pytest.fixture
def database(database_url: str) -> Any:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


def test_migrations_make_the_tables(database: Database) -> None:
    database.migrate()  # again is no change
    every = MetaData()
    for metadata in (tables.metadata, access.metadata):
        for table in metadata.tables.values():
            table.to_metadata(every)
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), every) == []


def test_deployments_of_earlier_contracts_go(database_url: str) -> None:
    """Their records cannot be read, or the deals in them: one would stop the whole index."""
    made = Database(database_url)
    made.migrate("0002")
    body = {"deal": "d", "kind": "kpi_bond", "block": 1, "indexed": 1}
    with made.begin() as connection:
        for id, schema in (("old", "penstock/deployment/2"), ("new", "penstock/deployment/3")):
            record = json.dumps({"schema": schema})
            row = {"id": id, "contract": id, "record": record, **body}
            connection.execute(insert(tables.deployments).values(**row))
            event = {
                "deployment": id,
                "block": 1,
                "log": 0,
                "time": 1,
                "tx": id,
                "source": "bond",
                "name": "x",
            }
            connection.execute(insert(tables.events).values(arguments="{}", **event))
    made.migrate()
    with made.connect() as connection:
        for column in (tables.deployments.c.id, tables.events.c.deployment):
            assert list(connection.execute(select(column)).scalars()) == []
    made.close()


def test_accounts_by_token_are_made_again(database_url: str) -> None:
    """Of deployments that were read when there was one token of each: all of it is read again."""
    made = Database(database_url)
    made.migrate("0004")
    row = {"deal": "d", "kind": "k", "lead": "l", "block": 7, "indexed": 90}
    with made.begin() as connection:
        connection.execute(insert(tables.deployments).values(id="a", contract="c", record="{}", **row))
        said = "INSERT INTO totals (deployment, block, log, supply, per_unit, distributed, claimed)"
        connection.execute(text(f"{said} VALUES ('a', 8, 0, '1', '0', '0', '0')"))
    made.migrate()
    with made.connect() as connection:
        assert connection.execute(select(tables.deployments.c.indexed)).scalar_one() == 6
        assert connection.execute(select(tables.totals)).all() == []
    made.close()


def test_several_may_migrate_at_once(database_url: str) -> None:
    several = [Database(database_url) for _ in range(4)]
    errors: list[Exception] = []

    def migrate(each: Database) -> None:
        try:
            each.migrate()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=migrate, args=(each,)) for each in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for each in several:
        each.close()


def test_who_migrates_waits_for_who_does_so_longer_than_for_a_change(database_url: str) -> None:
    slow, waits = Database(database_url), Database(database_url)
    slow.migrate("0004")
    errors: list[Exception] = []

    def migrate() -> None:
        try:
            waits.migrate()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=migrate)
    with slow.begin() as connection:
        if slow.is_sqlite:
            thread.start()
            time.sleep(BUSY_SECONDS + 1)
        connection.execute(select(tables.state.c.id))
    if not thread.ident:
        thread.start()
    thread.join()
    assert errors == []
    slow.close()
    waits.close()


@pytest.mark.parametrize("digits", [tables.UNITS, tables.INDEX, tables.MONEY])
def test_whole_numbers_of_any_size_come_back_and_sort(database: Database, digits: int) -> None:
    column = {tables.UNITS: "units", tables.INDEX: "per_unit", tables.MONEY: "unclaimed"}[digits]
    numbers = [0, 1, 9, 10, 2**53 + 1, 10**digits - 1]
    zero = {"units": 0, "per_unit": 0, "unclaimed": 0, "claimed": 0}
    row = {"id": "d", "deal": "d", "kind": "k", "lead": "l", "contract": "c", "block": 1}
    row |= {"record": "{}", "indexed": 0}
    with database.begin() as connection:
        connection.execute(insert(tables.deployments).values(**row))
        rows = [
            {"deployment": "d", "token": "t", "holder": str(i), **zero, column: n}
            for i, n in enumerate(numbers)
        ]
        connection.execute(insert(tables.accounts), rows[::-1])
    with database.connect() as connection:
        its = tables.accounts.c[column]
        assert connection.execute(select(its).order_by(its)).scalars().all() == numbers
        assert connection.execute(select(its).where(its > 9).order_by(its)).scalars().all() == numbers[3:]


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.begin() as connection:
            writer.tell(connection, "chain", None, 1, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.connect() as connection:
        assert connection.execute(select(tables.messages)).all() == []


def test_readers_see_one_state_and_writers_wait_for_each_other(database: Database) -> None:
    with database.connect() as connection:
        query = select(tables.state.c.generation)
        before = connection.execute(query).scalar_one()
        with database.begin() as writing:
            writer.changed(writing)
        assert connection.execute(query).scalar_one() == before

    def count() -> None:
        for _ in range(20):
            with database.begin() as writing:
                writer.changed(writing)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        assert connection.execute(query).scalar_one() == before + 81


def test_a_change_by_another_process_is_noticed(database_url: str) -> None:
    one, two = Database(database_url), Database(database_url)
    one.migrate()
    index = Index(two)
    before = index.generation
    with one.begin() as connection:
        writer.changed(connection)
    deadline = time.monotonic() + 60
    while index.generation == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert index.generation == before + 1
    for each in (one, two):
        each.close()


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://u:secret@host/x", "sqlite://", "sqlite:///:memory:", "http://host/"],
)
def test_urls_that_can_never_work_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="database") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_one_that_is_down_is_said_so_without_its_password() -> None:
    database = Database("postgresql://someone:hunter2@127.0.0.1:1/penstock")
    with pytest.raises(ProblemError) as down, database.connect():
        pass
    assert (down.value.status, down.value.name) == (503, "database-unavailable")
    assert "hunter2" not in str(down.value)
    assert "hunter2" not in repr(database)
    assert not database.is_up()


def test_a_file_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}")
    with pytest.raises(ProblemError, match="does not answer"):
        database.migrate()


def test_connections_that_a_restart_cut_are_made_again(postgres: Postgres) -> None:
    database = Database(postgres.database())
    for _ in range(3):
        assert database.is_up()
    postgres.stop("immediate")
    assert not database.is_up()
    postgres.start()
    assert database.is_up()
    database.close()


def test_what_is_kept_stays_small(database_url: str, chain: LocalChain) -> None:
    indexed = Indexed(database_url, chain)
    indexed.level()
    with indexed.database.begin() as connection:
        for number in range(100):
            writer.tell(connection, "chain", None, number, {})
        writer.store_blocks(connection, [_block(number) for number in range(1, 100)])
        writer.prune(connection, 99, blocks=10, messages=20)
    with indexed.database.connect() as connection:
        left = connection.execute(select(tables.blocks.c.number).order_by(tables.blocks.c.number))
        assert left.scalars().all() == [0, *range(89, 100)]
        assert connection.execute(text("SELECT count(*) FROM messages")).scalar_one() == 20
    assert [message.id for message in indexed.stream.messages(0, 100)] == list(range(81, 101))
    indexed.close()


def _block(number: int) -> Any:
    from chain.log_reader import Header

    return Header(number, f"0x{number:064x}", number)

"""The database: SQLite in a file, or PostgreSQL by URL; migrated when the service starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.problems import ProblemError, unavailable
from finance.terms import InputError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS, CONNECT_SECONDS, POOL_SECONDS = 5, 3, 5
MIGRATING_SECONDS = 60
"""Of waiting for another process that makes the tables: all of them take longer than a change of one does."""
POOL, OVERFLOW = 8, 40
_MIGRATING = 7_203_001  # number of the advisory lock


class Database:
    """Connections to one database. Everything that fails because it is down or too busy raises a ProblemError
    503 `database-unavailable`; nothing has to be restarted when it is back."""

    def __init__(self, url: str) -> None:
        """`url`: sqlite:///FILE or postgresql://...; raises InputError for anything else."""
        self.url = _url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url, self.is_sqlite)
        isolation = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**isolation)
        self._writing = self.engine.execution_options(writes=True)

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)})"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading: all its queries see the same state."""
        with self._told(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, and undone if it raises."""
        with self._told(), self._writing.begin() as connection:
            yield connection

    def migrate(self, to: str = "head") -> None:
        """Bring the schema up to date, or to a revision; two processes may do so at once."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        patient = _engine(self.url, self.is_sqlite, MIGRATING_SECONDS)
        try:
            with self._told(), patient.execution_options(writes=True).begin() as connection:
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
                config.attributes["connection"] = connection
                command.upgrade(config, to)
        finally:
            patient.dispose()

    def is_up(self) -> bool:
        """Whether it answers now."""
        try:
            with self.connect() as connection:
                connection.execute(text("SELECT 1"))
        except ProblemError:
            return False
        return True

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            raise self._down(error) from None
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise self._down(error) from None

    def _down(self, error: Exception) -> ProblemError:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[:1]
        reason = _hidden(said[0][:200], self.url) if said else type(error).__name__
        return unavailable(f"the database does not answer: {reason}", "database-unavailable")


def _url(text_: str) -> URL:
    try:
        url = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text_))
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise InputError("database: must be sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(f"database: {url.get_backend_name()}: must be sqlite or postgresql")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError("database: SQLite needs a file, as in sqlite:///penstock.sqlite")
    return url


def _engine(url: URL, is_sqlite: bool, busy: int = BUSY_SECONDS) -> Engine:
    pool: dict[str, Any] = {"pool_size": POOL, "max_overflow": OVERFLOW, "pool_timeout": POOL_SECONDS}
    if is_sqlite:
        engine = create_engine(url, connect_args={"timeout": busy, "check_same_thread": False}, **pool)
        _as_sqlite_should_be(engine)
        return engine
    timeouts = {"connect_timeout": CONNECT_SECONDS, "options": "-c statement_timeout=60000"}
    return create_engine(url, connect_args=timeouts, pool_pre_ping=True, **pool)


def _as_sqlite_should_be(engine: Engine) -> None:
    """Readers beside a writer, real transactions, and foreign keys that are kept."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _hidden(said: str, url: URL) -> str:
    return said.replace(str(url.password), "***") if url.password else said

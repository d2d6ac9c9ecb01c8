"""The index in SQL. Every row that comes of the chain carries its block, so that a reorganisation is undone
by deleting what lies above the fork. Only `accounts` is changed in place: a holder's last row of `holdings`,
from which it can be made again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

WIDTH = 78
"""Decimal digits of 2^256."""
UNITS, INDEX, MONEY = 20, 29, 49
"""Decimal digits of what the claim token can hold: 2^64 units, 2^96 minor units earned by each, and both
multiplied."""

# SQLite counts rows only in a column that is exactly INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


class Whole(TypeDecorator[int]):
    """A whole number of 0 to so many decimal digits: NUMERIC where there is one, else text of fixed width,
    which sorts alike."""

    impl = String(WIDTH)
    cache_ok = True

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(self.width, 0))
        return dialect.type_descriptor(String(self.width))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        if value < 0 or value >= 10**self.width:
            raise ValueError(f"{value}: not a whole number of at most {self.width} digits")
        return str(value).zfill(self.width)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


metadata = MetaData()

chain = Table(
    "chain",
    metadata,
    Column("id", Integer, primary_key=True),  # one row
    Column("chain_id", BigInteger, nullable=False),
    Column("genesis", String(66), nullable=False),
)

state = Table(
    "state",
    metadata,
    Column(
        "id", Integer, primary_key=True
    ),  # one row; whoever writes updates it first, so one at a time does
    Column("generation", BigInteger, nullable=False),  # counts committed changes
    Column(
        "forks", BigInteger, nullable=False
    ),  # counts reorganisations: until the next, rows are only added
    # The follower that may write, until when (unix seconds), and what it last saw of the chain.
    Column("owner", String(96), nullable=True),
    Column("until", Float, nullable=False),
    Column("chain_block", BigInteger, nullable=True),
    Column("chain_time", BigInteger, nullable=True),
    Column("seen", Float, nullable=True),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("deal", String(97), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("lead", String(31), nullable=False),  # the part that leads it
    Column("contract", String(42), nullable=False, unique=True),  # bond, swap, ...: one deployment each
    Column("block", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    # How far its logs are read; a new deployment begins behind the others and catches up.
    Column("indexed", BigInteger, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    # Those with events, and the last one of each range that was read: where the chain can be compared.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(66), nullable=False),
    Column("time", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("deployment", ForeignKey("deployments.id"), primary_key=True),
    Column("block", BigInteger, primary_key=True),
    Column("log", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("tx", String(66), nullable=False),
    Column("source", String(31), nullable=False),
    Column("name", String(40), nullable=False),
    Column("arguments", Text, nullable=False),  # JSON, with whole numbers of any size
    Index("events_by_name", "deployment", "name", "block", "log"),
    Index("events_by_block", "block"),
    Index("events_by_tx", "tx"),
)

holdings = Table(
    "holdings",
    metadata,
    # A holder's account after an event, as the claim token (its key) keeps it: units, what was earned and not
    # claimed at `per_unit` (the token's earnings per unit until then), and what was claimed in all.
    Column("deployment", ForeignKey("deployments.id"), primary_key=True),
    Column("token", String(31), primary_key=True),
    Column("holder", String(42), primary_key=True),
    Column("block", BigInteger, primary_key=True),
    Column("log", Integer, primary_key=True),
    Column("units", Whole(UNITS), nullable=False),
    Column("per_unit", Whole(INDEX), nullable=False),
    Column("unclaimed", Whole(MONEY), nullable=False),
    Column("claimed", Whole(MONEY), nullable=False),
    Index("holdings_by_block", "block"),
)

accounts = Table(
    "accounts",
    metadata,
    # The last row of `holdings` of each holder of each token.
    Column("deployment", ForeignKey("deployments.id"), primary_key=True),
    Column("token", String(31), primary_key=True),
    Column("holder", String(42), primary_key=True),
    Column("units", Whole(UNITS), nullable=False),
    Column("per_unit", Whole(INDEX), nullable=False),
    Column("unclaimed", Whole(MONEY), nullable=False),
    Column("claimed", Whole(MONEY), nullable=False),
    Index("accounts_by_units", "deployment", "token", "units", "holder"),
    Index("accounts_by_holder", "holder"),
)

totals = Table(
    "totals",
    metadata,
    # A claim token as a whole after each event that changes it: units in issue, earned per unit, and what
    # was distributed and claimed in all.
    Column("deployment", ForeignKey("deployments.id"), primary_key=True),
    Column("token", String(31), primary_key=True),
    Column("block", BigInteger, primary_key=True),
    Column("log", Integer, primary_key=True),
    Column("supply", Whole(UNITS), nullable=False),
    Column("per_unit", Whole(INDEX), nullable=False),
    Column("distributed", Whole(MONEY), nullable=False),
    Column("claimed", Whole(MONEY), nullable=False),
    Index("totals_by_block", "block"),
)

messages = Table(
    "messages",
    metadata,
    # The stream as it was sent; the id is that of the server-sent event. Not undone by a reorganisation,
    # which is a message of its own.
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("topic", String(16), nullable=False),  # chain, kpi, deployment, reorganisation
    Column("deployment", String(96), nullable=True),
    Column("block", BigInteger, nullable=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)

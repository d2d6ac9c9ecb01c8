"""The index in SQL. Every row that comes of the chain carries its block, so that a reorganisation is undone by
deleting what lies above the fork; nothing derived is ever updated in place.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
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

# SQLite counts rows only in a column that is exactly INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


class Whole(TypeDecorator[int]):
    """A whole number of 0 to 2^256 - 1: NUMERIC where there is one, else text of fixed width, which sorts
    alike."""

    impl = String(WIDTH)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(WIDTH, 0))
        return dialect.type_descriptor(String(WIDTH))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        if value < 0:
            raise ValueError(f"{value}: below zero")
        return f"{value:0{WIDTH}d}"

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

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("deal", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("contract", String(42), nullable=False, unique=True),  # bond, swap, ...: one deployment each
    Column("block", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
    # How far its logs are read; a new deployment begins behind the others and catches up.
    Column("indexed", BigInteger, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
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
    Column("source", String(16), nullable=False),
    Column("name", String(40), nullable=False),
    Column("arguments", Text, nullable=False),  # JSON; whole numbers as strings
    Index("events_by_name", "deployment", "name", "block", "log"),
    Index("events_by_block", "block"),
)

holdings = Table(
    "holdings",
    metadata,
    # A holder's account after an event, as the claim token keeps it: units, what was earned and not claimed
    # at `per_unit` (the token's earnings per unit until then), and what was claimed in all.
    Column("deployment", ForeignKey("deployments.id"), primary_key=True),
    Column("holder", String(42), primary_key=True),
    Column("block", BigInteger, primary_key=True),
    Column("log", Integer, primary_key=True),
    Column("units", Whole, nullable=False),
    Column("per_unit", Whole, nullable=False),
    Column("unclaimed", Whole, nullable=False),
    Column("claimed", Whole, nullable=False),
    Index("holdings_by_block", "block"),
)

messages = Table(
    "messages",
    metadata,
    # The stream as it was sent; the id is that of the server-sent event. Not undone by a reorganisation,
    # which is a message of its own.
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("topic", String(16), nullable=False),  # chain, kpi, reorganisation
    Column("deployment", String(96), nullable=True),
    Column("block", BigInteger, nullable=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)

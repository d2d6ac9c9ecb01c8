"""A deployment may have several claim tokens, each with accounts of its own: all are read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERS = {
    "account": {"units": 20, "per_unit": 29, "unclaimed": 49, "claimed": 49},
    "total": {"supply": 20, "per_unit": 29, "distributed": 49, "claimed": 49},
}
"""Digits of whole numbers."""
TABLES = {
    "holdings": ("account", ["holder", "block", "log"], {"holdings_by_block": ["block"]}),
    "accounts": (
        "account",
        ["holder"],
        {"accounts_by_units": ["units", "holder"], "accounts_by_holder": ["holder"]},
    ),
    "totals": ("total", ["block", "log"], {"totals_by_block": ["block"]}),
}
"""What each keeps, what tells its rows of a claim token apart, and its indices."""


def upgrade() -> None:
    _make(["deployment", "token"])


def downgrade() -> None:
    _make(["deployment"])


def _make(of: list[str]) -> None:
    columns: dict[str, Callable[[], sa.Column[Any]]] = {
        "deployment": lambda: sa.Column(
            "deployment", sa.String(96), sa.ForeignKey("deployments.id"), nullable=False
        ),
        "token": lambda: sa.Column("token", sa.String(31), nullable=False),
        "holder": lambda: sa.Column("holder", sa.String(42), nullable=False),
        "block": lambda: sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        "log": lambda: sa.Column("log", sa.Integer, nullable=False),
    }
    for table, (numbers, keys, indices) in TABLES.items():
        op.drop_table(table)
        key = [*of, *keys]
        whole = [_whole(name, digits) for name, digits in NUMBERS[numbers].items()]
        op.create_table(table, *(columns[name]() for name in key), *whole, sa.PrimaryKeyConstraint(*key))
        for name, over in indices.items():
            op.create_index(name, table, [*(of if name == "accounts_by_units" else []), *over])
    op.execute("DELETE FROM events")
    op.execute("UPDATE deployments SET indexed = block - 1")


def _whole(name: str, digits: int) -> sa.Column[int]:
    kind = sa.String(digits).with_variant(sa.Numeric(digits, 0), "postgresql")
    return sa.Column(name, kind, nullable=False)  # type: ignore[arg-type]

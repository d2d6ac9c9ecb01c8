"""The event index as it began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _whole(name: str, digits: int) -> sa.Column[int]:
    kind = sa.String(digits).with_variant(sa.Numeric(digits, 0), "postgresql")
    return sa.Column(name, kind, nullable=False)  # type: ignore[arg-type]


def _account() -> list[sa.Column[int]]:
    return [_whole("units", 20), _whole("per_unit", 29), _whole("unclaimed", 49), _whole("claimed", 49)]


def _big(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)


def _text(name: str, length: int, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _deployment() -> sa.Column[str]:
    return sa.Column("deployment", sa.String(96), sa.ForeignKey("deployments.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "chain",
        sa.Column("id", sa.Integer, nullable=False),
        _big("chain_id"),
        _text("genesis", 66),
        sa.PrimaryKeyConstraint("id"),
    )
    state = op.create_table(
        "state",
        sa.Column("id", sa.Integer, nullable=False),
        _big("generation"),
        _big("forks"),
        _text("owner", 96, nullable=True),
        sa.Column("until", sa.Float, nullable=False),
        _big("chain_block", nullable=True),
        _big("chain_time", nullable=True),
        sa.Column("seen", sa.Float),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(state, [{"id": 1, "generation": 0, "forks": 0, "until": 0.0}])
    op.create_table(
        "deployments",
        _text("id", 96),
        _text("deal", 64),
        _text("kind", 32),
        _text("contract", 42),
        _big("block"),
        sa.Column("record", sa.Text, nullable=False),
        _big("indexed"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("contract"),
    )
    op.create_index("ix_deployments_deal", "deployments", ["deal"])
    op.create_table(
        "blocks", _big("number"), _text("hash", 66), _big("time"), sa.PrimaryKeyConstraint("number")
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        _text("topic", 16),
        _text("deployment", 96, nullable=True),
        _big("block", nullable=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    _of_the_chain()


def _of_the_chain() -> None:
    op.create_table(
        "events",
        _deployment(),
        _big("block"),
        sa.Column("log", sa.Integer, nullable=False),
        _big("time"),
        _text("tx", 66),
        _text("source", 16),
        _text("name", 40),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log"),
    )
    op.create_index("events_by_name", "events", ["deployment", "name", "block", "log"])
    op.create_index("events_by_block", "events", ["block"])
    op.create_index("events_by_tx", "events", ["tx"])
    op.create_table(
        "senders",
        _text("tx", 66),
        _big("block"),
        _text("sender", 42),
        _text("target", 42),
        sa.PrimaryKeyConstraint("tx"),
    )
    op.create_index("ix_senders_block", "senders", ["block"])
    op.create_table(
        "holdings",
        _deployment(),
        _text("holder", 42),
        _big("block"),
        sa.Column("log", sa.Integer, nullable=False),
        *_account(),
        sa.PrimaryKeyConstraint("deployment", "holder", "block", "log"),
    )
    op.create_index("holdings_by_block", "holdings", ["block"])
    op.create_table(
        "accounts",
        _deployment(),
        _text("holder", 42),
        *_account(),
        sa.PrimaryKeyConstraint("deployment", "holder"),
    )
    op.create_index("accounts_by_units", "accounts", ["deployment", "units", "holder"])
    op.create_index("accounts_by_holder", "accounts", ["holder"])
    op.create_table(
        "totals",
        _deployment(),
        _big("block"),
        sa.Column("log", sa.Integer, nullable=False),
        _whole("supply", 20),
        _whole("per_unit", 29),
        _whole("distributed", 49),
        _whole("claimed", 49),
        sa.PrimaryKeyConstraint("deployment", "block", "log"),
    )
    op.create_index("totals_by_block", "totals", ["block"])


def downgrade() -> None:
    for name in ("totals", "accounts", "holdings", "senders", "events", "messages", "blocks", "deployments"):
        op.drop_table(name)
    op.drop_table("state")
    op.drop_table("chain")

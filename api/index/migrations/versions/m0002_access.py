"""Nonces, sessions and API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _big(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.create_table("nonces", _text("nonce", 64), _big("expires"), sa.PrimaryKeyConstraint("nonce"))
    op.create_index("ix_nonces_expires", "nonces", ["expires"])
    op.create_table(
        "sessions",
        _text("token_hash", 64),
        _text("address", 42),
        _big("chain_id"),
        _big("created"),
        _big("expires"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_sessions_address", "sessions", ["address"])
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_table(
        "api_keys",
        _text("id", 8),
        _text("token_hash", 64),
        _text("name", 80),
        _text("scopes", 400),
        _big("created"),
        _big("expires", nullable=True),
        _big("revoked", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )

"""Who sent a transaction is asked no more: the events and the books tell it. Deployments of earlier contracts
go, whose records cannot be read any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("senders")
    earlier = "record NOT LIKE '%penstock/deployment/3%'"
    for table in ("events", "holdings", "accounts", "totals", "messages"):
        op.execute(
            f"DELETE FROM {table} WHERE deployment IN (SELECT id FROM deployments WHERE {earlier})"  # noqa: S608
        )
    op.execute(f"DELETE FROM deployments WHERE {earlier}")  # noqa: S608


def downgrade() -> None:
    op.create_table(
        "senders",
        sa.Column("tx", sa.String(66), primary_key=True),
        sa.Column("block", sa.BigInteger, nullable=False, index=True),
        sa.Column("sender", sa.String(42), nullable=False),
        sa.Column("target", sa.String(42), nullable=False),
    )

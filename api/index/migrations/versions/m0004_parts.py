"""A deployment is a group of a deal's parts, known by the part that leads it, and events name parts by key.
Deployments of deals in the earlier form go, whose records cannot be read any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("events", "holdings", "accounts", "totals", "messages", "deployments"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
    with op.batch_alter_table("deployments") as deployments:
        deployments.add_column(sa.Column("lead", sa.String(31), nullable=False))
        deployments.alter_column(
            "deal", type_=sa.String(97), existing_type=sa.String(64), existing_nullable=False
        )
    with op.batch_alter_table("events") as events:
        events.alter_column(
            "source", type_=sa.String(31), existing_type=sa.String(16), existing_nullable=False
        )


def downgrade() -> None:
    with op.batch_alter_table("events") as events:
        events.alter_column(
            "source", type_=sa.String(16), existing_type=sa.String(31), existing_nullable=False
        )
    with op.batch_alter_table("deployments") as deployments:
        deployments.alter_column(
            "deal", type_=sa.String(64), existing_type=sa.String(97), existing_nullable=False
        )
        deployments.drop_column("lead")

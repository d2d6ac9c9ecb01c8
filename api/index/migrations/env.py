"""Run by Alembic: migrates on the connection that `Database.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from api.index.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

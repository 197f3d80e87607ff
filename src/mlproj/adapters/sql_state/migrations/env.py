"""Run by Alembic: migrates over the connection that it is given, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from mlproj.adapters.sql_state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

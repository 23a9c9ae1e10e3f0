"""Alembic's entry: run the migrations on the connection that `store` hands over."""

from __future__ import annotations

from alembic import context

from include.stockwatch.adapters.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="stockwatch_version",
    transactional_ddl=False,  # the caller holds the transaction
)
context.run_migrations()

"""Alembic's entry: the connection is given by ``gridmap.store.schema.migrate``."""

from alembic import context

from gridmap.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's environment: it is handed an open connection and nothing else."""

from alembic import context

from adapters.database.tables import SQLModel

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, transaction_per_migration=False)
context.run_migrations()

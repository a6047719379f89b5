"""Alembic's entry: runs migrations on the connection that `run.migrate` hands over."""

from alembic import context

from augury.migrations.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

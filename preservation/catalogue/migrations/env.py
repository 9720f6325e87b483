"""Alembic's entrance. The connection is handed in by `database.Database`; there is no alembic.ini to keep in step."""

from alembic import context

from preservation.catalogue.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry point: runs the migrations on the given connection."""

from alembic import context

from resources.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can alter a table only by copying it.
    render_as_batch=True,
    version_table="reflector_version",
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry: runs the migrations on the connection that it is given."""

from alembic import context

from resources.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can change a table only by copying it.
    render_as_batch=True,
    version_table="reflector_version",
)
with context.begin_transaction():
    context.run_migrations()

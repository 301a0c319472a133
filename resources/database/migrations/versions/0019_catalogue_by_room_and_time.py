"""The catalogue's rooms and times, read without its texts; on PostgreSQL, the letters that words begin with."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_catalogue_room_started_at_seq", "catalogue", ["room", "started_at", "seq"])
    if op.get_bind().dialect.name == "postgresql":
        # The index is rebuilt piece by piece, by `Catalogue.reindex`.
        op.execute(
            "INSERT INTO projections (name, storage_id) "
            "SELECT 'words', seq + 1 FROM catalogue WHERE version IS NOT NULL ORDER BY seq DESC LIMIT 1 "
            "ON CONFLICT (name) DO UPDATE SET storage_id = excluded.storage_id"
        )


def downgrade() -> None:
    op.drop_index("ix_catalogue_room_started_at_seq", "catalogue")

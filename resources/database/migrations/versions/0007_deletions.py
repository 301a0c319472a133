"""Recordings whose deletion was requested."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deletions",
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("requested_at", sa.Double, nullable=False),
        sa.Column("completed_at", sa.Double),
        sa.Column("checked_at", sa.Double),
        sa.PrimaryKeyConstraint("recording_id", name="pk_deletions"),
    )
    op.create_index("ix_deletions_requested_at", "deletions", ["requested_at"])


def downgrade() -> None:
    op.drop_table("deletions")

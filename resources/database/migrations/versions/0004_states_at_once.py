"""Indexes for counting the states of recordings without reading every recording."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WITHOUT = sa.text("version IS NULL")
FAILED = sa.text("outcome = 'failed'")


def upgrade() -> None:
    op.create_index(
        "ix_catalogue_without_transcript",
        "catalogue",
        ["recording_id"],
        sqlite_where=WITHOUT,
        postgresql_where=WITHOUT,
    )
    op.create_index(
        "ix_ended_runs_failed", "ended_runs", ["recording_id"], sqlite_where=FAILED, postgresql_where=FAILED
    )
    op.drop_index("ix_ended_runs_recording_id", "ended_runs")
    op.create_index("ix_ended_runs_recording_id_ended_at", "ended_runs", ["recording_id", "ended_at"])


def downgrade() -> None:
    op.drop_index("ix_ended_runs_recording_id_ended_at", "ended_runs")
    op.create_index("ix_ended_runs_recording_id", "ended_runs", ["recording_id"])
    op.drop_index("ix_ended_runs_failed", "ended_runs")
    op.drop_index("ix_catalogue_without_transcript", "catalogue")

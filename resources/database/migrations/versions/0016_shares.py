"""Links that share one transcript."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("share_hash", sa.String(64), nullable=False),
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("share_hash", name="pk_shares"),
        sa.UniqueConstraint("id", name="uq_shares_id"),
    )
    op.create_index("ix_shares_recording_id", "shares", ["recording_id"])


def downgrade() -> None:
    op.drop_index("ix_shares_recording_id", "shares")
    op.drop_table("shares")

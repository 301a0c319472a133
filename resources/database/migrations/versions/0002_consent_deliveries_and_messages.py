"""Consent, the meetings of recordings, deliveries, and messages in Zulip."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("meeting_id", sa.String(100), nullable=False),
        sa.Column("user_id", sa.String(200), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_consents"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consents_meeting_id", "consents", ["meeting_id"])
    op.create_table(
        "meetings",
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("mtg_session_id", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name="pk_meetings"),
    )
    op.create_index("ix_meetings_mtg_session_id", "meetings", ["mtg_session_id"])
    op.create_table(
        "deliveries",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("recording_id", sa.String(100)),
        sa.Column("state", sa.String(20), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("claimed_until", sa.Double, server_default="0", nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("settled_at", sa.Double),
        sa.PrimaryKeyConstraint("key", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_recording_id", "deliveries", ["recording_id"])
    op.create_table(
        "messages",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("message_id", NUMBER),
        sa.Column("stream", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("claimed_until", sa.Double, server_default="0", nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_messages"),
    )


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("deliveries")
    op.drop_table("meetings")
    op.drop_table("consents")

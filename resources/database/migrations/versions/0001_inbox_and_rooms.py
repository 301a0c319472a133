"""The inbox, the progress of polling, and rooms."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("event_type", sa.String(100)),
        sa.Column("recording_id", sa.String(100)),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("state", sa.String(20), server_default="received", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("settled_at", sa.Double),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ask_at", sa.Double),
        sa.PrimaryKeyConstraint("seq", name="pk_inbox"),
        sa.UniqueConstraint("key", name="uq_inbox_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_recording_id", "inbox", ["recording_id"])
    op.create_index("ix_inbox_state_seq", "inbox", ["state", "seq"])
    op.create_table(
        "sweep",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("known_to", NUMBER),
        sa.Column("after", sa.String(300)),
        sa.Column("not_before", sa.Double, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sweep"),
    )
    op.create_table(
        "rooms",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("language", sa.String(10)),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("webhook_secret", sa.Text()),
        sa.Column("zulip_stream", sa.String(200)),
        sa.Column("zulip_topic", sa.String(200)),
        sa.Column("zulip_auto_post", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("skip_consent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rooms"),
    )


def downgrade() -> None:
    op.drop_table("rooms")
    op.drop_table("sweep")
    op.drop_table("inbox")

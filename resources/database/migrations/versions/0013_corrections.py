"""Corrections of transcripts, and when rooms' generated texts follow them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.String(200)),
        sa.Column("request_id", sa.String(100)),
        sa.Column("edit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_corrections"),
        sa.UniqueConstraint("recording_id", "number", name="uq_corrections_recording_id"),
        sqlite_autoincrement=True,
    )
    op.add_column("rooms", sa.Column("texts_after_names", sa.String(20), server_default="at_once", nullable=False))
    op.add_column("rooms", sa.Column("texts_after_words", sa.String(20), server_default="on_request", nullable=False))


def downgrade() -> None:
    op.drop_column("rooms", "texts_after_words")
    op.drop_column("rooms", "texts_after_names")
    op.drop_table("corrections")

"""The catalogue of recordings with its words, and the ledger of their steps, both projected from Dagster's log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AMOUNTS = (
    *("wall_ms", "cpu_ms", "gpu_ms", "llm_calls", "prompt_tokens", "completion_tokens"),
    *("bytes_read", "bytes_written"),
)


def upgrade() -> None:
    op.create_table(
        "projections",
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("storage_id", NUMBER, server_default="0", nullable=False),
        sa.Column("page", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_projections"),
    )
    op.create_table(
        "catalogue",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("room", sa.Text()),
        sa.Column("title", sa.Text()),
        sa.Column("started_at", sa.Double),
        sa.Column("duration", sa.Double),
        sa.Column("text", sa.Text()),
        sa.Column("version", sa.String(100)),
        sa.PrimaryKeyConstraint("seq", name="pk_catalogue"),
        sa.UniqueConstraint("recording_id", name="uq_catalogue_recording_id"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_table(
            "catalogue_words",
            sa.Column("seq", sa.BigInteger(), sa.ForeignKey("catalogue.seq", ondelete="CASCADE"), primary_key=True),
            sa.Column("words", TSVECTOR(), nullable=False),
        )
        op.create_index("ix_catalogue_words_words", "catalogue_words", ["words"], postgresql_using="gin")
    else:
        op.execute("CREATE VIRTUAL TABLE catalogue_words USING fts5(words, prefix='2 3')")
    op.create_table(
        "ended_runs",
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_ended_runs"),
    )
    op.create_index("ix_ended_runs_recording_id", "ended_runs", ["recording_id"])
    op.create_table(
        "ledger",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("step", sa.String(300), nullable=False),
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("asset", sa.String(100), nullable=False),
        sa.Column("track", sa.Integer()),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(100)),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in AMOUNTS),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger"),
        sa.UniqueConstraint("run_id", "step", name="uq_ledger_run_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_recording_id", "ledger", ["recording_id"])
    op.create_index("ix_ledger_ended_at", "ledger", ["ended_at"])


def downgrade() -> None:
    for table in ("ledger", "ended_runs", "catalogue_words", "catalogue", "projections"):
        op.drop_table(table)

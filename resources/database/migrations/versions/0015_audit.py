"""The audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("recording_id", sa.String(100)),
        sa.Column("subject", sa.String(300)),
        sa.Column("outcome", sa.String(10)),
        sa.Column("details", sa.String(500)),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    for name in ("at", "recording_id", "subject"):
        op.create_index(f"ix_audit_{name}", "audit", [name])


def downgrade() -> None:
    for name in ("at", "recording_id", "subject"):
        op.drop_index(f"ix_audit_{name}", "audit")
    op.drop_table("audit")

"""Answers about consent that were copied from the old system, by the row that they are from, and its rooms' ids."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("old_id", sa.String(36)))
    op.add_column("consents", sa.Column("source", sa.String(200)))
    op.create_index("ix_consents_source", "consents", ["source"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_consents_source", "consents")
    op.drop_column("consents", "source")
    op.drop_column("rooms", "old_id")

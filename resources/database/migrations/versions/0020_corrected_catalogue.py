"""Which corrections a row of the catalogue has."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalogue", sa.Column("corrected", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("catalogue", "corrected")

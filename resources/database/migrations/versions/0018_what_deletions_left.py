"""What the deletion of a recording couldn't remove, and why it failed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deletions", sa.Column("not_deleted", sa.Text))
    op.add_column("deletions", sa.Column("problem", sa.Text))


def downgrade() -> None:
    op.drop_column("deletions", "problem")
    op.drop_column("deletions", "not_deleted")

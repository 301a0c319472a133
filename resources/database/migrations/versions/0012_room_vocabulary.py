"""The vocabulary of rooms: names and terms that their recordings' transcriber should expect."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("vocabulary", sa.Text))


def downgrade() -> None:
    op.drop_column("rooms", "vocabulary")

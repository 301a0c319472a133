"""Search words in every script: the index is rebuilt from the stored texts, piece by piece (`Catalogue.reindex`)."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The tokenizer of 0003 splits letters that are newer than its table of Unicode; this one takes all as letters.
    _recreate("words, tokenize='ascii', prefix='1 2 3'")
    op.execute(
        "INSERT INTO projections (name, storage_id) "
        "SELECT 'words', seq + 1 FROM catalogue WHERE version IS NOT NULL ORDER BY seq DESC LIMIT 1"
    )


def downgrade() -> None:
    _recreate("words, prefix='2 3'")
    # The earlier version has no way to rebuild the index, but reads the transcripts again.
    op.execute("DELETE FROM projections WHERE name IN ('words', 'transcript')")
    op.execute("UPDATE catalogue SET version = NULL")


def _recreate(columns: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Its earlier words stay searchable until they are replaced.
        return
    op.execute(sa.text("DROP TABLE catalogue_words"))
    op.execute(sa.text(f"CREATE VIRTUAL TABLE catalogue_words USING fts5({columns})"))

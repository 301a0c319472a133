"""Other ids of meetings, any number for each, in a table of their own; UUIDs are compared in lower case."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ALIASES = sa.table("aliases", sa.column("meeting_id"), sa.column("target"))
IDS = ("recording_id", "meeting_name", "mtg_session_id", "room_id", "other_id")
MEETINGS = sa.table("meetings", *(sa.Column(name, sa.String) for name in IDS))
CONSENTS = sa.table("consents", sa.column("meeting_id"))


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("meeting_id", sa.String(128), nullable=False),
        sa.Column("target", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("meeting_id", "target", name="pk_aliases"),
    )
    op.create_index("ix_aliases_target", "aliases", ["target"])
    own, other = MEETINGS.c.recording_id, MEETINGS.c.other_id
    for spelled, where in ((other, other.is_not(None)), (sa.func.lower(own), _is_capitalized(own))):
        op.execute(sa.insert(ALIASES).from_select(["meeting_id", "target"], sa.select(spelled, own).where(where)))
    for table, name in ((CONSENTS, "meeting_id"), (MEETINGS, "mtg_session_id"), (MEETINGS, "room_id")):
        column = table.c[name]
        op.execute(sa.update(table).where(_is_capitalized(column)).values({name: sa.func.lower(column)}))
    op.drop_index("ix_meetings_other_id", "meetings")
    op.drop_column("meetings", "other_id")


def downgrade() -> None:
    op.add_column("meetings", sa.Column("other_id", sa.String(128)))
    op.create_index("ix_meetings_other_id", "meetings", ["other_id"])
    names = ALIASES.c.target.in_([MEETINGS.c.recording_id, MEETINGS.c.meeting_name])
    one = sa.select(sa.func.min(ALIASES.c.meeting_id)).where(names).scalar_subquery()
    op.execute(sa.update(MEETINGS).values(other_id=one))
    op.drop_table("aliases")


def _is_capitalized(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(column.like("________-____-____-____-____________"), column != sa.func.lower(column))

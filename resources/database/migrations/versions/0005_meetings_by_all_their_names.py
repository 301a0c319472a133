"""Meetings by all ids and names that a consent statement can use, and statements that match none of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from domain.rooms import base_name

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXED = ("room", "meeting_name", "started_at", "mtg_session_id", "room_id", "other_id", "held_at", "revision")


def upgrade() -> None:
    connection = op.get_bind()
    with op.batch_alter_table("consents", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("whole_room", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("dismissed_at", sa.Double))
        table.alter_column("meeting_id", type_=sa.String(128), existing_nullable=False)
    sessions = dict(connection.execute(sa.text("SELECT recording_id, mtg_session_id FROM meetings")).all())
    described = connection.execute(sa.text("SELECT recording_id, room, started_at FROM catalogue")).all()
    op.drop_index("ix_meetings_mtg_session_id", "meetings")
    op.drop_table("meetings")
    table = op.create_table(
        "meetings",
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("room", sa.Text),
        sa.Column("meeting_name", sa.Text),
        sa.Column("started_at", sa.Double),
        sa.Column("mtg_session_id", sa.String(128)),
        sa.Column("room_id", sa.String(128)),
        sa.Column("other_id", sa.String(128)),
        sa.Column("held_at", sa.Double),
        sa.Column("revision", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name="pk_meetings"),
    )
    for name in INDEXED:
        op.create_index(f"ix_meetings_{name}", "meetings", [name])
    rows = {one: {"recording_id": one, "mtg_session_id": session} for one, session in sessions.items()}
    for one, room, started_at in described:
        base = base_name(room) if room else None
        names: dict[str, Any] = {
            "room": base,
            "meeting_name": room if room and room != base else None,
            "started_at": started_at,
        }
        rows[one] = {"recording_id": one, "mtg_session_id": sessions.get(one), **names}
    empty = {"room": None, "meeting_name": None, "started_at": None}
    if rows:
        op.bulk_insert(table, [{**empty, **row, "revision": n} for n, row in enumerate(rows.values(), 1)])


def downgrade() -> None:
    connection = op.get_bind()
    known = "SELECT recording_id, mtg_session_id FROM meetings WHERE mtg_session_id IS NOT NULL"
    rows = [row._asdict() for row in connection.execute(sa.text(known))]
    for name in INDEXED:
        op.drop_index(f"ix_meetings_{name}", "meetings")
    op.drop_table("meetings")
    table = op.create_table(
        "meetings",
        sa.Column("recording_id", sa.String(100), nullable=False),
        sa.Column("mtg_session_id", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name="pk_meetings"),
    )
    op.create_index("ix_meetings_mtg_session_id", "meetings", ["mtg_session_id"])
    if rows:
        op.bulk_insert(table, rows)
    op.drop_column("consents", "dismissed_at")
    op.drop_column("consents", "whole_room")

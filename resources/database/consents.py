"""Participants' consent to keep audio, and which recordings belong to which meeting, in the product's database."""

import time
from typing import Any

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.consent import Statement, latest_per_user
from domain.recording import ID_PATTERN
from resources.database.database import Database
from resources.database.tables import consents, meetings

COLUMNS = [consents.c[name] for name in Statement._fields]


class Consents(ConfigurableResource[Any]):
    """Consent statements by meeting id: the id of a recording, or of Daily's meeting session."""

    database: Database

    def record(self, meeting_id: str, user_id: str | None, *, given: bool) -> Statement:
        """Store a statement."""
        values: dict[str, Any] = {
            "meeting_id": meeting_id,
            "user_id": user_id or "",
            "given": given,
            "said_at": time.time(),
        }
        with self.database.begin() as connection:
            self.database.commit_in_order(connection, consents)
            return Statement(*connection.execute(sa.insert(consents).values(values).returning(*COLUMNS)).one())

    def statements(self, meeting_id: str) -> list[Statement]:
        """Return the latest statement of each person on a meeting, or on a recording by its id."""
        return self.of_recording(meeting_id)

    def of_recording(self, recording_id: str, mtg_session_id: str | None = None) -> list[Statement]:
        """Return the latest statement of each person on a recording or its meeting session."""
        with self.database.begin() as connection:
            known = sa.select(meetings.c.mtg_session_id).where(meetings.c.recording_id == recording_id)
            ids: set[str] = {recording_id, *connection.scalars(known), *([mtg_session_id] if mtg_session_id else [])}
            rows = connection.execute(sa.select(*COLUMNS).where(consents.c.meeting_id.in_(ids)))
            return latest_per_user(Statement(*row) for row in rows)

    def history(self, recording_id: str) -> list[Statement]:
        """Return all statements on a recording or its meeting session, in order."""
        session = sa.select(meetings.c.mtg_session_id).where(meetings.c.recording_id == recording_id)
        about = sa.or_(consents.c.meeting_id == recording_id, consents.c.meeting_id.in_(session))
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(*COLUMNS).where(about).order_by(consents.c.seq))
            return [Statement(*row) for row in rows]

    def denials(self, recording_id: str, mtg_session_id: str | None = None) -> list[Statement]:
        """Return the denials among the latest statements; one is enough to delete the audio."""
        return [one for one in self.of_recording(recording_id, mtg_session_id) if not one.given]

    def set_meeting_session(self, recording_id: str, mtg_session_id: str | None) -> None:
        """Store a recording's meeting session; None and an invalid id remove it."""
        with self.database.begin() as connection:
            if mtg_session_id is None or not ID_PATTERN.fullmatch(mtg_session_id):
                connection.execute(sa.delete(meetings).where(meetings.c.recording_id == recording_id))
                return
            insert = self.database.insert(meetings).values(recording_id=recording_id, mtg_session_id=mtg_session_id)
            changed = {"mtg_session_id": mtg_session_id}
            connection.execute(insert.on_conflict_do_update(index_elements=["recording_id"], set_=changed))

    def recordings_of(self, meeting_id: str) -> list[str]:
        """Return the ids of a meeting session's known recordings, sorted."""
        query = sa.select(meetings.c.recording_id).where(meetings.c.mtg_session_id == meeting_id)
        with self.database.begin() as connection:
            return sorted(connection.scalars(query))

    def after(self, seq: int, limit: int = 200) -> list[Statement]:
        """Return the next statements after a number, in order."""
        query = sa.select(*COLUMNS).where(consents.c.seq > seq).order_by(consents.c.seq).limit(limit)
        with self.database.begin() as connection:
            return [Statement(*row) for row in connection.execute(query)]

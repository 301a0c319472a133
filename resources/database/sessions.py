"""Sessions of the pages that ended by signing out, in the product's database."""

import time
from typing import Any

import sqlalchemy as sa
from dagster import ConfigurableResource

from resources.database.database import Database
from resources.database.tables import ended_sessions


class EndedSessions(ConfigurableResource[Any]):
    """Ended sessions by id, until their cookies would have expired."""

    database: Database

    def add(self, session_id: str, expires_at: float) -> None:
        """Store a session that ended, and forget those that expired; times in epoch seconds."""
        row = self.database.insert(ended_sessions).values(session_id=session_id, expires_at=expires_at)
        with self.database.begin() as connection:
            connection.execute(sa.delete(ended_sessions).where(ended_sessions.c.expires_at < time.time()))
            connection.execute(row.on_conflict_do_nothing())

    def ids(self) -> set[str]:
        """Return the ids of all sessions that ended."""
        with self.database.begin() as connection:
            return set(connection.scalars(sa.select(ended_sessions.c.session_id)))

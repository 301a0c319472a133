"""Recordings whose deletion was requested, in the product's database: their ids and times, nothing they contained."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import RecordingDeleted
from resources.database.database import Database
from resources.database.tables import deletions

# Seconds after a request during which a complete deletion is checked again: a step that was interrupted may have
# written something more. The first check follows a minute later, each next one after twice the time.
CHECKED_FOR_S, FIRST_CHECK_S = 7200.0, 60.0


class Deletion(NamedTuple):
    """A request to delete a recording, and when that was complete; times in seconds since the epoch."""

    recording_id: str
    requested_at: float
    completed_at: float | None
    checked_at: float | None


class Deletions(ConfigurableResource[Any]):
    """Requests to delete recordings; none of these recordings is ever admitted again."""

    database: Database

    def request(self, recording_id: str) -> Deletion:
        """Store a request, unless there is one; return it."""
        row = self.database.insert(deletions).values(recording_id=recording_id, requested_at=time.time())
        with self.database.begin() as connection:
            connection.execute(row.on_conflict_do_nothing())
            return _read(connection, deletions.c.recording_id == recording_id)[0]

    def get(self, recording_id: str) -> Deletion | None:
        """Return the request to delete a recording; None if there is none."""
        with self.database.begin() as connection:
            return next(iter(_read(connection, deletions.c.recording_id == recording_id)), None)

    def check(self, recording_id: str) -> None:
        """Raise RecordingDeleted if the deletion of a recording was requested."""
        if self.get(recording_id) is not None:
            raise RecordingDeleted(recording=recording_id, hint="Its id can't be used again.")

    def complete(self, recording_id: str) -> None:
        """Record that nothing is left of a recording."""
        now = time.time()
        values: dict[str, Any] = {"completed_at": sa.func.coalesce(deletions.c.completed_at, now), "checked_at": now}
        with self.database.begin() as connection:
            connection.execute(sa.update(deletions).where(deletions.c.recording_id == recording_id).values(values))

    def due(self, now: float, limit: int) -> list[str]:
        """Return the recordings that are to be deleted, or checked again, now; those requested first come first."""
        checked, requested = deletions.c.checked_at, deletions.c.requested_at
        again = sa.and_(
            requested > now - CHECKED_FOR_S, now - checked > checked - requested, checked < now - FIRST_CHECK_S
        )
        where = sa.or_(deletions.c.completed_at.is_(None), again)
        with self.database.begin() as connection:
            return [one.recording_id for one in _read(connection, where, limit)]


def without_deleted(connection: sa.Connection, recording_ids: Sequence[str]) -> list[str]:
    """Return the recordings whose deletion wasn't requested, in order, for a projection's transaction."""
    if not recording_ids:
        return []
    query = sa.select(deletions.c.recording_id).where(deletions.c.recording_id.in_(recording_ids))
    deleted = set(connection.scalars(query))
    return [one for one in recording_ids if one not in deleted]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool], limit: int | None = None) -> list[Deletion]:
    columns = [deletions.c[name] for name in Deletion._fields]
    query = sa.select(*columns).where(where).order_by(deletions.c.requested_at).limit(limit)
    return [Deletion(*row) for row in connection.execute(query)]

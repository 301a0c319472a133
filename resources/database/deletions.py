"""Recordings whose deletion was requested, in the product's database: their ids and times, nothing they contained."""

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.deletion import LOGS_NOT_EMPTY
from domain.errors import RecordingDeleted
from resources.database.database import Database, storable
from resources.database.tables import deletions

# Seconds after a request during which a complete deletion is checked again: a step that was interrupted may have
# written something more. The first check follows a minute later, each next one after twice the time.
CHECKED_FOR_S, FIRST_CHECK_S = 7200.0, 60.0


class Deletion(NamedTuple):
    """A request to delete a recording, and when that was complete; times in seconds since the epoch.

    `left` is what couldn't be deleted, and `problem` why the last attempt failed.
    """

    recording_id: str
    requested_at: float
    completed_at: float | None
    checked_at: float | None
    left: tuple[str, ...] = ()
    problem: str | None = None


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

    def complete(self, recording_id: str, left: Sequence[str]) -> list[str]:
        """Record that nothing is left of a recording but this; return what no attempt could delete."""
        now = time.time()
        done: dict[str, Any] = {"completed_at": sa.func.coalesce(deletions.c.completed_at, now), "checked_at": now}
        return self._record(recording_id, left, {**done, "problem": None})

    def add_left(self, recording_id: str, left: Sequence[str]) -> None:
        """Record what an attempt couldn't delete: a later one doesn't see it any more."""
        if left:
            self._record(recording_id, left, {})

    def fail(self, recording_id: str, problem: str) -> None:
        """Record why an attempt to delete a recording failed."""
        self._record(recording_id, [], {"problem": storable(problem)})

    def _record(self, recording_id: str, left: Sequence[str], values: dict[str, Any]) -> list[str]:
        """Update a request, and add to what couldn't be deleted; return all of that."""
        where = deletions.c.recording_id == recording_id
        with self.database.begin() as connection:
            earlier = [one for known in _read(connection, where) for one in known.left if one != LOGS_NOT_EMPTY]
            merged = list(dict.fromkeys([*earlier, *left]))
            values["not_deleted"] = json.dumps(merged)
            connection.execute(sa.update(deletions).where(where).values(values))
        return merged

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
    own = deletions.c
    columns = (own.recording_id, own.requested_at, own.completed_at, own.checked_at, own.not_deleted, own.problem)
    rows = connection.execute(sa.select(*columns).where(where).order_by(own.requested_at).limit(limit))
    return [Deletion(*row[:4], tuple(json.loads(row[4] or "[]")), row[5]) for row in rows]

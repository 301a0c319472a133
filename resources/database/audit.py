"""The audit log: who changed what, in the product's database. It has no secrets and no text of a transcript."""

import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from resources.database.database import Database, fitting, storable
from resources.database.tables import audit

DONE, FAILED = "done", "failed"


class Entry(NamedTuple):
    """One change: `at` in seconds since the epoch, `subject` what it was about if not a recording.

    `outcome` is None while the change is being made, or if its process was killed: it may have been made.
    """

    seq: int
    at: float
    who: str
    action: str
    recording_id: str | None
    subject: str | None
    outcome: str | None
    details: str | None


class Audit(ConfigurableResource[Any]):
    """Appends entries, and lists them; nothing deletes any."""

    database: Database

    def begin(self, who: str, action: str, recording_id: str | None = None, subject: str | None = None) -> int:
        """Append an entry before a change is made, and return its number: without an entry there is no change."""
        row: dict[str, Any] = {
            "at": time.time(),
            "who": fitting(who, audit.c.who),
            "action": action,
            "recording_id": fitting(recording_id, audit.c.recording_id),
            "subject": fitting(subject, audit.c.subject),
        }
        with self.database.begin() as connection:
            return connection.execute(sa.insert(audit).values(row).returning(audit.c.seq)).scalar_one()

    def end(self, seq: int, outcome: str, details: str | None = None) -> None:
        """Add how a change ended to its entry."""
        change = sa.update(audit).where(audit.c.seq == seq)
        with self.database.begin() as connection:
            connection.execute(change.values(outcome=outcome, details=fitting(details, audit.c.details)))

    def entries(
        self,
        *,
        recording_id: str | None = None,
        since: float | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Return the newest entries, newest first.

        `recording_id` are those about a recording, `since` those after a time, `before` those before an entry.
        """
        query = sa.select(*(audit.c[name] for name in Entry._fields)).order_by(audit.c.seq.desc()).limit(limit)
        if recording_id is not None:
            named = storable(recording_id)
            # Statements of consent can name a recording.
            query = query.where(sa.or_(audit.c.recording_id == named, audit.c.subject == named))
        if since is not None:
            query = query.where(audit.c.at >= since)
        if before is not None:
            query = query.where(audit.c.seq < before)
        with self.database.begin() as connection:
            return [Entry(*row) for row in connection.execute(query)]

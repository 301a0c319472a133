"""The history of each recording's corrections, in the product's database: it grows until the recording is deleted."""

import json
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from dagster import ConfigurableResource
from sqlalchemy.exc import IntegrityError

from domain.corrections.edits import AnyEdit, Entry, check_undo
from domain.corrections.gathered import Corrections, gather
from domain.errors import OutOfDate, TransientError
from resources.database.database import Database, storable
from resources.database.tables import corrections, meetings, rooms

ENTRY = [corrections.c[name] for name in ("number", "at", "who", "edit")]
# Attempts at the next number while other processes take it.
ATTEMPTS = 50


class CorrectionHistory(ConfigurableResource[Any]):
    """Edits of recordings, numbered from 1 in each."""

    database: Database

    def history(self, recording_id: str) -> list[Entry]:
        """Return all edits of a recording, in order, undone ones included."""
        with self.database.begin() as connection:
            return _history(connection, recording_id)

    def add(
        self,
        recording_id: str,
        edits: Sequence[AnyEdit],
        *,
        who: str | None = None,
        expected: int | None = None,
        request_id: str | None = None,
    ) -> list[Entry]:
        """Add edits, all or none, and return the whole history.

        `expected` is the number of the last edit that the writer knows: raises OutOfDate if there are others since, and
        InvalidInput if an edit can't be undone. A `request_id` whose edits were added before adds nothing again.
        """
        for _ in range(ATTEMPTS):
            try:
                with self.database.begin() as connection:
                    return self._add(connection, recording_id, edits, who, expected, request_id)
            except IntegrityError:
                # Another process took the number: with what it added, it may be out of date.
                continue
        raise TransientError("too many edits are added at once", recording=recording_id)

    def erase(self, recording_id: str) -> None:
        """Delete all edits of a recording, which is itself deleted."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(corrections).where(corrections.c.recording_id == recording_id))

    def gathered(self, recording_id: str) -> Corrections:
        """Return what stands; the settings of the meeting's room say which of it generated texts are made from."""
        of_room = sa.select(rooms.c.texts_after_names, rooms.c.texts_after_words)
        of_room = of_room.join(meetings, rooms.c.name.in_([meetings.c.room, meetings.c.meeting_name]))
        with self.database.begin() as connection:
            found = _history(connection, recording_id)
            ways = connection.execute(of_room.where(meetings.c.recording_id == recording_id)).first() if found else None
        return gather(found, names=ways[0], words=ways[1]) if ways else gather(found)

    def number(self, recording_id: str) -> int:
        """Return the number of a recording's last edit; 0 if it has none."""
        query = sa.select(sa.func.max(corrections.c.number)).where(corrections.c.recording_id == recording_id)
        with self.database.begin() as connection:
            return connection.scalar(query) or 0

    def last(self) -> dict[str, int]:
        """Return the number of the last edit of each recording that has any."""
        query = sa.select(corrections.c.recording_id, sa.func.max(corrections.c.number))
        with self.database.begin() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(corrections.c.recording_id))}

    def after(self, seq: int, limit: int = 200) -> list[tuple[int, str, float]]:
        """Return the next edits of all recordings after a number: their numbers, recordings and times."""
        columns = corrections.c.seq, corrections.c.recording_id, corrections.c.at
        query = sa.select(*columns).where(corrections.c.seq > seq).order_by(corrections.c.seq).limit(limit)
        with self.database.begin() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def _add(
        self,
        connection: sa.Connection,
        recording_id: str,
        edits: Sequence[AnyEdit],
        who: str | None,
        expected: int | None,
        request_id: str | None,
    ) -> list[Entry]:
        # Readers continue after the last number of all recordings that they saw.
        self.database.commit_in_order(connection, corrections)
        found = _history(connection, recording_id)
        if request_id is not None and _is_known(connection, recording_id, request_id):
            return found
        last = found[-1].number if found else 0
        if expected is not None and expected != last:
            raise OutOfDate(
                f"the transcript was edited meanwhile: its last edit is {last}, not {expected}",
                recording=recording_id,
                hint="See what changed in its history, and send your edit with this number as version.",
            )
        now = time.time()
        for number, edit in enumerate(edits, last + 1):
            check_undo(edit, number)
            found.append(Entry(number=number, at=now, who=storable(who), edit=edit))
        rows: list[dict[str, Any]] = [
            {
                **entry.model_dump(include={"number", "at", "who"}),
                "recording_id": recording_id,
                "request_id": request_id,
                "edit": json.dumps(entry.edit.model_dump(mode="json")),
            }
            for entry in found[len(found) - len(edits) :]
        ]
        if rows:
            connection.execute(sa.insert(corrections), rows)
        return found


def _history(connection: sa.Connection, recording_id: str) -> list[Entry]:
    query = sa.select(*ENTRY).where(corrections.c.recording_id == recording_id).order_by(corrections.c.number)
    return [
        Entry.model_validate({**row._asdict(), "edit": json.loads(row.edit)}) for row in connection.execute(query).all()
    ]


def _is_known(connection: sa.Connection, recording_id: str, request_id: str) -> bool:
    query = sa.select(corrections.c.seq).where(
        corrections.c.recording_id == recording_id, corrections.c.request_id == request_id
    )
    return connection.execute(query.limit(1)).first() is not None

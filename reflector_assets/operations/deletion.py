"""Deletes a recording wholly, on request: from the stores, the database, Dagster and Zulip.

The request is stored first; every part can be repeated. Whatever stops a deletion, the sensor `delete_recordings` or
the next command finishes it.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import dagster as dg

from domain.deletion import LOGS_NOT_EMPTY, MADE_ELSEWHERE, ROOM_STATEMENTS, TRACKS_UNKNOWN, WEBHOOKS_SENT
from domain.errors import InvalidInput, NotFound, ReflectorError, TransientError
from domain.notifications import deleted_text, failure_mark, page
from domain.recording import check_recording_id, folder
from domain.redaction import redact_urls
from reflector_assets import tags
from reflector_assets.operations.archiving import delete_run
from reflector_assets.operations.ending import end_runs
from reflector_assets.partitions import RECORDINGS, RETIRED
from reflector_assets.runtime.dagster_internals import erasure as dagster_events
from reflector_assets.runtime.instance import database_errors
from resources.call_cache import CallCache
from resources.database.catalogue import Catalogue
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.deletions import Deletions
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox
from resources.database.shares import Shares
from resources.http import one_line
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.zulip_messages import Messages
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

REASON = "deleted on request"
# Seconds for a reader to end that keeps SQLite's log from being emptied.
READER_S = 2.0


class Eraser(NamedTuple):
    """Deletes recordings by all parts of the deployment that have something of them."""

    instance: dg.DagsterInstance
    store: Store
    bucket: Store
    source: Source
    inbox: Inbox
    messages: Messages
    call_cache: CallCache
    leaving: OutgoingMode

    @property
    def deletions(self) -> Deletions:
        """Return the requests."""
        return Deletions(database=self.inbox.database)

    def check_known(self, recording_id: str) -> None:
        """Raise InvalidInput for what can't be a recording's id, and NotFound if nothing is known of it."""
        check_recording_id(recording_id)
        if not (
            self.instance.has_dynamic_partition(RECORDINGS, recording_id)
            or self.deletions.get(recording_id) is not None
            or bool(self.inbox.of_recording(recording_id))
            or next(iter(self.store.list_remnants(folder(recording_id))), None) is not None
        ):
            raise NotFound(
                "there is no such recording",
                recording=recording_id,
                hint="`reflector list --all` shows the recordings.",
            )

    def delete(self, recording_id: str, seconds: float) -> list[str]:
        """Delete what is left of a recording whose deletion was requested; return what no attempt could delete.

        Waits up to `seconds` for its runs to end. Raises TransientError or PermanentError that names what is left; then
        everything else is deleted.
        """
        try:
            with database_errors():
                self._delete(recording_id, seconds)
                left = self._empty_logs()
        except ReflectorError as error:
            self.deletions.fail(recording_id, redact_urls(one_line(str(error))))
            raise
        return self.deletions.complete(recording_id, left)

    def _delete(self, recording_id: str, seconds: float) -> None:
        """Delete all parts, and store what can't be deleted."""
        failed: list[ReflectorError] = []
        for name in (RECORDINGS, RETIRED):
            if self.instance.has_dynamic_partition(name, recording_id):
                self.instance.delete_dynamic_partition(name, recording_id)
        end_runs(self.instance, recording_id, seconds)
        # The database comes last: the others' writers read it.
        for part in (self._edit_messages, self._erase_files, self._erase_events, self._erase_rows):
            try:
                self.deletions.add_left(recording_id, part(recording_id))
            except ReflectorError as error:
                failed.append(error.at(recording=recording_id))
        if failed:
            raise next((one for one in failed if isinstance(one, TransientError)), failed[0])

    def _edit_messages(self, recording_id: str) -> list[str]:
        """Replace the messages in Zulip."""
        link = page(self.leaving.page_url, recording_id)
        marks = {f"transcript:{recording_id}": f"({link})", f"failure:{recording_id}": failure_mark(recording_id)}
        known = {key: record for key in marks if (record := self.messages.record(key))}
        if not self.messages.zulip.is_set or self.leaving.mode != "live":
            return [f"message {one.message_id} in Zulip: edit it by hand" for one in known.values() if one.message_id]
        left = [self.messages.retract(key, deleted_text(recording_id), marks[key]) for key in known]
        return [one for one in left if one]

    def _erase_files(self, recording_id: str) -> list[str]:
        """Delete the cached calls and what is in the stores, at last the description that names audio at Daily."""
        self.call_cache.erase(recording_id)
        try:
            left = self._erase_audio(recording_id)
        except ReflectorError:
            erasure.erase_folder(self.store, recording_id, described=True)
            raise
        erasure.erase_folder(self.store, recording_id)
        return left

    def _erase_audio(self, recording_id: str) -> list[str]:
        if self.leaving.mode != "live":
            return [MADE_ELSEWHERE]
        try:
            described = erasure.describe_recording(self.store, self.source, recording_id)
        except (NotFound, InvalidInput):
            earlier = self.deletions.get(recording_id)
            return [] if earlier and earlier.completed_at else [TRACKS_UNKNOWN]
        erasure.audio_of(self.store, self.bucket, described).delete(REASON)
        return []

    def _erase_events(self, recording_id: str) -> list[str]:
        """Delete Dagster's runs and events."""
        runs = [run.run_id for run in self.instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}))]
        dagster_events.erase_partition(self.instance, recording_id, runs)
        for run_id in runs:
            delete_run(self.instance, run_id)
        return []

    def _erase_rows(self, recording_id: str) -> list[str]:
        """Delete the rows of the product's database."""
        database = self.inbox.database
        consents = Consents(database=database)
        meeting = consents.meeting(recording_id)
        Catalogue(database=database).erase(recording_id)
        CorrectionHistory(database=database).erase(recording_id)
        Shares(database=database).erase(recording_id)
        if sent := Deliveries(database=database).erase(recording_id):
            # The next attempt wouldn't know it.
            self.deletions.add_left(recording_id, [WEBHOOKS_SENT.format(count=sent)])
        if meeting is None:
            self.inbox.erase(recording_id)
        else:
            self.inbox.erase(recording_id, meeting.meeting_name or meeting.room, meeting.started_at)
        shared = consents.erase(recording_id)
        return [ROOM_STATEMENTS.format(count=shared)] if shared else []

    def _empty_logs(self) -> list[str]:
        logs: list[Callable[[], bool]] = [
            self.inbox.database.empty_log,
            lambda: dagster_events.empty_logs(self.instance),
        ]
        return [] if all(_eventually(empty) for empty in logs) else [LOGS_NOT_EMPTY]


def _eventually(empty: Callable[[], bool]) -> bool:
    end = time.monotonic() + READER_S
    while not (done := empty()) and time.monotonic() < end:
        time.sleep(0.1)
    return done

"""Takes over finished transcripts of the old system as recordings of our own.

Their files are written first, then their materializations are reported, and the partition is added last: a transcript
counts as taken over when it has one. After a kill, the next call does the one at hand again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

import dagster as dg

from domain.consent import Meeting
from domain.errors import DEFECTS, NotFound, PermanentError, ReflectorError, reason
from domain.old_contents import OldContent, Parts, convert
from domain.old_transcripts import FINISHED, OldListed, could_be_of, created_before
from domain.recording import check_recording_id, folder
from domain.results import MixedAudio
from domain.rooms import base_name
from reflector_assets import tags
from reflector_assets.eventlog import projections
from reflector_assets.operations import taken_over_parts
from reflector_assets.partitions import RECORDINGS, RETIRED
from reflector_assets.runtime.instance import database_errors
from reflector_assets.staleness import AssetGraph, is_taken_over, latest_of
from resources.database.catalogue import Catalogue, CatalogueRow
from resources.database.consents import Consents
from resources.database.deletions import Deletions
from resources.old_system.contents import OldContents
from resources.store import erasure
from resources.store.base import Store

Outcome = Literal["new", "known", "deleted", "unfinished", "failed"]
NO_AUDIO = "the old system had none any more"
MOST_OF_ROOM = 100_000


class Planned(NamedTuple):
    """What becomes of a listed transcript: a recording with an id, in the room of a meeting, or why none.

    `action_items` are those of the old system's database, if it is known.
    """

    listed: OldListed
    outcome: Outcome
    recording_id: str
    room_name: str = ""
    reason: str | None = None
    action_items: Any = None


class _Ours(NamedTuple):
    """A recording of ours, to compare with a listed transcript."""

    created_at: str | None
    duration: float


class TakingOver:
    """Takes transcripts over into an instance and a store; `graph` are the loaded assets."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        graph: AssetGraph,
        store: Store,
        bucket: Store,
        catalogue: Catalogue,
        old: OldContents,
    ) -> None:
        self._instance, self._graph, self._store, self._bucket = instance, graph, store, bucket
        self._catalogue, self._old = catalogue, old
        self._of_room: dict[str, list[CatalogueRow]] = {}

    def plan(self) -> Iterator[Planned]:
        """Yield what becomes of each transcript that the old system shows, oldest first, without reading any.

        Raises the errors of the old system's list. One that can't be examined is among those that failed.
        """
        listed = self._old.listed()
        with database_errors():
            while not projections.follow_recordings(self._instance, self._store, self._catalogue):
                pass
        for one in listed:
            try:
                with database_errors():
                    yield self._plan(one)
            except (ReflectorError, OSError, *DEFECTS) as error:
                yield Planned(one, "failed", one.id, reason=reason(error))

    def take(self, planned: Planned) -> Planned:
        """Take over a transcript that is new, of a known one its meeting's id; return it, or why that failed."""
        try:
            with database_errors():
                if planned.outcome == "new":
                    self._take(planned)
                elif planned.outcome == "known":
                    self._keep_meeting_id(planned.recording_id, planned.listed)
        except (ReflectorError, OSError, *DEFECTS) as error:
            return planned._replace(outcome="failed", reason=reason(error))
        return planned

    def _plan(self, listed: OldListed) -> Planned:
        if listed.status != FINISHED:
            return Planned(listed, "unfinished", listed.id, reason=f"its status is {listed.status}")
        only_there = self._old.known_only_there(listed.id)
        ids = [check_recording_id(one) for one in (only_there.recording_id, listed.id) if one]
        for one in ids:
            if self._deletions.get(one) is not None:
                return Planned(listed, "deleted", one, reason="it was deleted here")
            if self._is_known(one):
                return Planned(listed, "known", one)
        meeting = self._old.meeting(listed)
        if meeting and (ours := self._same(meeting, listed)):
            return Planned(listed, "known", ours, reason=f"it is of the recording {ours}")
        room_name = meeting or listed.room_name or ""
        return Planned(listed, "new", ids[0], room_name, action_items=only_there.action_items)

    def _is_known(self, recording_id: str) -> bool:
        found = any(self._instance.has_dynamic_partition(name, recording_id) for name in (RECORDINGS, RETIRED))
        return found or bool(self._instance.get_runs_count(dg.RunsFilter(tags={tags.PARTITION: recording_id})))

    def _same(self, room_name: str, listed: OldListed) -> str | None:
        """Return the recording of ours of the same meeting that a transcript is of."""
        base = base_name(room_name)
        if base not in self._of_room:
            self._of_room[base] = self._catalogue.filtered("", 0, MOST_OF_ROOM, room=base).items
        for row in self._of_room[base]:
            if row.room == room_name and _is_of(row, listed) and not self._is_taken_over(row.recording_id):
                return row.recording_id
        return None

    def _is_taken_over(self, recording_id: str) -> bool:
        return is_taken_over([latest_of(self._instance, "recording", recording_id)])

    @cached_property
    def _consents(self) -> Consents:
        return Consents(database=self._catalogue.database)

    @cached_property
    def _deletions(self) -> Deletions:
        return Deletions(database=self._catalogue.database)

    def _take(self, planned: Planned) -> None:
        content, topics = self._old.read(planned.listed.id)
        if content.status != FINISHED:
            raise PermanentError(f"its status has become {content.status}")
        recording_id = planned.recording_id
        page = self._old.system.page(content.id)
        parts = convert(recording_id, planned.room_name, page, content, topics, planned.action_items)
        mixed = self._take_audio(parts, content)
        values = taken_over_parts.write(self._store, parts, mixed)
        taken_over_parts.report(self._instance, self._graph, parts.recording, values)
        # A denial that is known already is followed from here on.
        self._consents.identify(Meeting.of(parts.recording))
        self._keep_meeting_id(recording_id, content)
        self._deletions.check(recording_id)
        self._instance.add_dynamic_partitions(RECORDINGS, [recording_id])

    def _keep_meeting_id(self, recording_id: str, listed: OldListed) -> None:
        """Store the old system's id of a recording's meeting, which statements of consent can name."""
        if listed.meeting_id and (meeting := self._consents.meeting(recording_id)):
            self._consents.add_alias(listed.meeting_id, meeting.meeting_name or recording_id)

    def _take_audio(self, parts: Parts, content: OldContent) -> MixedAudio:
        """Store the audio; where there is none, mark it as deleted, so that nobody waits for it."""
        from domain.audio.probe import open_audio  # noqa: PLC0415 - PyAV takes 0.1 s to load

        recording, duration = parts.recording, parts.padded_tracks.duration
        key = f"{folder(recording.id)}/audio.mp3"
        if not content.audio_deleted:
            try:
                with self._store.new_file(key) as target:
                    self._old.audio(content.id, target)
                    with open_audio(target):
                        pass
                peaks, stored = self._old.peaks(content.id), self._store.stat(key)
                return MixedAudio(key=key, sha256=stored.sha256, bytes=stored.bytes, duration=duration, peaks=peaks)
            except NotFound:
                pass
        erasure.audio_of(self._store, self._bucket, recording).delete(NO_AUDIO)
        return MixedAudio(key=key, sha256="", bytes=0, duration=duration, peaks=())


def _is_of(row: CatalogueRow, listed: OldListed) -> bool:
    """Return True if a listed transcript could be of a recording of ours, by when it was created and its duration."""
    begun = None if row.started_at is None else datetime.fromtimestamp(row.started_at, UTC).isoformat()
    ours = _Ours(begun, row.duration or 0.0)
    return could_be_of(ours, listed) if row.duration else not created_before(ours, listed)

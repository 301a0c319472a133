"""Recordings at Daily, described by its API or by the webhook that announced them; tracks are read from its bucket."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from dagster import ResourceDependency

from domain.daily import Verdict, judge, judge_event, judge_listed
from domain.errors import InvalidInput, NotFound, TransientError
from domain.recording import Recording, Track
from resources.daily.api import DailyAPI
from resources.database.inbox import Inbox
from resources.local_folder import LocalFolder
from resources.source import KnownParticipant, Source
from resources.store.base import Store


class _Bucket(Source):
    """Tracks as objects of Daily's bucket, under the keys that Daily gives."""

    bucket: ResourceDependency[Store]
    daily_domain: str | None = None

    @contextmanager
    def track(self, recording: Recording, track: Track) -> Iterator[Path]:
        try:
            with self.bucket.local(track.key) as path:
                yield path
        except NotFound as error:
            if error.recording:
                raise
            raise NotFound(
                f"Daily's bucket has no object {track.key}",
                recording=recording.id,
                track=track.index,
                hint="It may have been deleted, or DAILYCO_STORAGE_AWS_BUCKET_NAME names the wrong bucket.",
            ) from error


class DailySource(_Bucket):
    """Recordings described by Daily's API."""

    api: ResourceDependency[DailyAPI]

    def recording(self, recording_id: str) -> Recording:
        # The duration can stay null for a while after ready-to-download; it is then measured from the tracks.
        return _usable(recording_id, judge(self.api.recording(recording_id), self.daily_domain, ready=True))

    def participants(self, recording: Recording) -> list[KnownParticipant]:
        return self.api.participants(recording.mtg_session_id) if recording.mtg_session_id else []


class AnnouncedSource(_Bucket):
    """Recordings as announced by webhooks, for deployments without Daily's API key; participants have no names."""

    inbox: ResourceDependency[Inbox]

    def recording(self, recording_id: str) -> Recording:
        for item in reversed(self.inbox.of_recording(recording_id)):
            if item.source == "poll":
                verdict = judge_listed(item.body, self.daily_domain, patience_over=True)
            else:
                verdict = judge_event(item.body, self.daily_domain)
            if verdict.outcome == "accepted":
                return _usable(recording_id, verdict)
        raise NotFound("the recording was neither imported nor announced by Daily", recording=recording_id)

    def participants(self, recording: Recording) -> list[KnownParticipant]:  # noqa: ARG002
        return []


def _usable(recording_id: str, verdict: Verdict) -> Recording:
    described = verdict.recording
    if described is not None and described.id != recording_id:
        raise InvalidInput(f"Daily describes another recording, {described.id!r}", recording=recording_id)
    if verdict.outcome == "unfinished":
        raise TransientError(verdict.reason or "Daily is still processing it", recording=recording_id)
    if described is None or verdict.outcome != "accepted":
        raise InvalidInput(verdict.reason or "the recording can't be processed", recording=recording_id)
    return described.to_recording()


class Sources(Source):
    """Recordings imported from a folder, and Daily for all others."""

    imported: ResourceDependency[LocalFolder]
    daily: ResourceDependency[Source]

    def recording(self, recording_id: str) -> Recording:
        return self._source(recording_id).recording(recording_id)

    def participants(self, recording: Recording) -> list[KnownParticipant]:
        return self._source(recording.id).participants(recording)

    def track(self, recording: Recording, track: Track) -> AbstractContextManager[Path]:
        return self._source(recording.id).track(recording, track)

    def _source(self, recording_id: str) -> Source:
        return self.imported if self.imported.has(recording_id) else self.daily

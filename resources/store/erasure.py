"""The end of a recording's audio: a marker first, then every file with sound, then the proof that none is left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import NamedTuple

from pydantic import ValidationError

from domain.errors import AudioDeleted, NotFound, PermanentError, ReflectorError, TransientError
from domain.recording import Frozen, Recording, TrackName, folder
from resources.source import Source
from resources.store.base import Store

# Whatever else lies in a recording's folder may be sound.
TEXT = {".json", ".parquet", ".vtt", ".srt", ".md", ".txt"}
# So many keys are told one by one.
MOST_TOLD = 5


class AudioDeletion(Frozen):
    """The marker `audio_deleted.json`: why and when (ISO 8601) a recording's audio was given up for good.

    `proven_at` is when none of it was listed any more; null until then.
    """

    reason: str
    at: str
    proven_at: str | None = None


class Audio(NamedTuple):
    """Where the sound of one recording lies: in our store, and in the bucket that Daily writes its `tracks` to."""

    recording_id: str
    store: Store
    bucket: Store
    tracks: Sequence[str]

    def remnants(self) -> list[str]:
        """The keys of all that is left of it, old versions and half-written files included."""
        return [key for _, _, listed in self._places() for key in listed()]

    def delete(self, reason: str) -> int:
        """Delete what is left for good and prove that it is gone; returns how many objects went.

        It can be done again, and goes on, after any failure. Raises TransientError or PermanentError that names what
        stays.
        """
        marker = mark_deleted(self.store, self.recording_id, reason)
        failed: dict[str, ReflectorError] = {}
        gone = 0
        for place, known, listed in self._places():
            there: set[str] = set()
            try:
                there |= set(listed())
            except ReflectorError as error:
                failed["what is there"] = error
            for key in sorted(there | set(known)):
                try:
                    place.erase(key)
                    gone += key in there
                except ReflectorError as error:
                    failed[key] = error
        if failed:
            raise _failure(self.recording_id, failed)
        if left := self.remnants():
            raise TransientError(f"audio is still listed: {_some(left)}", recording=self.recording_id)
        if marker.proven_at is None:
            _write(self.store, self.recording_id, marker.model_copy(update={"proven_at": _now()}))
        return gone

    def _places(self) -> Iterator[tuple[Store, list[str], Callable[[], Iterable[str]]]]:
        """Each store with the keys that there must have been, and a list of those that there are."""
        own = folder(self.recording_id)
        made = [f"{own}/tracks/{index}.webm" for index in range(len(self.tracks))]
        imported = [key for key in self.tracks if key.startswith(f"{own}/")]
        yield self.store, [f"{own}/audio.mp3", *made, *imported], self._here
        if daily := [key for key in self.tracks if key not in imported]:
            yield self.bucket, daily, lambda: self._at_daily(daily)

    def _here(self) -> Iterator[str]:
        own = folder(self.recording_id)
        for key in self.store.list_remnants(own):
            if key.startswith(f"{own}/source/tracks/") or PurePosixPath(key).suffix.lower() not in TEXT:
                yield key

    def _at_daily(self, tracks: Sequence[str]) -> Iterator[str]:
        """The tracks, and with them all that was recorded at the same time: shared screens, cameras."""
        started = {name.recording_start_ms for key in tracks if (name := TrackName.parse(key))}
        for room in sorted({key.rpartition("/")[0] or key for key in tracks}):
            for key in self.bucket.list_remnants(room):
                name = TrackName.parse(key)
                if key in tracks or (name and name.recording_start_ms in started):
                    yield key


def audio_of(store: Store, bucket: Store, described: Recording) -> Audio:
    """Say where the audio of a recording lies."""
    return Audio(described.id, store, bucket, [track.key for track in described.tracks])


def describe_recording(store: Store, source: Source, recording_id: str) -> Recording:
    """The recording as it was described when it was processed, else as its source does now; raises as `Source` does."""
    try:
        return Recording.model_validate_json(store.read(f"{folder(recording_id)}/recording.json"))
    except (NotFound, ValidationError):
        return source.recording(recording_id)


def mark_deleted(store: Store, recording_id: str, reason: str) -> AudioDeletion:
    """Say for good that a recording's audio is given up, before any of it goes; what was said first stays."""
    if (marker := deletion_of(store, recording_id)) is None:
        marker = AudioDeletion(reason=reason, at=_now())
        _write(store, recording_id, marker)
    return marker


def deletion_of(store: Store, recording_id: str) -> AudioDeletion | None:
    """Why and when a recording's audio was given up; None when it wasn't."""
    try:
        return AudioDeletion.model_validate_json(store.read(_marker(recording_id)))
    except NotFound:
        return None


def is_deleted(store: Store, recording_id: str) -> bool:
    """Say whether a recording's audio was given up."""
    return store.exists(_marker(recording_id))


@contextmanager
def using_audio(store: Store, recording_id: str, writes: Sequence[str] = ()) -> Iterator[None]:
    """Surround what reads a recording's audio, or writes it under these keys.

    Raises AudioDeleted before the block, or after it when the audio was given up meanwhile: then what was written is
    removed again.
    """
    check_not_deleted(store, recording_id, writes)
    try:
        yield
    except Exception:
        # What was missing may have been deleted just now.
        check_not_deleted(store, recording_id, writes)
        raise
    check_not_deleted(store, recording_id, writes)


def check_not_deleted(store: Store, recording_id: str, writes: Sequence[str] = ()) -> None:
    """Raise AudioDeleted where a recording's audio was given up; what lies under the keys `writes` is removed first."""
    if deletion := deletion_of(store, recording_id):
        for key in writes:
            store.erase(key)
        raise AudioDeleted(deletion.reason, recording=recording_id, hint="Its text stays.")


def _failure(recording_id: str, failed: Mapping[str, ReflectorError]) -> ReflectorError:
    """One error for all keys: transient when another attempt can heal any of them."""
    passing = [error for error in failed.values() if isinstance(error, TransientError)]
    first = passing[0] if passing else next(iter(failed.values()))
    what = f"{len(failed)} objects with audio could not be deleted: {_some(list(failed))} ({first.what})"
    if not passing:
        return PermanentError(what, recording=recording_id, hint=first.hint)
    waits = [error.retry_after for error in passing if error.retry_after is not None]
    return TransientError(what, recording=recording_id, hint=first.hint, retry_after=max(waits, default=None))


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - MOST_TOLD} more" if len(keys) > MOST_TOLD else ""
    return ", ".join(keys[:MOST_TOLD]) + more


def _marker(recording_id: str) -> str:
    return f"{folder(recording_id)}/audio_deleted.json"


def _write(store: Store, recording_id: str, marker: AudioDeletion) -> None:
    store.write(_marker(recording_id), marker.model_dump_json(indent=1).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

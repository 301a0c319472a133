"""Permanent deletion of a recording's audio: first a marker, then every audio file, then a check that none is left."""

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

# Files with any other suffix in a recording's folder are treated as audio.
TEXT = {".json", ".parquet", ".vtt", ".srt", ".md", ".txt", ".gz"}
DESCRIPTION = "recording.json"
# Number of keys listed in an error message.
MOST_LISTED = 5


class AudioDeletion(Frozen):
    """The marker `audio_deleted.json`: why and when (ISO 8601) deletion of a recording's audio began.

    `proven_at` is when a listing no longer showed any of it; null until then.
    """

    reason: str
    at: str
    proven_at: str | None = None


class Audio(NamedTuple):
    """The locations of a recording's audio: our store, and the bucket that Daily writes its `tracks` to."""

    recording_id: str
    store: Store
    bucket: Store
    tracks: Sequence[str]

    def remnants(self) -> list[str]:
        """Return the keys of all audio left, including old versions and temporary files."""
        return [key for _, _, listed in self._places() for key in listed()]

    def delete(self, reason: str) -> int:
        """Delete the audio permanently and verify that it is gone; return the number of deleted objects.

        Can be repeated after any failure. Raises TransientError or PermanentError that names what is left.
        """
        marker = mark_deleted(self.store, self.recording_id, reason)
        failed: dict[str, ReflectorError] = {}
        gone = 0
        for place, known, listed in self._places():
            there: set[str] = set()
            try:
                there |= set(listed())
            except ReflectorError as error:
                failed["the list of files"] = error
            errors = _erase(place, there | set(known))
            failed |= errors
            gone += len(there - errors.keys())
        if failed:
            raise _failure(self.recording_id, failed)
        if left := self.remnants():
            raise TransientError(f"audio is still listed: {_some(left)}", recording=self.recording_id)
        if marker.proven_at is None:
            _write(self.store, self.recording_id, marker.model_copy(update={"proven_at": _now()}))
        return gone

    def _places(self) -> Iterator[tuple[Store, list[str], Callable[[], Iterable[str]]]]:
        """Yield each store with the keys that are expected in it, and a function that lists the existing ones."""
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
        """Yield the tracks and everything else of the same recording: shared screens, cameras."""
        started = {name.recording_start_ms for key in tracks if (name := TrackName.parse(key))}
        for room in sorted({key.rpartition("/")[0] or key for key in tracks}):
            for key in self.bucket.list_remnants(room):
                name = TrackName.parse(key)
                if key in tracks or (name and name.recording_start_ms in started):
                    yield key


def erase_folder(store: Store, recording_id: str, *, described: bool = False) -> None:
    """Delete everything in a recording's folder permanently, and verify that it is gone; raises as `Audio.delete`.

    The description, which names the tracks at Daily, stays if `described`.
    """
    own = folder(recording_id)
    excepted = {f"{own}/{DESCRIPTION}"} if described else set[str]()
    if failed := _erase(store, {*store.list_remnants(own)} - excepted):
        raise _failure(recording_id, failed)
    if left := sorted({*store.list_remnants(own)} - excepted):
        raise TransientError(f"files are still listed: {_some(left)}", recording=recording_id)


def _erase(store: Store, keys: Iterable[str]) -> dict[str, ReflectorError]:
    """Delete objects permanently; return the errors by key."""
    failed: dict[str, ReflectorError] = {}
    for key in sorted(keys):
        try:
            store.erase(key)
        except ReflectorError as error:
            failed[key] = error
    return failed


def audio_of(store: Store, bucket: Store, described: Recording) -> Audio:
    """Return the locations of a recording's audio."""
    return Audio(described.id, store, bucket, [track.key for track in described.tracks])


def describe_recording(store: Store, source: Source, recording_id: str) -> Recording:
    """Return the description stored when the recording was processed, else the source's; raises its errors."""
    try:
        return Recording.model_validate_json(store.read(f"{folder(recording_id)}/{DESCRIPTION}"))
    except (NotFound, ValidationError):
        return source.recording(recording_id)


def mark_deleted(store: Store, recording_id: str, reason: str) -> AudioDeletion:
    """Write the marker that a recording's audio is to be deleted, unless there is one; return the marker."""
    if (marker := deletion_of(store, recording_id)) is None:
        marker = AudioDeletion(reason=reason, at=_now())
        _write(store, recording_id, marker)
    return marker


def deletion_of(store: Store, recording_id: str) -> AudioDeletion | None:
    """Return the marker of a recording whose audio was deleted; None if there is none."""
    try:
        return AudioDeletion.model_validate_json(store.read(_marker(recording_id)))
    except NotFound:
        return None


def is_deleted(store: Store, recording_id: str) -> bool:
    """Return True if a recording's audio was deleted."""
    return store.exists(_marker(recording_id))


@contextmanager
def using_audio(store: Store, recording_id: str, writes: Sequence[str] = ()) -> Iterator[None]:
    """Guard a block that reads a recording's audio, or writes it under the keys `writes`.

    Raises AudioDeleted before the block, or after it if the audio was deleted meanwhile; then also deletes the written
    files.
    """
    check_not_deleted(store, recording_id, writes)
    try:
        yield
    except Exception:
        # The error may be due to a deletion during the block.
        check_not_deleted(store, recording_id, writes)
        raise
    check_not_deleted(store, recording_id, writes)


def check_not_deleted(store: Store, recording_id: str, writes: Sequence[str] = ()) -> None:
    """Raise AudioDeleted if a recording's audio was deleted, after deleting the files under the keys `writes`."""
    if deletion := deletion_of(store, recording_id):
        for key in writes:
            store.erase(key)
        raise AudioDeleted(deletion.reason, recording=recording_id, hint="Its text stays.")


def _failure(recording_id: str, failed: Mapping[str, ReflectorError]) -> ReflectorError:
    """Return one error for all keys: transient if another attempt may succeed for any of them."""
    transient = [error for error in failed.values() if isinstance(error, TransientError)]
    first = transient[0] if transient else next(iter(failed.values()))
    what = f"{len(failed)} objects could not be deleted: {_some(list(failed))} ({first.what})"
    if not transient:
        return PermanentError(what, recording=recording_id, hint=first.hint)
    waits = [error.retry_after for error in transient if error.retry_after is not None]
    return TransientError(what, recording=recording_id, hint=first.hint, retry_after=max(waits, default=None))


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - MOST_LISTED} more" if len(keys) > MOST_LISTED else ""
    return ", ".join(keys[:MOST_LISTED]) + more


def _marker(recording_id: str) -> str:
    return f"{folder(recording_id)}/audio_deleted.json"


def _write(store: Store, recording_id: str, marker: AudioDeletion) -> None:
    store.write(_marker(recording_id), marker.model_dump_json(indent=1).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

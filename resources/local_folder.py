"""Recordings imported from a folder of tracks; the original files are copied into the store."""

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import TypeAdapter, ValidationError

from domain.errors import InvalidInput, NotFound, UnreadableAudio
from domain.recording import Frozen, Recording, Track, TrackName, check_recording_id, folder
from resources.http import as_list, as_object
from resources.source import KnownParticipant, Source
from resources.store.base import Store
from resources.store.erasure import check_not_deleted, using_audio

AUDIO_SUFFIXES = {"", ".webm", ".ogg", ".opus", ".wav", ".m4a", ".mp4", ".mp3", ".flac", ".aac", ".mka", ".mkv"}
PARTICIPANTS = TypeAdapter(tuple[KnownParticipant, ...])


class ImportResult(NamedTuple):
    """The imported recording, notes on single tracks, and whether the store changed."""

    recording: Recording
    notes: tuple[str, ...]
    changed: bool


class LocalFolder(Source):
    """Recordings copied into the store by `import_folder`."""

    store: Store

    def has(self, recording_id: str) -> bool:
        """Return True if the recording was imported."""
        return self.store.exists(_source_key(recording_id, "recording.json"))

    def is_taken_over(self, recording_id: str) -> bool:
        """Return True if the recording was taken over from the old system."""
        try:
            return self.recording(recording_id).taken_over is not None
        except NotFound:
            return False

    def recording(self, recording_id: str) -> Recording:
        return Recording.model_validate_json(self._read(recording_id, "recording.json"))

    def participants(self, recording: Recording) -> list[KnownParticipant]:
        return list(PARTICIPANTS.validate_json(self._read(recording.id, "participants.json")))

    def track(self, recording: Recording, track: Track) -> AbstractContextManager[Path]:  # noqa: ARG002
        return self.store.local(track.key)

    def _read(self, recording_id: str, name: str) -> bytes:
        try:
            return self.store.read(_source_key(recording_id, name))
        except NotFound:
            raise NotFound(
                "the recording was never imported",
                recording=recording_id,
                hint="Import it with `reflector import FOLDER`.",
            ) from None

    def import_folder(
        self,
        folder: Path,
        *,
        recording_id: str | None = None,
        replace: bool = False,
        skip_unreadable: bool = False,
        check_id: Callable[[str], None] = lambda _: None,
    ) -> ImportResult:
        """Copy a folder's tracks and descriptions into the store; after an error nothing was written.

        Reads `recording.json` and `participants.json` in the format of Daily's API if they exist; otherwise the
        folder's name is the id and the file names are the participants' names. Raises InvalidInput, UnreadableAudio,
        AudioDeleted if the audio under this id was deleted permanently, and what `check_id` raises for the id.
        """
        described = _described(folder)
        chosen = check_recording_id(recording_id or str(described.get("id") or folder.resolve().name))
        check_id(chosen)
        check_not_deleted(self.store, chosen)
        files, notes = _tracks(folder, chosen, described, skip_unreadable=skip_unreadable)
        recording = _recording(chosen, folder, described, files)
        people = _participants(folder, chosen, recording)
        if (before := self._already(chosen)) is not None:
            if before == (recording, people):
                return ImportResult(recording, notes, changed=False)
            if not replace:
                raise InvalidInput(
                    "a different recording was already imported under this id",
                    recording=chosen,
                    hint="Pass --replace to replace it with this folder, or --id to import under another id.",
                )
        with using_audio(self.store, chosen, [track.key for track in recording.tracks]):
            for track, file in zip(recording.tracks, files, strict=True):
                with self.store.new_file(track.key) as target:
                    shutil.copyfile(file, target)
        self.store.write(_source_key(chosen, "participants.json"), PARTICIPANTS.dump_json(tuple(people), indent=1))
        # The description is written last: with it, the recording counts as imported.
        self.store.write(_source_key(chosen, "recording.json"), recording.model_dump_json(indent=1).encode())
        for key in self.store.list_keys(_source_key(chosen, "tracks")):
            if key not in {track.key for track in recording.tracks}:
                self.store.delete(key)
        return ImportResult(recording, notes, changed=True)

    def _already(self, recording_id: str) -> tuple[Recording, list[KnownParticipant]] | None:
        try:
            recording = self.recording(recording_id)
        except NotFound:
            return None
        return recording, self.participants(recording)


class _DailyTrack(Frozen, extra="ignore"):
    type: str = "audio"
    s3Key: str
    size: int | None = None


def _source_key(recording_id: str, name: str) -> str:
    return f"{folder(recording_id)}/source/{name}"


def _json(path: Path, recording_id: str) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{path.name} is not readable JSON: {error}", recording=recording_id) from error


def _described(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder", hint="Pass the folder that contains the tracks.")
    path = folder / "recording.json"
    if not path.exists():
        return {}
    described = _json(path, folder.name)
    if not isinstance(described, dict):
        raise InvalidInput("recording.json doesn't contain a JSON object", recording=folder.name)
    return cast(dict[str, Any], described)


def _audio_files(folder: Path, recording_id: str, described: dict[str, Any]) -> list[Path]:
    """Return the microphone tracks in the order of recording.json, otherwise by track start and name."""
    inside = folder / "tracks" if (folder / "tracks").is_dir() else folder
    found = {
        path.name: path
        for path in sorted(inside.iterdir())
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() in AUDIO_SUFFIXES
    }
    if described.get("tracks") is not None:
        by_stem = {path.stem if path.suffix else path.name: path for path in found.values()}
        try:
            listed = TypeAdapter(tuple[_DailyTrack, ...]).validate_python(described["tracks"])
        except ValidationError as error:
            raise InvalidInput(
                f"recording.json: {error.errors()[0]['msg']} in tracks", recording=recording_id
            ) from error
        files: list[Path] = []
        for track in listed:
            name = track.s3Key.rsplit("/", 1)[-1]
            kind = parsed.kind if (parsed := TrackName.parse(name)) else "cam-audio"
            if track.type != "audio" or kind != "cam-audio":
                continue
            if (file := by_stem.get(name) or found.get(name)) is None:
                raise InvalidInput(
                    "recording.json lists this track, but the folder has no such file",
                    recording=recording_id,
                    track=name,
                )
            files.append(file)
        return files
    named = [(path, TrackName.parse(path.name)) for path in found.values()]
    return [
        path
        for path, name in sorted(named, key=lambda pair: (pair[1].track_start_ms if pair[1] else 0, pair[0].name))
        if name is None or name.kind == "cam-audio"
    ]


def _tracks(
    folder: Path, recording_id: str, described: dict[str, Any], *, skip_unreadable: bool
) -> tuple[list[Path], tuple[str, ...]]:
    """Return the usable files and notes; raise the first unreadable file's error unless it is to be skipped."""
    from domain.audio.probe import probe  # noqa: PLC0415 - PyAV takes 0.1 s to load

    files = _audio_files(folder, recording_id, described)
    if not files and described.get("tracks") != []:
        raise InvalidInput(
            f"the folder {folder} contains no audio tracks",
            recording=recording_id,
            hint="Put one audio file per participant into it (WebM, Ogg, WAV, M4A, MP3 or FLAC).",
        )
    listed: list[dict[str, Any]] = described.get("tracks") or []
    sizes: dict[str, Any] = {str(track.get("s3Key", "")).rsplit("/", 1)[-1]: track.get("size") for track in listed}
    usable: list[Path] = []
    notes: list[str] = []
    for file in files:
        try:
            found = probe(file)
        except UnreadableAudio as error:
            error.at(recording=recording_id, track=file.name)
            if not skip_unreadable:
                error.hint = "Remove the file, or pass --skip-unreadable to import without it."
                raise
            notes.append(f"{error} (left out)")
            continue
        notes += [f"track {file.name}: {note}" for note in found.notes]
        expected, size = sizes.get(file.stem) or sizes.get(file.name), file.stat().st_size
        if isinstance(expected, int) and size < expected:
            notes.append(f"track {file.name}: incomplete, {size} of {expected} bytes; the readable part is used")
        usable.append(file)
    if files and not usable:
        raise UnreadableAudio("none of the recording's tracks can be read", recording=recording_id)
    return usable, tuple(notes)


def _recording(recording_id: str, folder: Path, described: dict[str, Any], files: list[Path]) -> Recording:
    tracks: list[Track] = []
    for index, file in enumerate(files):
        name = TrackName.parse(file.name)
        tracks.append(
            Track(
                index=index,
                key=_source_key(recording_id, f"tracks/{file.name}"),
                participant_id=name.participant_id if name else file.stem,
                size=file.stat().st_size,
                sha256=_sha256(file),
                offset_s=name.offset_s if name else None,
            )
        )
    start = next((n.recording_start_ms / 1000 for f in files if (n := TrackName.parse(f.name))), None)
    try:
        return Recording(
            id=recording_id,
            room_name=described.get("room_name") or described.get("room") or folder.resolve().name,
            start_ts=described.get("start_ts") if described.get("start_ts") is not None else start,
            duration=described.get("duration"),
            mtg_session_id=described.get("mtgSessionId"),
            tracks=tuple(tracks),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(f"recording.json: {first['loc'][0]}: {first['msg']}", recording=recording_id) from error


def _participants(folder: Path, recording_id: str, recording: Recording) -> list[KnownParticipant]:
    path = folder / "participants.json"
    if not path.exists():
        # Daily's track names don't contain the participant's name; any other file name is taken as the name.
        own = {t.participant_id for t in recording.tracks if TrackName.parse(t.key) is None}
        return [KnownParticipant(name, None, name) for name in recording.speakers() if name in own]
    content = _json(path, recording_id)
    fields = as_object(content)
    if (rows := as_list(content if fields is None else fields.get("data"))) is None:
        raise InvalidInput("participants.json contains neither a list nor an object with data", recording=recording_id)
    participants: list[KnownParticipant] = []
    for row in map(as_object, rows):
        if row is None or not isinstance(row.get("participant_id"), str):
            raise InvalidInput("participants.json: an entry has no participant_id", recording=recording_id)
        participants.append(KnownParticipant(row["participant_id"], row.get("user_id"), row.get("user_name")))
    return participants


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

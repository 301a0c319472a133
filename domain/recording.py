"""A recording, its tracks and its participants, as Daily describes them."""

import re
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, field_validator

from domain.errors import InvalidInput

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TRACK_KEY_PATTERN = re.compile(
    r"(?P<recording_start_ms>\d{10,16})-"
    r"(?P<participant_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})-"
    r"(?P<kind>[a-z]+-[a-z]+)-(?P<track_start_ms>\d{10,16})"
)


# A public file name; all other files are named after their asset.
FILE_NAMES = {"merged_words": "words.parquet"}


class Frozen(BaseModel):
    """Base of the values passed between assets: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrackName(Frozen):
    """The parsed name of a Daily raw track; times in Unix milliseconds (spec: Daily.co, track key)."""

    recording_start_ms: int
    participant_id: str
    kind: str
    track_start_ms: int

    @property
    def offset_s(self) -> float:
        """Seconds from the start of the recording to the start of the track (up to 0.2 s off the container's)."""
        return (self.track_start_ms - self.recording_start_ms) / 1000

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Parse the last component of a track key, with or without an extension; None if it isn't Daily's."""
        match = TRACK_KEY_PATTERN.match(name.rsplit("/", 1)[-1])
        return cls.model_validate(match.groupdict()) if match else None


class Track(Frozen):
    """One audio file of one participant; `key` locates it at its source, `offset_s` is parsed from its name."""

    index: int
    key: str
    participant_id: str
    size: int | None = None
    sha256: str | None = None
    offset_s: float | None = None


class Recording(Frozen):
    """One recording; `duration` in seconds is Daily's value, or null if Daily gave none, or 0.

    `language` is the room's setting; null selects the deployment's language.
    """

    id: str
    room_name: str
    start_ts: float | None = None
    duration: float | None = None
    mtg_session_id: str | None = None
    language: str | None = None
    tracks: tuple[Track, ...] = ()

    @field_validator("duration", mode="after")
    @classmethod
    def _known(cls, duration: float | None) -> float | None:
        return duration if duration is not None and duration > 0 else None

    def speakers(self) -> dict[str, int]:
        """Return speaker numbers by participant id, in the order in which their first tracks start."""
        first: dict[str, tuple[float, int]] = {}
        for track in self.tracks:
            at = (track.offset_s if track.offset_s is not None else 0.0, track.index)
            first[track.participant_id] = min(at, first.get(track.participant_id, at))
        return {participant: number for number, participant in enumerate(sorted(first, key=first.__getitem__))}


class Participant(Frozen):
    """One person of a recording; `speaker` is the speaker number in words, -1 without an audio track."""

    participant_id: str
    user_id: str | None = None
    name: str
    speaker: int


class Participants(RootModel[tuple[Participant, ...]]):
    """All participants of a recording, as a JSON list."""

    model_config = ConfigDict(frozen=True)

    def names(self) -> dict[int, str]:
        """Return names by speaker number, for participants with an audio track."""
        return {p.speaker: p.name for p in self.root if p.speaker >= 0}


def folder(recording_id: str) -> str:
    """Return the key prefix of all objects of a recording."""
    return f"recordings/{recording_id}"


def value_key(asset: str, recording_id: str) -> str:
    """Return the store's key of an asset's value."""
    return f"{folder(recording_id)}/{FILE_NAMES.get(asset, f'{asset}.json')}"


def check_recording_id(recording_id: str) -> str:
    """Return the id if it can be a partition key and a folder name; else raise InvalidInput."""
    if ID_PATTERN.fullmatch(recording_id):
        return recording_id
    excerpt = recording_id if len(recording_id) <= 60 else f"{recording_id[:57]}..."
    raise InvalidInput(
        f"{excerpt!r} ({len(recording_id)} characters) can't be a recording id",
        hint="Use 1 to 100 letters, digits, dots, dashes or underscores, starting with a letter or a digit.",
    )


def first_problem(error: ValidationError, subject: str) -> str:
    """Describe the first problem of invalid input by its field, or by `subject` if it affects all of it."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or subject}: {first['msg']}"


def name_participants(recording: Recording, known: Iterable[tuple[str, str | None, str | None]]) -> Participants:
    """Join tracks with (participant_id, user_id, user_name) rows; a missing name becomes "Speaker N".

    A participant with several tracks is one speaker; participants without a track have speaker -1.
    """
    by_id = {participant_id: (user_id, name) for participant_id, user_id, name in known}
    people: list[Participant] = []
    for participant_id, speaker in recording.speakers().items():
        user_id, name = by_id.pop(participant_id, (None, None))
        people.append(
            Participant(
                participant_id=participant_id,
                user_id=user_id,
                name=(name or "").strip() or f"Speaker {speaker + 1}",
                speaker=speaker,
            )
        )
    people += [
        Participant(participant_id=participant_id, user_id=user_id, name=(name or "").strip() or "Unknown", speaker=-1)
        for participant_id, (user_id, name) in by_id.items()
    ]
    return Participants(tuple(people))

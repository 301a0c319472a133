"""A recording, its tracks and its participants, as Daily describes them."""

import re
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, field_validator

from domain.errors import InvalidInput
from domain.names import best, of_speaker
from domain.problems import plain

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TRACK_KEY_PATTERN = re.compile(
    r"(?P<recording_start_ms>\d{10,16})-"
    r"(?P<participant_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})-"
    r"(?P<kind>[a-z]+-[a-z]+)-(?P<track_start_ms>\d{10,16})"
)


# What a recording was taken over from: the method of its texts, and the source of its duration.
OLD_SYSTEM = "old system"
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


class Participant(Frozen):
    """One person of a recording; `speaker` is the speaker number in words, -1 without an audio track.

    `other_speakers` are the numbers of the person's other sessions in words.parquet.
    """

    participant_id: str
    user_id: str | None = None
    name: str
    speaker: int
    other_speakers: tuple[int, ...] = Field(default=(), exclude_if=lambda value: not value)


class TakenOver(Frozen):
    """The transcript of the old system that a recording was taken over from: its id, its page, and its people."""

    id: str
    url: str
    participants: tuple[Participant, ...]


class Recording(Frozen):
    """One recording; `duration` in seconds is Daily's value, or null if Daily gave none, or 0.

    `language` is the room's setting; null selects the deployment's language. `vocabulary` is the room's list of terms.
    One that was taken over from the old system has no tracks.
    """

    id: str
    room_name: str
    start_ts: float | None = None
    duration: float | None = None
    mtg_session_id: str | None = None
    language: str | None = None
    tracks: tuple[Track, ...] = ()
    vocabulary: tuple[str, ...] = Field(default=(), exclude_if=lambda value: not value)
    taken_over: TakenOver | None = Field(default=None, exclude_if=lambda value: value is None)

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


class Participants(RootModel[tuple[Participant, ...]]):
    """All participants of a recording, as a JSON list."""

    model_config = ConfigDict(frozen=True)

    def names(self) -> dict[int, str]:
        """Return names by speaker number, for participants with an audio track."""
        return {number: p.name for p in self.root if p.speaker >= 0 for number in (p.speaker, *p.other_speakers)}

    def numbers(self) -> dict[int, int]:
        """Return the person's speaker number by the number of each other session of the person."""
        return {number: p.speaker for p in self.root for number in p.other_speakers}


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
    return f"{'.'.join(map(str, first['loc'])) or subject}: {plain(first['msg'])}"


def name_participants(recording: Recording, known: Iterable[tuple[str, str | None, str | None]]) -> Participants:
    """Join tracks with (participant_id, user_id, user_name) rows; a missing name becomes "Speaker N".

    Sessions with one user_id are one person, whose best name is used. A person with several tracks is one speaker;
    people without a track have speaker -1.
    """
    rows: dict[str, list[tuple[str | None, str | None]]] = {}
    for participant_id, user_id, name in known:
        rows.setdefault(participant_id, []).append((user_id, name))
    speakers = recording.speakers()
    sessions: dict[tuple[str, str], list[str]] = {}
    for participant_id in [*speakers, *(one for one in rows if one not in speakers)]:
        user_id = next((user_id for user_id, _ in rows.get(participant_id, ()) if user_id), None)
        sessions.setdefault(("user", user_id) if user_id else ("session", participant_id), []).append(participant_id)
    people: list[Participant] = []
    for (kind, key), ids in sessions.items():
        numbers = [speakers[one] for one in ids if one in speakers]
        name = best(name for one in ids for _, name in rows.get(one, ()))
        people.append(
            Participant(
                participant_id=ids[0],
                user_id=key if kind == "user" else None,
                name=name or (of_speaker(numbers[0]) if numbers else "Unknown"),
                speaker=numbers[0] if numbers else -1,
                other_speakers=tuple(numbers[1:]),
            )
        )
    return Participants(tuple(people))

"""A recording, its tracks and its participants, as Daily describes them."""

import re
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, RootModel

from domain.errors import InvalidInput

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TRACK_KEY_PATTERN = re.compile(
    r"(?P<recording_start_ms>\d{10,16})-"
    r"(?P<participant_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})-"
    r"(?P<kind>[a-z]+-[a-z]+)-(?P<track_start_ms>\d{10,16})"
)


class Frozen(BaseModel):
    """Base of every value that travels between assets: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrackName(Frozen):
    """What the name of a Daily raw track says; times in Unix milliseconds (spec: Daily.co, track key)."""

    recording_start_ms: int
    participant_id: str
    kind: str
    track_start_ms: int

    @property
    def offset_s(self) -> float:
        """Seconds from the recording's start to the track's, by its name (up to 0.2 s off the container's)."""
        return (self.track_start_ms - self.recording_start_ms) / 1000

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read the last component of a track key, with or without an extension; None when it isn't Daily's."""
        match = TRACK_KEY_PATTERN.match(name.rsplit("/", 1)[-1])
        return cls.model_validate(match.groupdict()) if match else None


class Track(Frozen):
    """One audio file of one participant; `key` locates it at its source, `offset_s` is what its name says."""

    index: int
    key: str
    participant_id: str
    size: int | None = None
    sha256: str | None = None
    offset_s: float | None = None


class Recording(Frozen):
    """One recording; `duration` in seconds is Daily's own figure and null when it gave none.

    `language` is what its room is set to; null where nothing is set, and the deployment's own is taken.
    """

    id: str
    room_name: str
    start_ts: float | None = None
    duration: float | None = None
    mtg_session_id: str | None = None
    language: str | None = None
    tracks: tuple[Track, ...] = ()

    def speakers(self) -> dict[str, int]:
        """Speaker number by participant id: participants in the order in which their first track begins."""
        first: dict[str, tuple[float, int]] = {}
        for track in self.tracks:
            at = (track.offset_s if track.offset_s is not None else 0.0, track.index)
            first[track.participant_id] = min(at, first.get(track.participant_id, at))
        return {who: number for number, who in enumerate(sorted(first, key=first.__getitem__))}


class Participant(Frozen):
    """One person of a recording; `speaker` is the number that words carry, -1 for who has no audio track."""

    participant_id: str
    user_id: str | None = None
    name: str
    speaker: int


class Participants(RootModel[tuple[Participant, ...]]):
    """Everyone of a recording, as a plain JSON list."""

    model_config = ConfigDict(frozen=True)

    def names(self) -> dict[int, str]:
        """Name by speaker number, for those who have an audio track."""
        return {p.speaker: p.name for p in self.root if p.speaker >= 0}


def folder(recording_id: str) -> str:
    """Key prefix of everything that belongs to one recording."""
    return f"recordings/{recording_id}"


def check_recording_id(recording_id: str) -> str:
    """Return the id when it can be a partition key and a folder name; raises InvalidInput."""
    if ID_PATTERN.fullmatch(recording_id):
        return recording_id
    shown = recording_id if len(recording_id) <= 60 else f"{recording_id[:57]}..."
    raise InvalidInput(
        f"{shown!r} ({len(recording_id)} characters) can't be a recording id",
        hint="Use 1 to 100 letters, digits, dots, dashes or underscores, beginning with a letter or a digit.",
    )


def name_participants(recording: Recording, known: Iterable[tuple[str, str | None, str | None]]) -> Participants:
    """Join tracks with (participant_id, user_id, user_name) rows; who has no name becomes "Speaker N".

    One participant can have several tracks and is still one speaker; a participant without a track is kept
    with speaker -1, so that nobody who was there is lost.
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

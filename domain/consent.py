"""Participants' consent to storing the audio of a meeting, and which recordings a statement is about."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints

from domain.daily import DailyRecording
from domain.recording import Recording
from domain.rooms import UUID_PATTERN, base_name, named_time

# Ids of recordings, meetings and rooms, and names of rooms.
MEETING_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
DAY_S = 86400.0
# Why audio was deleted.
DENIED = "consent was denied"

UserId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Consent(BaseModel):
    """One person's answer (spec: consent); without a `user_id` it counts for any participant of the meeting.

    With `whole_room` it is about all meetings of the room that the id names, past and future.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    consent_given: StrictBool
    user_id: UserId | None = None
    whole_room: StrictBool = False


class Statement(NamedTuple):
    """A stored answer: `seq` is its sequence number, `said_at` is in seconds since the epoch.

    `meeting_id` is what the statement names: a recording, a meeting or a room.
    """

    seq: int
    meeting_id: str
    user_id: str
    given: bool
    said_at: float
    whole_room: bool = False


class CopiedAnswer(NamedTuple):
    """An answer in the old system's dialog; `source` identifies it, `said_at` is in seconds since the epoch.

    `meeting_name` is the full name of Daily's room, which has the meeting's time.
    """

    source: str
    meeting_name: str
    user_id: str
    given: bool
    said_at: float


class Meeting(NamedTuple):
    """By what statements can name a recording's meeting; `started_at` in seconds since the epoch.

    `room` is the room's base name. `meeting_name` is its full name if that has the meeting's time, as only then it
    names one meeting; the same applies to Daily's `room_id`.
    """

    recording_id: str
    room: str | None = None
    meeting_name: str | None = None
    started_at: float | None = None
    mtg_session_id: str | None = None
    room_id: str | None = None

    @classmethod
    def of(cls, recording: Recording | DailyRecording) -> "Meeting":
        """Return the names of a recording's meeting that its description has."""
        base = base_name(recording.room_name)
        name = recording.room_name if recording.room_name != base else None
        return cls(recording.id, base or None, name, recording.start_ts, recording.mtg_session_id)

    def update(self, newer: "Meeting") -> "Meeting":
        """Return the meeting with what a newer description knows; what that doesn't know stays."""
        known: dict[str, Any] = {name: value for name, value in newer._asdict().items() if value is not None}
        return self._replace(**known)


S = TypeVar("S", bound=Statement)


def as_stored(meeting_id: str) -> str:
    """Return an id as statements and meetings are compared by it: a UUID in lower case, anything else as it is."""
    return meeting_id.lower() if re.fullmatch(UUID_PATTERN, meeting_id) else meeting_id


def latest_per_user(statements: Iterable[S]) -> list[S]:
    """Return the latest statement of each user, in the order in which they were made."""
    latest = {one.user_id: one for one in sorted(statements, key=lambda one: one.seq)}
    return sorted(latest.values(), key=lambda one: one.seq)


def could_be_about(statement: Statement, meeting: Meeting) -> bool:
    """Return True if a statement that matches no recording could be about this one, as far as its ids are known.

    A room's name, however it is capitalized, means the meetings of that room within a day of the time in the name, or
    else of the statement. An id of Daily's means any meeting within a day whose session's or room's id isn't known.
    """
    room, at = statement.meeting_id, statement.said_at
    if (named := named_time(room)) is not None:
        room, at = base_name(room), named
    if meeting.started_at is not None and abs(at - meeting.started_at) > DAY_S:
        return False
    if re.fullmatch(UUID_PATTERN, room):
        return meeting.mtg_session_id is None or meeting.room_id is None
    return meeting.room is not None and room.casefold() == meeting.room.casefold()


def reason_held(holding: Sequence[Statement]) -> str:
    """Return why a recording isn't published while these unmatched denials could be about it."""
    first = f"the denial of consent for {holding[0].meeting_id} matches no recording yet and could be about this one"
    return first if len(holding) == 1 else f"{first}, as could {len(holding) - 1} more"

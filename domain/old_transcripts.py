"""The old system's rooms, meetings and transcripts (spec: the real old system), and which transcript is of a recording.

Durations of the old system are in milliseconds.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from domain.errors import NotFound, PermanentError, TransientError
from domain.recording import first_problem
from domain.results import Transcript

FINISHED = "ended"
# Both systems use Daily's duration, in whole seconds; without it, each measures the same tracks.
DURATION_TOLERANCE_S, SAME_DURATION_S = 2.0, 0.5
# The clocks of two servers.
CLOCK_TOLERANCE_S = 300.0


class Answered(BaseModel):
    """An object in an answer of the old system; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def read(cls, described: object) -> Self:
        """Validate parsed JSON; raise a PermanentError that names the invalid field."""
        try:
            return cls.model_validate(described)
        except ValidationError as error:
            problem = first_problem(error, "the answer")
            raise PermanentError(f"an answer of the old system can't be read: {problem}") from None


A = TypeVar("A", bound=Answered)


class OldRoom(Answered):
    """A room; its `name` is the base name of our rooms."""

    id: str
    name: str
    user_id: str | None = None
    is_shared: bool = False


class OldMeeting(Answered):
    """A meeting; `room_name` is the full room name of its platform."""

    id: str
    room_name: str
    platform: str = "daily"

    @property
    def daily_name(self) -> str | None:
        """Return the full name of its room at Daily; None if it took place elsewhere."""
        return self.room_name if self.platform == "daily" else None


class Known(Protocol):
    """What is compared of a recording of ours: its start in ISO 8601, its duration in seconds."""

    @property
    def created_at(self) -> str | None: ...

    @property
    def duration(self) -> float: ...


class OldListed(Answered):
    """A transcript as listed; `duration` in milliseconds is 0 until it is known."""

    id: str
    status: str
    duration: FiniteFloat = 0.0
    created_at: datetime
    meeting_id: str | None = None
    room_name: str | None = None
    title: str | None = None

    def seconds_from(self, ours: Known) -> float:
        """Return the difference of the two durations in seconds."""
        return abs(self.duration / 1000 - ours.duration)


class OldPage(Answered):
    """One page of the list, newest first."""

    items: tuple[OldListed, ...]
    pages: int


class OldTranscript(Answered):
    """A transcript with its text as WebVTT, whose voices are the speakers' names."""

    id: str
    status: str
    title: str | None = None
    short_summary: str | None = None
    long_summary: str | None = None
    transcript: str

    def is_finished(self) -> bool:
        """Return True if the old system is done with it; it processes those in `error` again, at night."""
        return self.status == FINISHED


class OldTopic(Answered):
    """A topic of a transcript."""

    id: str
    title: str


def could_be_of(ours: Known, listed: OldListed) -> bool:
    """Return True if a listed transcript could be of our recording, by its duration and by when it was created."""
    if listed.meeting_id is None or created_before(ours, listed):
        return False
    return listed.duration == 0 or listed.seconds_from(ours) <= DURATION_TOLERANCE_S


def created_before(ours: Known, listed: OldListed) -> bool:
    """Return True if a listed transcript is older than our recording, or if that ended later."""
    if ours.created_at is None:
        return False
    ended_at = datetime.fromisoformat(ours.created_at).timestamp() + ours.duration
    return listed.created_at.timestamp() < ended_at - CLOCK_TOLERANCE_S


def choose(ours: Transcript, candidates: Sequence[OldListed]) -> OldListed:
    """Return the transcript of our recording among those of its meeting that could be.

    Raises NotFound if there are none, TransientError if it can't be distinguished, until the old system knows the
    durations of all of them.
    """
    known = sorted((one for one in candidates if one.duration), key=lambda one: one.seconds_from(ours))
    unknown = [one for one in candidates if not one.duration]
    if not candidates:
        raise NotFound("the old system has no transcript of this recording")
    nearest = known[0] if known else unknown[0]
    if len(candidates) == 1 or _is_clear(ours, known, unknown):
        return nearest
    raise TransientError(
        f"the old system has {len(candidates)} transcripts of this meeting that could be of this recording "
        f"({', '.join(one.id for one in candidates[:5])})",
        hint="REFLECTOR_OLD_DATABASE_URL distinguishes them.",
    )


def _is_clear(ours: Transcript, known: Sequence[OldListed], unknown: Sequence[OldListed]) -> bool:
    """Return True if the nearest duration is ours and no other is, or could still become it."""
    if not known or (unknown and known[0].seconds_from(ours) >= SAME_DURATION_S):
        return False
    return len(known) == 1 or known[1].seconds_from(ours) - known[0].seconds_from(ours) >= SAME_DURATION_S


def read_list(described: Any, model: type[A]) -> list[A]:
    """Return the objects of an answer, such as topics; raise a PermanentError if it isn't a list of them."""
    if not isinstance(described, list):
        raise PermanentError("an answer of the old system can't be read: it isn't a list")
    return [model.read(one) for one in cast(list[object], described)]

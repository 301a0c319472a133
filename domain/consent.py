"""Participants' consent to storing the audio of a meeting."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints

UserId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Consent(BaseModel):
    """One person's answer (spec: consent); without a `user_id` it counts for any participant of the meeting."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    consent_given: StrictBool
    user_id: UserId | None = None


class Statement(NamedTuple):
    """A stored answer: `seq` is its sequence number, `said_at` is in seconds since the epoch."""

    seq: int
    meeting_id: str
    user_id: str
    given: bool
    said_at: float


S = TypeVar("S", bound=Statement)


def latest_per_user(statements: Iterable[S]) -> list[S]:
    """Return the latest statement of each user, in the order in which they were made."""
    latest = {one.user_id: one for one in sorted(statements, key=lambda one: one.seq)}
    return sorted(latest.values(), key=lambda one: one.seq)

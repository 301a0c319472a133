"""Consent: who agreed that the audio of a meeting is kept, and who didn't."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints

UserId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Consent(BaseModel):
    """What one person said (spec: consent); without a `user_id` it is anybody's of the meeting."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    consent_given: StrictBool
    user_id: UserId | None = None


class Statement(NamedTuple):
    """A statement as it was kept: `seq` is its place in the order of all, `said_at` seconds since the epoch."""

    seq: int
    meeting_id: str
    user_id: str
    given: bool
    said_at: float


S = TypeVar("S", bound=Statement)


def that_count(statements: Iterable[S]) -> list[S]:
    """Of several statements of the same person the latest, in the order in which they were made."""
    latest = {one.user_id: one for one in sorted(statements, key=lambda one: one.seq)}
    return sorted(latest.values(), key=lambda one: one.seq)

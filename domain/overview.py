"""The state of a recording, and of all recordings together, as commands, API and pages report it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

State = Literal["new", "processing", "ended", "error", "retired"]


class RecordingOverview(NamedTuple):
    """One recording: `run_id` is its last run, `duration` is in seconds, `created_at` in epoch seconds.

    In error, `reason` is the cause, and `step` the failed step, if a step failed.
    """

    id: str
    room: str | None
    state: State
    title: str | None
    duration: float | None
    run_id: str | None
    reason: str | None
    step: str | None = None
    created_at: float | None = None


class Queues(NamedTuple):
    """The number of recordings in each state, and of runs that wait to start."""

    states: Mapping[State, int]
    queued: int

"""The event dictionary: what a recording's listeners are told, and with which payload (spec: the assets)."""

from typing import Any, Literal

from pydantic import Field

from reflector_assets.domain.recording import Frozen

StepStatus = Literal["pending", "in_progress", "completed", "failed"]


class Status(Frozen):
    """Where the recording is; in error, `step` is the one that failed for good, if one did, and `reason` says why."""

    value: Literal["processing", "ended", "error"]
    step: str | None = None
    reason: str | None = None


class PipelineProgress(Frozen):
    """How far a run is.

    Indexes count from 1. `track_index` is there when a single track's step is meant, `attempt` when a step begins or
    waits to be tried again. `percent` is of the whole recording, 0 to 100.
    """

    workflow_id: str = Field(description="Dagster's id of the run.")
    current_step: str = Field(description="Name of the asset.")
    step_index: int
    total_steps: int
    step_status: StepStatus
    percent: float
    track_index: int | None = None
    track_count: int | None = None
    attempt: int | None = None
    max_attempts: int | None = None
    reason: str | None = Field(None, description="Why an attempt failed.")


class Duration(Frozen):
    """Seconds; `source` says who gave them: daily (the master) or the tracks."""

    duration: float
    source: str | None = None


class WaveformPeaks(Frozen):
    """255 peaks, 0 to 1."""

    waveform: tuple[float, ...]


class TranscriptText(Frozen):
    """Everything that was said, in reading order."""

    text: str
    translation: None = None


class TopicFound(Frozen):
    """One topic; `timestamp` and `duration` in seconds."""

    id: str
    title: str
    summary: str
    timestamp: float
    duration: float


class FinalTitle(Frozen):
    """The meeting's title."""

    title: str


class FinalLongSummary(Frozen):
    """The long summary, Markdown."""

    long_summary: str


class FinalShortSummary(Frozen):
    """The short summary, plain text."""

    short_summary: str


class ActionItemsFound(Frozen):
    """Decisions and next steps."""

    action_items: dict[str, Any]


class Event(Frozen):
    """What listeners get; `id` is opaque and tells where to go on, `at` is in epoch seconds."""

    id: str
    at: float
    event: str
    data: dict[str, Any]

"""The events of a recording and their payloads (spec: the assets)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from domain.corrections.gathered import Corrections
from domain.recording import Frozen
from domain.results import ActionItems, Evidence, Summary, Title, Topics, Waveform
from domain.text import words
from domain.text.table import Table

StepStatus = Literal["pending", "in_progress", "completed", "failed"]
Metadata = Mapping[str, Any]


class Status(Frozen):
    """State of the recording; in error, `step` is the step that failed, if known, and `reason` is its error."""

    value: Literal["processing", "ended", "error"]
    step: str | None = None
    reason: str | None = None


class PipelineProgress(Frozen):
    """Progress of a run.

    Indexes count from 1. `track_index` is set for the step of a single track, `attempt` when a step starts or waits
    for a retry. `percent` covers the whole recording, 0 to 100.
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


class CorrectionsGathered(Frozen):
    """Corrections up to a number are in all answers; `standing` is how many stand. What they change follows as events.

    Sent when somebody corrected something, and again when a run has taken it.
    """

    number: int
    standing: int
    reviewed: bool


class Duration(Frozen):
    """Duration in seconds; `source` is daily (authoritative) or tracks."""

    duration: float
    source: str | None = None


class WaveformPeaks(Frozen):
    """255 peaks, 0 to 1."""

    waveform: tuple[float, ...]


class TranscriptText(Frozen):
    """The text of the whole meeting, in reading order."""

    text: str
    translation: None = None


class TopicFound(Frozen):
    """One topic; `timestamp` and `duration` in seconds. `evidence` is what its summary rests on."""

    id: str
    title: str
    summary: str
    timestamp: float
    duration: float
    evidence: Evidence | None = None


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

    action_items: ActionItems


class Event(Frozen):
    """The envelope of an event; `id` is an opaque position to resume from, `at` is in epoch seconds."""

    id: str
    at: float
    event: str
    data: dict[str, Any]


class Cause(NamedTuple):
    """An event caused by an asset's materialization.

    `payloads` yields one or more payloads from the asset's value and the materialization's metadata. `reads` is the
    type of the value, or None if the metadata suffice; the value is then None.
    """

    event: str
    payload: type[Frozen]
    payloads: Callable[[Any, Metadata], Iterable[Frozen]]
    reads: type | None = None


def _begun(_value: None, _metadata: Metadata) -> Iterator[Status]:
    yield Status(value="processing")


def _ended(_value: None, _metadata: Metadata) -> Iterator[Status]:
    yield Status(value="ended")


def _corrections(value: Corrections, _metadata: Metadata) -> Iterator[CorrectionsGathered]:
    yield CorrectionsGathered(number=value.number, standing=len(value.entries), reviewed=value.reviewed)


def _duration(_value: None, metadata: Metadata) -> Iterator[Duration]:
    yield Duration(duration=metadata["duration_s"], source=metadata.get("duration_source"))


def _waveform(value: Waveform, _metadata: Metadata) -> Iterator[WaveformPeaks]:
    yield WaveformPeaks(waveform=value.root)


def _text(value: Table, _metadata: Metadata) -> Iterator[TranscriptText]:
    yield TranscriptText(text=words.text(value))


def _topics(value: Topics, _metadata: Metadata) -> Iterator[TopicFound]:
    for topic in value.root:
        yield TopicFound(
            id=topic.id,
            title=topic.title,
            summary=topic.summary,
            timestamp=topic.timestamp,
            duration=topic.duration,
            evidence=topic.evidence,
        )


def _title(value: Title, _metadata: Metadata) -> Iterator[FinalTitle]:
    yield FinalTitle(title=value.title)


def _long_summary(value: Summary, _metadata: Metadata) -> Iterator[FinalLongSummary]:
    yield FinalLongSummary(long_summary=value.long_summary)


def _short_summary(value: Summary, _metadata: Metadata) -> Iterator[FinalShortSummary]:
    yield FinalShortSummary(short_summary=value.short_summary)


def _action_items(value: ActionItems, _metadata: Metadata) -> Iterator[ActionItemsFound]:
    yield ActionItemsFound(action_items=value)


BEGUN = Cause("STATUS", Status, _begun)
ENDED = Cause("STATUS", Status, _ended)
CORRECTION = Cause("CORRECTION", CorrectionsGathered, _corrections, Corrections)
DURATION = Cause("DURATION", Duration, _duration)
WAVEFORM = Cause("WAVEFORM", WaveformPeaks, _waveform, Waveform)
TRANSCRIPT = Cause("TRANSCRIPT", TranscriptText, _text, Table)
TOPIC = Cause("TOPIC", TopicFound, _topics, Topics)
FINAL_TITLE = Cause("FINAL_TITLE", FinalTitle, _title, Title)
FINAL_LONG_SUMMARY = Cause("FINAL_LONG_SUMMARY", FinalLongSummary, _long_summary, Summary)
FINAL_SHORT_SUMMARY = Cause("FINAL_SHORT_SUMMARY", FinalShortSummary, _short_summary, Summary)
ACTION_ITEMS = Cause("ACTION_ITEMS", ActionItemsFound, _action_items, ActionItems)

# Events caused by runs.
PIPELINE_PROGRESS = "PIPELINE_PROGRESS"
STATUS = "STATUS"

# The events that the materialization of each asset causes, in their order.
CAUSES: Mapping[str, tuple[Cause, ...]] = {
    "recording": (BEGUN,),
    "corrections": (CORRECTION,),
    "padded_tracks": (DURATION,),
    "mixed_audio": (DURATION,),
    "waveform": (WAVEFORM,),
    "merged_words": (TRANSCRIPT,),
    "topics": (TOPIC,),
    "title": (FINAL_TITLE,),
    "summary": (FINAL_LONG_SUMMARY, FINAL_SHORT_SUMMARY),
    "action_items": (ACTION_ITEMS,),
    "transcript": (ENDED,),
}

"""The values passed between assets: small, frozen, with keys of stored objects instead of bytes or URLs."""

from pydantic import ConfigDict, Field, RootModel

from domain.errors import PermanentError
from domain.recording import OLD_SYSTEM, Frozen, Participant


def _is_empty(value: object) -> bool:
    """Leave out fields that most results don't have; the bytes of stored results stay the same."""
    return not value


def _is_none(value: object) -> bool:
    """Leave out a field that is null, but not one that is an empty text."""
    return value is None


NO_TRACKS = "the recording was taken over from the old system, without its tracks"


class PaddedTrack(Frozen):
    """One padded track; second n of the recording is sample 48000 n of the file. Durations in seconds.

    `language` is the room's setting; null selects the deployment's language. `vocabulary` is the room's list of terms.
    """

    index: int
    participant_id: str
    speaker: int
    key: str
    sha256: str
    bytes: int
    duration: float
    start: float
    silence: float
    gaps: int
    language: str | None = None
    notes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)


class PaddedTracks(Frozen):
    """All padded tracks; `duration` is the recording's, and `duration_source` is daily, tracks or old system."""

    duration: float
    duration_source: str
    tracks: tuple[PaddedTrack, ...]

    def check_there(self) -> None:
        """Raise PermanentError for a recording that was taken over from the old system, without its tracks."""
        if self.duration_source == OLD_SYSTEM:
            raise PermanentError(NO_TRACKS, hint="Its audio and words stay as they are.")


class MixedAudio(Frozen):
    """The stereo mp3 of all tracks, and its peaks (0..1, two decimals)."""

    key: str
    sha256: str
    bytes: int
    duration: float
    peaks: tuple[float, ...]


class Waveform(RootModel[tuple[float, ...]]):
    """255 peaks, 0..1, two decimals."""

    model_config = ConfigDict(frozen=True)


class TrackTranscript(Frozen):
    """The words of one track, stored as Parquet under `key`; `speech` is the detected speech in seconds."""

    index: int
    speaker: int
    key: str
    sha256: str
    words: int
    language: str | None
    speech: float


class TranscribedTrack(Frozen):
    """The result of one track's step: the transcript, whether it is from the call cache (`kept`), and the usage.

    `vocabulary` are the terms that the transcriber was given.
    """

    transcript: TrackTranscript
    gpu_seconds: float
    kept: bool
    notes: tuple[str, ...] = ()
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    vocabulary: tuple[str, ...] = ()


class TrackTranscripts(Frozen):
    """The transcripts of all tracks in order; `expected` is the number of tracks, `duration` in seconds."""

    duration: float
    expected: int
    tracks: tuple[TrackTranscript, ...]


class Evidence(Frozen):
    """What a statement rests on: words of the meeting, when they were said (seconds), and by whom."""

    quote: str
    timestamp: float
    speaker: str


class SummaryEvidence(Evidence):
    """What a paragraph of the summary rests on; `subject` is the paragraph's, null for the recap."""

    subject: str | None = None


class Topic(Frozen):
    """A section of the meeting; times in seconds, and its half-open range of rows in the words that it was made from.

    `evidence` is missing in results of earlier versions. `error` says why it has no summary; `generated_title` and
    `generated_summary` are what a person replaced.
    """

    id: str
    title: str
    summary: str
    timestamp: float
    duration: float
    words_from: int
    words_to: int
    evidence: Evidence | None = Field(default=None, exclude_if=_is_empty)
    error: str | None = Field(default=None, exclude_if=_is_empty)
    generated_title: str | None = Field(default=None, exclude_if=_is_none)
    generated_summary: str | None = Field(default=None, exclude_if=_is_none)


class Topics(RootModel[tuple[Topic, ...]]):
    """The topics in the order of the meeting, as a JSON list."""

    model_config = ConfigDict(frozen=True)


class Title(Frozen):
    """The meeting's title; `method` is "extractive", the model that wrote it, or "by hand".

    `error` says why there is none.
    """

    title: str
    method: str
    error: str | None = Field(default=None, exclude_if=_is_empty)


class Summary(Frozen):
    """Long summary in Markdown, short summary in plain text; `error` says why there is none."""

    long_summary: str
    short_summary: str
    method: str
    evidence: tuple[SummaryEvidence, ...] = Field(default=(), exclude_if=_is_empty)
    error: str | None = Field(default=None, exclude_if=_is_empty)


class Decision(Frozen):
    """A decision of the meeting; `timestamp` in seconds if known."""

    decision: str
    rationale: str | None = None
    decided_by: str | None = None
    timestamp: float | None = None
    evidence: Evidence | None = Field(default=None, exclude_if=_is_empty)


class NextStep(Frozen):
    """A task agreed on in the meeting; `timestamp` in seconds if known.

    `generated_task`, `generated_assigned_to` and `generated_deadline` are what a person replaced, the latter two empty
    if there was none; `done` is what a person ticked.
    """

    task: str
    assigned_to: str | None = None
    deadline: str | None = None
    context: str | None = None
    timestamp: float | None = None
    evidence: Evidence | None = Field(default=None, exclude_if=_is_empty)
    done: bool = Field(default=False, exclude_if=_is_empty)
    generated_task: str | None = Field(default=None, exclude_if=_is_none)
    generated_assigned_to: str | None = Field(default=None, exclude_if=_is_none)
    generated_deadline: str | None = Field(default=None, exclude_if=_is_none)


class ActionItems(Frozen):
    """Decisions and next steps; `error` is set if extracting them failed.

    `dropped` is how many of a model's had no evidence in the meeting.
    """

    decisions: tuple[Decision, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    method: str
    error: str | None = None
    dropped: int = Field(default=0, exclude_if=_is_empty)


class TranscriptSegment(Frozen):
    """One sentence of one speaker; times in seconds from the start of the recording."""

    speaker: int
    name: str
    start: float
    end: float
    text: str


class ConsentCleanup(Frozen):
    """Whether the audio of a recording was deleted, verified by listing its objects, and the reason."""

    audio_deleted: bool
    reason: str | None = None


class Transcript(Frozen):
    """The complete transcript of one recording; `errors` says which of its parts are missing, and why.

    `revision` is the number of the last correction in it, and `conflicts` says which corrections fit no more.
    `older` names the generated parts that are older than names or words. `taken_over` is the page of the transcript in
    the old system that it was taken over from.
    """

    id: str
    room_name: str
    created_at: str | None
    duration: float
    title: str
    short_summary: str
    long_summary: str
    topics: tuple[Topic, ...]
    action_items: ActionItems
    participants: tuple[Participant, ...]
    segments: tuple[TranscriptSegment, ...]
    method: str
    words: int
    audio_key: str
    summary_evidence: tuple[SummaryEvidence, ...] = Field(default=(), exclude_if=_is_empty)
    errors: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    revision: int = Field(default=0, exclude_if=_is_empty)
    reviewed: bool = Field(default=False, exclude_if=_is_empty)
    older: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    conflicts: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    taken_over: str | None = Field(default=None, exclude_if=_is_none)

    @property
    def published_elsewhere(self) -> str | None:
        """Why nothing is sent about it; None if it isn't of the old system."""
        return "taken over from the old system, which published it" if self.taken_over else None


class ZulipMessage(Frozen):
    """The Zulip message of a transcript; `note` says why there is none or why it was not updated."""

    message_id: int | None
    note: str | None = None


class WebhookDelivery(Frozen):
    """The state of the webhook delivery after `attempt` attempts; `next_at` is the time of the next one in ISO 8601."""

    sent: bool
    status_code: int | None = None
    attempt: int = 0
    next_at: str | None = None
    event_id: str | None = None
    note: str | None = None

"""The values that assets hand on: small, frozen, with keys of stored objects instead of bytes or URLs."""

from pydantic import ConfigDict, RootModel

from domain.recording import Frozen, Participant


class PaddedTrack(Frozen):
    """One padded track; second n of the recording is sample 48000 n of the file. Lengths in seconds.

    `language` is the room's, or null for the deployment's own.
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


class PaddedTracks(Frozen):
    """All padded tracks; `duration` is the recording's and `duration_source` who gave it: daily or tracks."""

    duration: float
    duration_source: str
    tracks: tuple[PaddedTrack, ...]


class MixedAudio(Frozen):
    """The stereo mp3 of all tracks, and the peaks taken while it was mixed (0..1, two decimals)."""

    key: str
    sha256: str
    bytes: int
    duration: float
    peaks: tuple[float, ...]


class Waveform(RootModel[tuple[float, ...]]):
    """255 peaks, 0..1, two decimals."""

    model_config = ConfigDict(frozen=True)


class TrackTranscript(Frozen):
    """The words of one track, stored as Parquet under `key`; `speech` is the seconds of voice found."""

    index: int
    speaker: int
    key: str
    sha256: str
    words: int
    language: str | None
    speech: float


class TranscribedTrack(Frozen):
    """What one track's step hands to the join: the transcript, whether an earlier call's was kept, what it took."""

    transcript: TrackTranscript
    gpu_seconds: float
    kept: bool
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0


class TrackTranscripts(Frozen):
    """The transcripts of all tracks, in their order; `expected` is how many there must be, `duration` in seconds."""

    duration: float
    expected: int
    tracks: tuple[TrackTranscript, ...]


class Topic(Frozen):
    """A stretch of the meeting: seconds, and the half-open range of rows in the words table it covers."""

    id: str
    title: str
    summary: str
    timestamp: float
    duration: float
    words_from: int
    words_to: int


class Topics(RootModel[tuple[Topic, ...]]):
    """The topics in the order of the meeting, as a plain JSON list."""

    model_config = ConfigDict(frozen=True)


class Title(Frozen):
    """The meeting's title; `method` is "extractive" or the model that wrote it."""

    title: str
    method: str


class Summary(Frozen):
    """Long summary in Markdown, short summary in plain text."""

    long_summary: str
    short_summary: str
    method: str


class Decision(Frozen):
    """Something that was decided; `timestamp` in seconds where it is known."""

    decision: str
    rationale: str | None = None
    decided_by: str | None = None
    timestamp: float | None = None


class NextStep(Frozen):
    """Something that somebody will do; `timestamp` in seconds where it is known."""

    task: str
    assigned_to: str | None = None
    deadline: str | None = None
    context: str | None = None
    timestamp: float | None = None


class ActionItems(Frozen):
    """Decisions and next steps; `error` says why there are none when they couldn't be made."""

    decisions: tuple[Decision, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    method: str
    error: str | None = None


class TranscriptSegment(Frozen):
    """One sentence of one speaker; seconds of the recording."""

    speaker: int
    name: str
    start: float
    end: float
    text: str


class ConsentCleanup(Frozen):
    """Whether the audio of a recording was deleted, proven by listing what is left, and why (or why not)."""

    audio_deleted: bool
    reason: str | None = None


class Transcript(Frozen):
    """The finished document of one recording."""

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


class ZulipMessage(Frozen):
    """Where the transcript stands in Zulip; `note` says why it doesn't, or why it stands there as it was before."""

    message_id: int | None
    note: str | None = None


class WebhookDelivery(Frozen):
    """What became of the webhook after `attempt` attempts; `next_at` is when the next is due, in ISO 8601."""

    sent: bool
    status_code: int | None = None
    attempt: int = 0
    next_at: str | None = None
    event_id: str | None = None
    note: str | None = None

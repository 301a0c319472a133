"""One transcript, its topics, its words and its participants."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Depends, Response
from pydantic import BaseModel

from domain.errors import NotFound
from domain.old_webhook import room_id
from domain.overview import RecordingOverview, State
from domain.recording import Participant, Recording
from domain.results import Summary, Title, TranscriptSegment, Waveform
from domain.rooms import base_name
from domain.text.captions import webvtt
from resources.database.rooms import Rooms
from resources.store.erasure import deletion_of
from service.compat import contents
from service.compat.routing import compat_router
from service.dependencies import ConsentsDep, RecordingsDep, RoomsDep, StoredResultsDep
from service.routes.downloads import play_audio

router = compat_router("/transcripts/{id}")
Format = Literal["text", "text-timestamped", "webvtt-named", "json"]
Status = Literal["processing", "ended", "error"]
STATUSES: dict[State, Status] = {
    "new": "processing",
    "processing": "processing",
    "ended": "ended",
    "retired": "ended",
    "error": "error",
}


class OldParticipant(BaseModel):
    """A participant; `speaker` is null without audio."""

    id: str
    speaker: int | None
    name: str


class ParticipantWithEmail(OldParticipant):
    """A participant of a transcript; addresses aren't known."""

    user_id: str | None
    email: None = None


class Segment(BaseModel):
    """One sentence."""

    speaker: int
    speaker_name: str
    text: str
    start: float
    end: float


class ListedTranscript(BaseModel):
    """A transcript as listed; `duration` is in milliseconds."""

    id: str
    user_id: None = None
    name: str
    status: Status
    locked: bool = False
    duration: float
    title: str | None
    short_summary: str | None = None
    long_summary: str | None = None
    created_at: str
    share_mode: str = "semi-private"
    source_language: None = None
    target_language: None = None
    reviewed: bool = False
    meeting_id: None = None
    source_kind: Literal["room"] = "room"
    room_id: str | None
    room_name: str | None
    audio_deleted: bool | None = None
    change_seq: None = None
    has_cloud_video: bool = False
    cloud_video_duration: None = None


class DescribedTranscript(ListedTranscript):
    """A transcript without its text."""

    participants: list[ParticipantWithEmail]


class OldTranscript(DescribedTranscript):
    """A transcript with its text in the format that was asked for."""

    transcript_format: Format
    transcript: str | list[Segment]


class WaveformData(BaseModel):
    """255 peaks, 0 to 1."""

    data: tuple[float, ...]


class Describer:
    """Describes one transcript, or what exists of it so far."""

    def __init__(
        self, results: StoredResultsDep, recordings: RecordingsDep, rooms: RoomsDep, consents: ConsentsDep
    ) -> None:
        self._results, self._recordings, self._rooms, self._consents = results, recordings, rooms, consents

    def describe(self, found: contents.Contents) -> DescribedTranscript:
        """Return all but the text; raises NotFound."""
        results, finished = self._results, found.transcript
        overview = self._recordings.state(results.id)
        recording = results.find("recording.json", Recording)
        room = base_name(recording.room_name if recording else overview.room or "") or None
        title, summary = results.find("title.json", Title), results.find("summary.json", Summary)
        seconds = finished.duration if finished else overview.duration or (recording and recording.duration) or 0.0
        known = finished.title if finished else title.title if title else overview.title
        deleted = deletion_of(results.store, results.id) is not None or self._consents.holding(results.id)
        return DescribedTranscript(
            id=results.id,
            name=known or "",
            # Its page leaves a transcript that is in processing; ours stays readable while it is made again.
            status="ended" if finished and overview.state == "processing" else STATUSES[overview.state],
            duration=seconds * 1000,
            title=known,
            short_summary=finished.short_summary if finished else summary and summary.short_summary,
            long_summary=finished.long_summary if finished else summary and summary.long_summary,
            created_at=_created(recording, overview),
            reviewed=finished is not None and finished.reviewed,
            room_id=old_room_id(self._rooms, room),
            room_name=room,
            audio_deleted=bool(deleted),
            participants=[
                ParticipantWithEmail(**described(one).model_dump(), user_id=one.user_id) for one in found.named()
            ],
        )


DescriberDep = Annotated[Describer, Depends(Describer)]


@router.get("")
def show_transcript(
    describer: DescriberDep, found: contents.ContentsDep, transcript_format: Format = "text"
) -> OldTranscript:
    """Show a transcript, or what exists of it so far."""
    return OldTranscript(
        **describer.describe(found).model_dump(),
        transcript_format=transcript_format,
        transcript=_text(found.segments(), transcript_format),
    )


@router.get("/topics")
def show_topics(
    results: StoredResultsDep, recordings: RecordingsDep, found: contents.ContentsDep
) -> list[contents.OldTopic]:
    """Show the topics with their text."""
    recordings.state(results.id)
    return [contents.OldTopic(**topic.model_dump(exclude={"words"})) for topic in found.topics()]


@router.get("/topics/with-words")
def show_topics_with_words(
    results: StoredResultsDep, recordings: RecordingsDep, found: contents.ContentsDep
) -> list[contents.OldTopicWithWords]:
    """Show the topics with their words."""
    recordings.state(results.id)
    return found.topics()


@router.get("/topics/{topic_id}/words-per-speaker")
def show_words_per_speaker(found: contents.ContentsDep, topic_id: str) -> contents.OldTopicWithWordsPerSpeaker:
    """Show a topic with its words by turns."""
    for topic in found.topics(only=topic_id):
        return contents.per_speaker(topic)
    raise NotFound("there is no such topic")


@router.get("/participants")
def show_participants(
    results: StoredResultsDep, recordings: RecordingsDep, found: contents.ContentsDep
) -> list[OldParticipant]:
    """Show the participants who have a name."""
    recordings.state(results.id)
    return [described(one) for one in found.named()]


@router.get("/participants/{participant_id}")
def show_participant(found: contents.ContentsDep, participant_id: str) -> OldParticipant:
    """Show a participant."""
    for one in found.named():
        if one.participant_id == participant_id:
            return described(one)
    raise NotFound("there is no such participant")


@router.get("/audio/waveform")
def show_waveform(results: StoredResultsDep) -> WaveformData:
    """Show the waveform."""
    return WaveformData(data=results.parse(results.read("waveform.json"), "waveform.json", Waveform).root)


@router.get("/audio/mp3", response_class=Response)
def play(results: StoredResultsDep, consents: ConsentsDep) -> Response:
    """Send the audio, or a range of it; the token can be a parameter, as players send no headers."""
    return play_audio(results, consents)


def old_room_id(rooms: Rooms, name: str | None) -> str | None:
    """Return a room's id by its base name."""
    if name is None:
        return None
    known = rooms.of_meeting(name)
    return room_id(name, known.old_id if known else None)


def created_at(seconds: float | None) -> str:
    """Format the time of a recording's start, in seconds since the epoch; without one, the epoch."""
    return datetime.fromtimestamp(seconds or 0.0, UTC).isoformat()


def _created(recording: Recording | None, overview: RecordingOverview) -> str:
    return created_at(recording.start_ts if recording and recording.start_ts else overview.created_at)


def described(one: Participant) -> OldParticipant:
    """Return a participant in the old system's shape."""
    return OldParticipant(id=one.participant_id, speaker=one.speaker if one.speaker >= 0 else None, name=one.name)


def _text(spoken: tuple[TranscriptSegment, ...], form: Format) -> str | list[Segment]:
    match form:
        case "json":
            return [
                Segment(speaker=one.speaker, speaker_name=one.name, text=one.text, start=one.start, end=one.end)
                for one in spoken
            ]
        case "webvtt-named":
            return webvtt(spoken)
        case "text-timestamped":
            return "\n".join(f"[{_minutes(one.start)}] {one.name}: {one.text}" for one in spoken)
        case "text":
            return "\n".join(f"{one.name}: {one.text}" for one in spoken)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"

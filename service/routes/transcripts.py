"""One transcript: what exists of it so far, in parts, and the request to make it again."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import Request

from domain.access import Scope
from domain.corrections.gathered import Corrections
from domain.corrections.preview import preview_topics
from domain.corrections.texts import by_hand
from domain.deletion import BEYOND_REACH
from domain.errors import AudioDeleted, NotFound
from domain.overview import RecordingOverview, State
from domain.recording import Participant, Participants, Recording
from domain.results import ActionItems, Summary, SummaryEvidence, Title, Topic, Topics, Transcript, Waveform
from domain.text import captions, words
from domain.text.markdown import to_html
from resources.database.catalogue import Catalogue
from resources.database.consents import Consents
from resources.results.corrected import PARTICIPANTS, CorrectedResults
from resources.results.stored_results import StoredResults
from resources.store.erasure import deletion_of
from service.callers import caller_of, is_trusted
from service.dependencies import (
    AccessDep,
    AuthorizedRouter,
    ConsentsDep,
    CorrectionsDep,
    DeletionsDep,
    InboxDep,
    RecordingId,
    RecordingsDep,
    StoredResultsDep,
)
from service.disclosure import general_parts, general_reason, general_topics
from service.routes.downloads import AUDIO_WITHHELD
from service.routing import JSON, etag, media, problems

router = AuthorizedRouter(prefix="/v1/transcripts/{id}", responses=problems(401, 403, 404, 410))
# Words below this confidence are marked on the page.
DOUBTFUL = 0.5


class AudioState(BaseModel):
    """Whether the audio can be played; `reason` says why it never will be."""

    available: bool
    reason: str | None = None


class TranscriptView(BaseModel):
    """One transcript, null for what doesn't exist yet; durations in seconds, times in ISO 8601.

    In error, `reason` is the cause, and `step` the failed step, if a step failed. `method` is "extractive" or the model
    that wrote the summary, `summary_evidence` what its paragraphs rest on. `words` is their number, once the transcript
    is finished. `errors` says which parts are missing, and why. `revision` is the number of the last correction in it,
    `older` names the generated parts that are older than names or words, and `conflicts` says which corrections don't
    fit any more; `by_hand` names which of the title and the summaries a person wrote. `shared` is true for a caller
    with a link to this transcript only.
    """

    id: str
    state: State
    step: str | None = None
    reason: str | None = None
    title: str | None = None
    room_name: str | None = None
    created_at: str | None = None
    duration: float | None = None
    short_summary: str | None = None
    long_summary: str | None = None
    long_summary_html: str | None = None
    summary_evidence: tuple[SummaryEvidence, ...] = ()
    action_items: ActionItems | None = None
    participants: tuple[Participant, ...] | None = None
    topics: tuple[Topic, ...] | None = None
    method: str | None = None
    words: int | None = None
    errors: tuple[str, ...] = ()
    revision: int = 0
    reviewed: bool = False
    older: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    audio: AudioState
    may_retry: bool = False
    may_edit: bool = False
    may_share: bool = False
    shared: bool = False


class TopicsView(BaseModel):
    """The topics in the order of the meeting."""

    data: tuple[Topic, ...]


class WaveformView(BaseModel):
    """255 peaks, 0 to 1."""

    data: tuple[float, ...]


class SegmentView(BaseModel):
    """One sentence of one speaker; times in seconds, and each word as text, start, end.

    `doubtful` are the positions of words of low confidence, if there are any.
    """

    speaker: int
    name: str
    start: float
    end: float
    words: list[tuple[str, float, float]]
    doubtful: list[int] = []


class WordsView(BaseModel):
    """All words, sentence by sentence."""

    segments: list[SegmentView]


class RetryRequested(BaseModel):
    """What is stale or failed will be made again, as soon as Dagster's daemon is up."""

    requested: bool
    daemon: bool


class DeletionRequested(BaseModel):
    """When deletion of a recording was requested and complete, in ISO 8601, and what it doesn't reach.

    `not_deleted` is what was found that can't be deleted, and `problem` why the last attempt failed.
    """

    id: str
    requested_at: str
    completed_at: str | None
    not_deleted: tuple[str, ...]
    problem: str | None
    beyond_reach: tuple[str, ...]


@router.get("")
def show_transcript(
    request: Request,
    results: StoredResultsDep,
    recordings: RecordingsDep,
    access: AccessDep,
    consents: ConsentsDep,
    corrections: CorrectionsDep,
) -> TranscriptView:
    """Show a transcript, or what exists of it so far."""
    overview = recordings.state(results.id)
    # A finished transcript stays readable while it is made again, or if that fails.
    made = corrections.gathered(results.id)
    transcript = CorrectedResults(results, made).transcript
    fields = _finished(transcript) if transcript else _unfinished(results, overview)
    summary, trusted = fields["long_summary"], is_trusted(request)
    if not trusted:
        fields |= general_parts(fields.get("errors", ()), fields["topics"], fields["action_items"])
    may_write = access.may(request, Scope.WRITE)
    # The step has a field of its own.
    reason = overview.reason and overview.reason.removeprefix(f"{overview.step}: ")
    return TranscriptView(
        id=results.id,
        state=overview.state,
        step=overview.step,
        reason=reason if trusted else general_reason(reason),
        long_summary_html=None if summary is None else to_html(summary, shift=2),
        by_hand=by_hand(made.entries) if transcript else (),
        audio=_audio(results, consents),
        may_retry=overview.state == "error" and may_write,
        may_edit=transcript is not None and overview.state != "retired" and may_write,
        may_share=may_write,
        shared=caller_of(request).recording is not None,
        **fields,
    )


@router.get("/topics", response_model=TopicsView)
def show_topics(request: Request, results: StoredResultsDep, corrections: CorrectionsDep) -> Response:
    """Show the topics."""
    content = results.read("topics.json")
    made, trusted = corrections.gathered(results.id), is_trusted(request)

    def make() -> bytes:
        topics = preview_topics(results.parse(content, "topics.json", Topics), made).root
        return to_json({"data": topics if trusted else general_topics(topics)})

    return _cached(request, etag(content, *_version(made), b"" if trusted else b"general"), make)


@router.get("/waveform", response_model=WaveformView)
def show_waveform(request: Request, results: StoredResultsDep) -> Response:
    """Show the waveform."""
    content = results.read("waveform.json")
    return _cached(
        request, etag(content), lambda: to_json({"data": results.parse(content, "waveform.json", Waveform).root})
    )


@router.get("/words", response_model=WordsView)
def show_words(request: Request, results: StoredResultsDep, corrections: CorrectionsDep) -> Response:
    """Show the words with their speakers and times."""
    made = corrections.gathered(results.id)
    corrected = CorrectedResults(results, made)
    try:
        people = results.read(PARTICIPANTS)
    except NotFound:
        people = b"[]"

    def make() -> bytes:
        table, names = corrected.table, corrected.participants.names()
        sentences = words.sentences(table)
        spoken = words.words(table)
        segments = [
            {
                "speaker": segment.speaker,
                "name": segment.name,
                "start": segment.start,
                "end": segment.end,
                "words": [(spoken[row].word, spoken[row].start, spoken[row].end) for row in sentence.rows],
                **_doubtful(spoken[row].confidence for row in sentence.rows),
            }
            for sentence, segment in zip(sentences, words.segments(sentences, names), strict=True)
        ]
        return to_json({"segments": segments})

    return _cached(request, etag(corrected.stored_words, people, *_version(made)), make)


@router.get("/webvtt", response_class=Response, responses=media("text/vtt"))
def show_captions(request: Request, results: StoredResultsDep, corrections: CorrectionsDep) -> Response:
    """Show the captions."""
    content = results.read("transcript.vtt")
    made = corrections.gathered(results.id)

    def make() -> bytes:
        corrected = CorrectedResults(results, made)
        document = corrected.document if corrected.is_pending else None
        return captions.webvtt(document.segments).encode() if document else content

    return _cached(request, etag(content, *_version(made)), make, "text/vtt")


@router.delete("", status_code=202, responses={200: {"model": DeletionRequested}})
def delete_transcript(
    recording_id: RecordingId,
    recordings: RecordingsDep,
    deletions: DeletionsDep,
    inbox: InboxDep,
    request: Request,
    response: Response,
) -> DeletionRequested:
    """Delete a recording wholly: audio, text and names. Answers 202 until that is complete, then 200.

    Repeat it to see what has become of it. Dagster's daemon does it. From now on, all other requests about the
    recording are answered with 410.
    """
    if deletions.get(recording_id) is None and not inbox.of_recording(recording_id):
        recordings.state(recording_id)
    found = deletions.request(recording_id)
    # The list and the search don't show it until then.
    Catalogue(database=inbox.database).erase(recording_id)
    response.status_code = 202 if found.completed_at is None else 200
    return DeletionRequested(
        id=recording_id,
        requested_at=_iso(found.requested_at),
        completed_at=None if found.completed_at is None else _iso(found.completed_at),
        not_deleted=found.left,
        problem=found.problem if is_trusted(request) else general_reason(found.problem),
        beyond_reach=BEYOND_REACH,
    )


@router.post("/retry", status_code=202)
def retry(results: StoredResultsDep, recordings: RecordingsDep) -> RetryRequested:
    """Request that what failed or is stale is made again."""
    return RetryRequested(requested=True, daemon=recordings.retry(results.id))


def _version(made: Corrections) -> list[bytes]:
    """Return what a tag has for corrections; nothing without any."""
    return [str(made.number).encode()] if made.number else []


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _doubtful(confidences: Iterable[float]) -> dict[str, list[int]]:
    found = [at for at, confidence in enumerate(confidences) if confidence < DOUBTFUL]
    return {"doubtful": found} if found else {}


def _finished(transcript: Transcript) -> dict[str, Any]:
    names = (
        "title room_name created_at duration short_summary long_summary summary_evidence action_items participants "
        "topics method words errors revision reviewed older conflicts"
    )
    return {name: getattr(transcript, name) for name in names.split()}


def _unfinished(results: StoredResults, overview: RecordingOverview) -> dict[str, Any]:
    recording = results.find("recording.json", Recording)
    participants = results.find("participants.json", Participants)
    topics = results.find("topics.json", Topics)
    title = results.find("title.json", Title)
    summary = results.find("summary.json", Summary)
    began = recording.start_ts if recording and recording.start_ts else overview.created_at
    return {
        "title": title.title if title else overview.title,
        "room_name": recording.room_name if recording else overview.room,
        "created_at": datetime.fromtimestamp(began, UTC).isoformat() if began else None,
        "duration": overview.duration if overview.duration is not None else recording and recording.duration,
        "short_summary": summary and summary.short_summary,
        "long_summary": summary and summary.long_summary,
        "summary_evidence": summary.evidence if summary else (),
        "action_items": results.find("action_items.json", ActionItems),
        "participants": participants and participants.root,
        "topics": topics and topics.root,
        "method": summary.method if summary else title and title.method,
    }


def _audio(results: StoredResults, consents: Consents) -> AudioState:
    if deletion := deletion_of(results.store, results.id):
        return AudioState(available=False, reason=AudioDeleted(deletion.reason).what)
    if consents.holding(results.id):
        return AudioState(available=False, reason=AUDIO_WITHHELD)
    return AudioState(available=results.store.exists(results.key("audio.mp3")))


def _cached(request: Request, tag: str, make: Callable[[], bytes], media_type: str = JSON) -> Response:
    """Answer 304 if the client has this version; browsers must revalidate each time."""
    headers = {"ETag": tag}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=media_type, headers=headers)

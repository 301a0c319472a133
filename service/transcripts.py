"""The HTTP API for one transcript: what was made of a recording so far, in parts, and making it again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import AudioDeleted, NotFound
from domain.overview import RecordingOverview
from domain.recording import ID_PATTERN, Participant, Participants, Recording
from domain.results import ActionItems, Summary, Title, Topic, Topics, Transcript, Waveform
from domain.text import words
from domain.text.markdown import to_html
from resources.store.erasure import deletion_of
from service.auth import Access
from service.openapi import Endpoint
from service.ports import Shown
from service.values import Values, etag

PATH = "/v1/transcripts/{id}"
ID = {"id": {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}}
WORDS = "words.parquet"


class AudioShown(BaseModel):
    """Whether the audio can be heard; `reason` says why it never will be."""

    available: bool
    reason: str | None = None


class TranscriptShown(BaseModel):
    """One transcript, null for what isn't made yet; seconds, and ISO 8601.

    `state` is new, processing, ended, error or retired; in error `step` is the one that failed, if one did, and
    `reason` says why. `method` is "extractive" or the model that wrote the summary. `words` counts
    them once the transcript is finished.
    """

    id: str
    state: str
    step: str | None = None
    reason: str | None = None
    title: str | None = None
    room_name: str | None = None
    created_at: str | None = None
    duration: float | None = None
    short_summary: str | None = None
    long_summary: str | None = None
    long_summary_html: str | None = None
    action_items: ActionItems | None = None
    participants: tuple[Participant, ...] | None = None
    topics: tuple[Topic, ...] | None = None
    method: str | None = None
    words: int | None = None
    audio: AudioShown
    may_retry: bool = False


class TopicsShown(BaseModel):
    """The topics in the order of the meeting."""

    data: tuple[Topic, ...]


class WaveformShown(BaseModel):
    """255 peaks, 0 to 1."""

    data: tuple[float, ...]


class SegmentShown(BaseModel):
    """One sentence of one speaker; seconds, and each word as text, start, end."""

    speaker: int
    name: str
    start: float
    end: float
    words: list[tuple[str, float, float]]


class WordsShown(BaseModel):
    """All that was said, sentence by sentence."""

    segments: list[SegmentShown]


class Requested(BaseModel):
    """What is stale or failed will be made again, as soon as Dagster's daemon is up."""

    requested: bool
    daemon: bool


def endpoints(shown: Shown, access: Access) -> list[Endpoint]:
    """Everything about one transcript but its events, its audio and its downloads."""

    def reading(answer: Callable[[Values, Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            access.read(request)
            return await run_in_threadpool(answer, Values(shown.store, request.path_params["id"]), request)

        return serve

    def show(values: Values, request: Request) -> Response:
        state = shown.recordings.state(values.id)
        may_retry = state.state == "error" and access.may_act(request)
        body = _transcript(values, state).model_copy(update={"may_retry": may_retry})
        return Response(body.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def retry(request: Request) -> Response:
        access.act(request)
        recording_id = Values(shown.store, request.path_params["id"]).id
        daemon = await run_in_threadpool(shown.recordings.retry, recording_id)
        return JSONResponse(Requested(requested=True, daemon=daemon).model_dump(), 202)

    def get(path: str, serve: Callable[[Request], Awaitable[Response]], summary: str, **other: Any) -> Endpoint:
        return Endpoint("GET", PATH + path, serve, summary, refusals=(404,), needs_token=True, parameters=ID, **other)

    return [
        get("", reading(show), "Show a transcript, or what there is of it so far", answers=TranscriptShown),
        get("/topics", reading(_topics), "Show its topics", answers=TopicsShown),
        get("/waveform", reading(_waveform), "Show its waveform", answers=WaveformShown),
        get("/words", reading(_words), "Show who said what when, word by word", answers=WordsShown),
        get("/webvtt", reading(_webvtt), "Show its captions", media="text/vtt"),
        Endpoint(
            "POST",
            f"{PATH}/retry",
            retry,
            "Have what failed or is stale made again",
            answers=Requested,
            status=202,
            refusals=(404,),
            needs_token=True,
            parameters=ID,
        ),
    ]


def _transcript(values: Values, state: RecordingOverview) -> TranscriptShown:
    # What was finished once stays to be read while it is made again, or can't be.
    finished = values.found("transcript.json", Transcript)
    found = _of_finished(finished) if finished else _so_far(values, state)
    summary = found.get("long_summary")
    return TranscriptShown(
        id=values.id,
        state=state.state,
        step=state.step,
        # The step stands beside it.
        reason=state.reason and state.reason.removeprefix(f"{state.step}: "),
        long_summary_html=None if summary is None else to_html(summary, shift=2),
        audio=_audio(values),
        **found,
    )


def _of_finished(made: Transcript) -> dict[str, Any]:
    names = (
        "title room_name created_at duration short_summary long_summary action_items participants topics method words"
    )
    return {name: getattr(made, name) for name in names.split()}


def _so_far(values: Values, state: RecordingOverview) -> dict[str, Any]:
    recording = values.found("recording.json", Recording)
    participants = values.found("participants.json", Participants)
    topics = values.found("topics.json", Topics)
    title = values.found("title.json", Title)
    summary = values.found("summary.json", Summary)
    begun = recording.start_ts if recording and recording.start_ts else state.created_at
    return {
        "title": title.title if title else state.title,
        "room_name": recording.room_name if recording else state.room,
        "created_at": datetime.fromtimestamp(begun, UTC).isoformat() if begun else None,
        "duration": state.duration if state.duration is not None else recording and recording.duration,
        "short_summary": summary and summary.short_summary,
        "long_summary": summary and summary.long_summary,
        "action_items": values.found("action_items.json", ActionItems),
        "participants": participants and participants.root,
        "topics": topics and topics.root,
        "method": summary.method if summary else title and title.method,
    }


def _audio(values: Values) -> AudioShown:
    if deletion := deletion_of(values.store, values.id):
        return AudioShown(available=False, reason=AudioDeleted(deletion.reason).what)
    return AudioShown(available=values.store.exists(values.key("audio.mp3")))


def _topics(values: Values, request: Request) -> Response:
    content = values.content("topics.json")
    return _cached(request, etag(content), lambda: to_json({"data": values.parse(content, "topics.json", Topics).root}))


def _waveform(values: Values, request: Request) -> Response:
    content = values.content("waveform.json")
    return _cached(
        request, etag(content), lambda: to_json({"data": values.parse(content, "waveform.json", Waveform).root})
    )


def _words(values: Values, request: Request) -> Response:
    content = values.content(WORDS)
    try:
        people = values.content("participants.json")
    except NotFound:
        people = b"[]"

    def make() -> bytes:
        names = values.parse(people, "participants.json", Participants).names()
        table = words.from_parquet(content)
        found = words.sentences(table)
        spoken = words.words(table)
        segments = [
            {
                "speaker": segment.speaker,
                "name": segment.name,
                "start": segment.start,
                "end": segment.end,
                "words": [(spoken[row].word, spoken[row].start, spoken[row].end) for row in sentence.rows],
            }
            for sentence, segment in zip(found, words.segments(found, names), strict=True)
        ]
        return to_json({"segments": segments})

    return _cached(request, etag(content, people), make)


def _webvtt(values: Values, request: Request) -> Response:
    content = values.content("transcript.vtt")
    return _cached(request, etag(content), lambda: content, "text/vtt")


def _cached(request: Request, tag: str, make: Callable[[], bytes], media: str = "application/json") -> Response:
    """Answer 304 to who has it already; browsers have to ask each time."""
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=media, headers=headers)

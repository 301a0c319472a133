"""The GPU service of this project: transcribes audio from URLs with the embedded engine (spec: transcription service).

It is an application of its own, so that one machine with a GPU serves the workers of many.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.middleware import Middleware
from starlette.requests import Request

from domain.errors import InvalidInput, NotFound, PermanentError, ReflectorError, TransientError, UnreadableAudio
from domain.redaction import redact_urls
from domain.text.spacing import join
from resources.http import one_line
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio, Transcriber, Transcription
from service.auth import CHALLENGE, bearer_of
from service.bodies import json_body
from service.errors import HANDLERS, RETRY_AFTER, Refused
from service.routing import APPLICATION, Router, problems, request_body
from service.safe_headers import SafeHeaders

PATH = "/v1/audio/transcriptions-from-url"
# Seconds after which a client should try again that found all places taken.
BUSY_S = "60"


class Limits(NamedTuple):
    """Transcriptions at once, calls that may wait for one, and bytes of a track."""

    at_once: int
    waiting: int
    track_bytes: int = 2 * 2**30


class Call(BaseModel):
    """A track to transcribe; `timestamp_offset` in seconds is added to all times.

    `batch` is how many clips are transcribed at once at most: false is one, true as many as the service likes.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    audio_file_url: Annotated[str, StringConstraints(min_length=1, max_length=8000)]
    language: Annotated[str, StringConstraints(min_length=2, max_length=20)]
    model: str | None = None
    timestamp_offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    batch: bool | Annotated[int, Field(ge=1)] = True


class HeardWord(BaseModel):
    """A word, its times in seconds, and 0 to 1."""

    word: str
    start: float
    end: float
    confidence: float


class Heard(BaseModel):
    """What was heard; `gpu_seconds` is how long the engine worked."""

    text: str
    words: list[HeardWord]
    language: str | None
    gpu_seconds: float


class Health(BaseModel):
    """The service's state: calls being transcribed, and calls that wait or download."""

    status: str
    working: int
    waiting: int


class Desk:
    """Admits calls up to a limit, and lets some of them transcribe at once."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.at_once + limits.waiting
        self._turns = asyncio.Semaphore(limits.at_once)
        self.admitted = self.working = 0

    @asynccontextmanager
    async def admit(self) -> AsyncGenerator[None]:
        """Count a call during the block; raises Refused (503) beyond the limit."""
        if self.admitted >= self._most:
            raise Refused(503, "too many calls are waiting", {"Retry-After": BUSY_S})
        self.admitted += 1
        try:
            yield
        finally:
            self.admitted -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until the engine is free, and use it during the block."""
        async with self._turns:
            self.working += 1
            try:
                yield
            finally:
                self.working -= 1


Engine = Callable[[str, int | None], Transcriber]
"""Returns the engine for a language and a maximum of clips at once; raises PermanentError for the language."""
Download = Callable[[str, Path, int], None]
"""Writes what a URL answers to a file of at most this size in bytes; raises ReflectorError."""


def build(engine: Engine, model: str, download: Download, *, key: str, limits: Limits, files: Path) -> FastAPI:
    """Return the ASGI application. `file:` URLs are read below the folder `files` only."""
    desk = Desk(limits)

    async def require_key(request: Request) -> None:
        given = bearer_of(request) or ""
        if not hmac.compare_digest(given.encode(), key.encode()):
            raise Refused(401, "the key is missing or wrong", CHALLENGE)

    # Dependencies of the router come first: nothing of a body is read for a client without the key.
    router = Router(dependencies=[Depends(require_key)])

    async def transcribe(request: Request, call: Annotated[Call, Depends(json_body(Call))]) -> Heard:
        """Transcribe the audio at a URL."""
        if call.model not in {None, model}:
            raise Refused(400, f"there is no model {one_line(call.model or '')[:100]!r} here, only {model!r}")
        batch = None if call.batch is True else int(call.batch) or 1
        try:
            chosen = await asyncio.to_thread(engine, call.language, batch)
        except PermanentError as error:
            raise Refused(400, str(error)) from None
        with TemporaryDirectory(prefix="reflector-transcriber-") as folder:
            track = Path(folder) / "track"
            async with desk.admit():
                await asyncio.to_thread(_fetch, call.audio_file_url, track, files, download, limits.track_bytes)
                async with desk.turn():
                    if await request.is_disconnected():
                        # It may have asked again meanwhile.
                        raise Refused(503, "the client has gone")
                    return await asyncio.to_thread(_transcribe, chosen, track, call.timestamp_offset)

    app = FastAPI(
        title="Reflector's transcriber",
        exception_handlers=dict(HANDLERS),
        middleware=[Middleware(SafeHeaders)],
        **APPLICATION,
    )

    async def health() -> Health:
        """Return that the service is up, and how busy it is."""
        return Health(status="ok", working=desk.working, waiting=desk.admitted - desk.working)

    answers = problems(400, 401, 404, 413, 415, 422, 502, 503)
    router.add_api_route(PATH, transcribe, methods=["POST"], responses=answers, openapi_extra=request_body(Call))
    app.include_router(router)
    app.add_api_route("/health", health, methods=["GET"])
    return app


def _fetch(url: str, track: Path, files: Path, download: Download, most_bytes: int) -> None:
    """Have the audio in a file; raises Refused: 404 if the URL can't be read, 502 if its server fails, 413."""
    if urlsplit(url).scheme == "file":
        path = Path(unquote(urlsplit(url).path)).resolve()
        if not path.is_relative_to(files.resolve()) or not path.is_file():
            raise Refused(404, "the URL names no file of this deployment's recordings")
        track.symlink_to(path)
        return
    try:
        download(url, track, most_bytes)
    except TransientError as error:
        raise Refused(502, _line(error)) from None
    except (InvalidInput, NotFound, PermanentError) as error:
        raise Refused(404, _line(error)) from None


def _transcribe(engine: Transcriber, track: Path, offset: float) -> Heard:
    """Transcribe a file; raises Refused: 422 if it isn't audio, 400 or 503 if the engine can't transcribe it."""
    from domain.audio.probe import SilentFile, probe  # noqa: PLC0415 - PyAV takes 0.1 s to load

    begin = time.monotonic()
    try:
        length = probe(track).end
        audio = TrackAudio(LocalStore(root=str(track.parent)), track.name, "", length)
        heard = engine.transcribe(audio, speaker=0, recording="", track=0)
    except SilentFile:
        heard = Transcription((), None, 0.0, 0.0)
    except UnreadableAudio as error:
        raise Refused(422, _line(error)) from None
    except ReflectorError as error:
        status, headers = (503, {"Retry-After": RETRY_AFTER}) if isinstance(error, TransientError) else (400, {})
        raise Refused(status, _line(error), headers) from None
    return Heard(
        text=join(word.word for word in heard.words),
        words=[
            HeardWord(
                word=word.word,
                start=round(word.start + offset, 3),
                end=round(word.end + offset, 3),
                confidence=word.confidence,
            )
            for word in heard.words
        ],
        language=heard.language,
        gpu_seconds=round(time.monotonic() - begin, 3),
    )


def _line(error: ReflectorError) -> str:
    """Return an error's message without URLs, which are presigned, and without the place: the client knows it."""
    error.recording = error.track = None
    return one_line(redact_urls(str(error)))

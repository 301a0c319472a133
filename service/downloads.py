"""A transcript's audio and its documents to download."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from domain.errors import NotFound
from domain.results import Transcript
from domain.text import captions
from resources.store.base import LocalStore
from resources.store.erasure import check_not_deleted
from service.auth import Access
from service.openapi import Endpoint
from service.ports import Shown
from service.transcripts import ID, PATH
from service.values import Values

FINISHED = "transcript.json"
AUDIO = "audio.mp3"
# Longer than a meeting: a browser goes on reading from where it was sent to.
URL_S = 6 * 3600


class Format(NamedTuple):
    """A document: its media type, how it is written, and what it is called."""

    media: str
    write: Callable[[Transcript], str]
    called: str


FORMATS: Mapping[str, Format] = {
    "txt": Format("text/plain", captions.text, "plain text"),
    "md": Format("text/markdown", captions.markdown, "Markdown"),
    "vtt": Format("text/vtt", lambda made: captions.webvtt(made.segments), "WebVTT captions"),
    "srt": Format("application/x-subrip", lambda made: captions.srt(made.segments), "SubRip captions"),
}


def endpoints(shown: Shown, access: Access) -> list[Endpoint]:
    """The audio, and the finished transcript in each format."""

    def values(request: Request) -> Values:
        access.read(request)
        return Values(shown.store, request.path_params["id"])

    async def audio(request: Request) -> Response:
        return await run_in_threadpool(_audio, values(request))

    def download(suffix: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return await run_in_threadpool(_document, values(request), suffix)

        return serve

    def get(path: str, serve: Callable[[Request], Awaitable[Response]], summary: str, media: str) -> Endpoint:
        refusals = (404, 410, 416) if media == "audio/mpeg" else (404,)
        return Endpoint(
            "GET", PATH + path, serve, summary, media=media, refusals=refusals, needs_token=True, parameters=ID
        )

    return [
        get("/audio", audio, "Hear the recording; ranges are served, or a redirect to where it lies", "audio/mpeg"),
        get("/export/json", download("json"), "Download the transcript as JSON", "application/json"),
        *(
            get(f"/export/{suffix}", download(suffix), f"Download the transcript as {one.called}", one.media)
            for suffix, one in FORMATS.items()
        ),
    ]


def _audio(values: Values) -> Response:
    check_not_deleted(values.store, values.id)
    key = values.key(AUDIO)
    if not values.store.exists(key):
        raise NotFound("there is no audio of this recording yet", recording=values.id)
    if isinstance(values.store, LocalStore):
        path = values.store.path(key)
        return FileResponse(path, media_type="audio/mpeg", headers={"Cache-Control": "private, no-cache"})
    return RedirectResponse(values.store.public_url(key, URL_S), 307, headers={"Cache-Control": "no-store"})


def _document(values: Values, suffix: str) -> Response:
    content = values.content(FINISHED)
    made = values.parse(content, FINISHED, Transcript)
    media = "application/json"
    if suffix in FORMATS:
        content, media = FORMATS[suffix].write(made).encode(), FORMATS[suffix].media
    headers = {"Content-Disposition": attachment(made.title, suffix), "Cache-Control": "private, no-cache"}
    return Response(content, media_type=media, headers=headers)


def attachment(title: str, suffix: str) -> str:
    """Write the header that names a file (RFC 6266), in ASCII for those that read no other."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+|\s+', " ", title).strip(" .")[:100].strip(" .") or "transcript"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]+", "_", name)
    encoded = quote(f"{name}.{suffix}".encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}.{suffix}\"; filename*=UTF-8''{encoded}"

"""A transcript's audio, and the transcript as documents."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from fastapi import Response
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse

from domain.errors import NotFound
from domain.results import Transcript
from domain.text import captions
from resources.results.corrected import CorrectedResults
from resources.store.base import LocalStore
from resources.store.erasure import check_not_deleted
from service.callers import is_trusted
from service.dependencies import AuthorizedRouter, ConsentsDep, CorrectionsDep, StoredResultsDep
from service.disclosure import general_parts
from service.errors import Refused
from service.routing import JSON, media, problems

router = AuthorizedRouter(prefix="/v1/transcripts/{id}", responses=problems(401, 403, 404, 410))
AUDIO = "audio.mp3"
AUDIO_WITHHELD = "a denial of consent could be about this recording: its audio is withheld until that is known"
# Longer than a meeting: a browser reads on from the URL that it was redirected to.
URL_S = 6 * 3600


class Format(NamedTuple):
    """A document's media type, name, and the function that writes it; JSON without one."""

    media: str
    name: str
    write: Callable[[Transcript], str] | None


def _webvtt(transcript: Transcript) -> str:
    return captions.webvtt(transcript.segments)


def _srt(transcript: Transcript) -> str:
    return captions.srt(transcript.segments)


FORMATS: Mapping[str, Format] = {
    "json": Format(JSON, "JSON", None),
    "txt": Format("text/plain", "plain text", captions.text),
    "md": Format("text/markdown", "Markdown", captions.markdown),
    "vtt": Format("text/vtt", "WebVTT captions", _webvtt),
    "srt": Format("application/x-subrip", "SubRip captions", _srt),
}


@router.get("/audio", response_class=Response, responses={**media("audio/mpeg"), **problems(410, 416)})
def play_audio(results: StoredResultsDep, consents: ConsentsDep) -> Response:
    """Send the audio; serves ranges, or redirects to where the audio is stored."""
    check_not_deleted(results.store, results.id)
    if consents.holding(results.id):
        raise Refused(403, AUDIO_WITHHELD)
    key = results.key(AUDIO)
    if not results.store.exists(key):
        raise NotFound("there is no audio of this recording yet", recording=results.id)
    if isinstance(results.store, LocalStore):
        path = results.store.path(key)
        return FileResponse(path, media_type="audio/mpeg")
    return RedirectResponse(results.store.public_url(key, URL_S), 307)


def _add_download(suffix: str, form: Format) -> None:
    @router.get(
        f"/export/{suffix}",
        name=f"download_{suffix}",
        description=f"Download the transcript as {form.name}.",
        response_class=Response,
        responses=media(form.media),
    )
    def download(request: Request, results: StoredResultsDep, corrections: CorrectionsDep) -> Response:
        transcript = CorrectedResults(results, corrections.gathered(results.id)).document
        if transcript is None:
            raise NotFound("it has no transcript yet", recording=results.id)
        if not is_trusted(request):
            general = general_parts(transcript.errors, transcript.topics, transcript.action_items)
            transcript = transcript.model_copy(update=general)
        content = form.write(transcript) if form.write else transcript.model_dump_json(indent=1)
        headers = {"Content-Disposition": attachment(transcript.title, suffix)}
        return Response(content, media_type=form.media, headers=headers)


for _suffix, _form in FORMATS.items():
    _add_download(_suffix, _form)


def attachment(title: str, suffix: str) -> str:
    """Return the header that names a file (RFC 6266), with an ASCII name for clients that read no other."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+|\s+', " ", title).strip(" .")[:100].strip(" .") or "transcript"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]+", "_", name)
    encoded = quote(f"{name}.{suffix}".encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}.{suffix}\"; filename*=UTF-8''{encoded}"

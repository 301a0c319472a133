"""The pages: public shells without data, and their static files."""

import hashlib
import html
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from domain.steps import STEPS
from resources.store.base import Store
from service.safe_headers import IMMUTABLE

STATIC = "/static/"
FILES = Path(__file__).parents[1] / "static"
# The path of each page, and its template.
PAGES: Mapping[str, str] = {"/": "list.html", "/transcripts/{id}": "transcript.html", "/costs": "costs.html"}


# A module that is generated from the table of steps: each step's name, label and activity.
STEPS_MODULE = "step_labels.js"
_labels = [(name, step.label, step.activity) for name, step in STEPS.items() if step.label]
STEPS_SOURCE = f"export const STEPS = {json.dumps(_labels)};\n"


class Files(StaticFiles):
    """Static files, cached for ever: their path has a version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve all files but the templates of pages, and the generated module."""
        if path == STEPS_MODULE:
            answer = Response(STEPS_SOURCE, media_type="text/javascript")
        else:
            answer = await super().get_response("" if path.endswith(".html") else path, scope)
        answer.headers["Cache-Control"] = IMMUTABLE
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


def add_to(app: FastAPI, store: Store) -> None:
    """Add the pages and their static files to the application; audio may come from the origins of `store`."""
    version = _version()
    media = " ".join(("'self'", *store.origins()))
    for path, file in PAGES.items():
        shell = (FILES / file).read_text("utf-8").replace("{static}", f"{STATIC}{version}")
        app.add_route(path, _page(shell, media), include_in_schema=False)
    app.mount(f"{STATIC}{version}", Files(directory=FILES))


def _page(shell: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        # The waveform inserts a style element.
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(shell.replace("{nonce}", nonce), headers=_headers(nonce, media))

    return serve


def sign_in_failed(reason: str, status: int) -> HTMLResponse:
    """Return the page for people whose sign-in failed, with the reason in plain text."""
    shell = (FILES / "sign_in_failed.html").read_text("utf-8").replace("{static}", f"{STATIC}{_version()}")
    return HTMLResponse(
        shell.replace("{reason}", html.escape(reason)), status, _headers(secrets.token_urlsafe(16), "'none'")
    )


def _headers(nonce: str, media: str) -> dict[str, str]:
    policy = {
        "default-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "media-src": media,
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
    }


@cache
def _version() -> str:
    digest = hashlib.sha256(STEPS_SOURCE.encode())
    for path in sorted(FILES.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(FILES).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

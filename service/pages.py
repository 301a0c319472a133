"""The pages: shells without data, which anybody may have, and their static files."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from resources.store.base import Store

FILES = Path(__file__).parent / "static"
# Path of each page, and the file it is made from.
PAGES: Mapping[str, str] = {"/": "list.html", "/transcripts/{id}": "transcript.html", "/costs": "costs.html"}


class Files(StaticFiles):
    """Files that are never asked for again: their address says which version they are."""

    def file_response(self, *args: object, **named: object) -> Response:
        """Serve a file."""
        answer = super().file_response(*args, **named)  # pyright: ignore[reportArgumentType]
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve all but the shells, which pages are made from."""
        return await super().get_response("" if path.endswith(".html") else path, scope)


def routes(store: Store) -> list[BaseRoute]:
    """The pages and the files that they need; audio may come from where `store` keeps it."""
    version = _version()
    media = " ".join(("'self'", *store.origins()))

    def page(file: str) -> Route:
        shell = (FILES / file).read_text("utf-8").replace("{static}", f"/static/{version}")

        async def serve(_: Request) -> Response:
            # The waveform brings a style of its own.
            nonce = secrets.token_urlsafe(16)
            return HTMLResponse(shell.replace("{nonce}", nonce), headers=_headers(nonce, media))

        return Route(next(path for path, name in PAGES.items() if name == file), serve, methods=["GET"])

    return [*(page(file) for file in PAGES.values()), Mount(f"/static/{version}", Files(directory=FILES))]


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
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def _version() -> str:
    digest = hashlib.sha256()
    for path in sorted(FILES.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(FILES).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

"""Headers that keep answers out of caches, and browsers from guessing their type: of all but static files."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = {b"cache-control": b"no-store", b"x-content-type-options": b"nosniff"}
# Of static files, whose paths have a version.
IMMUTABLE = "public, max-age=31536000, immutable"
# Of answers, also to WebSockets that aren't accepted.
STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


class SafeHeaders:
    """Middleware that adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self._app(scope, receive, with_safe_headers(send))


def with_safe_headers(send: Send) -> Send:
    """Return a `send` that adds the headers."""

    async def send_safely(message: Message) -> None:
        if message["type"] in STARTS:
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            if (b"cache-control", IMMUTABLE.encode()) not in headers:
                others = [pair for pair in headers if pair[0].lower() not in SAFE]
                message = {**message, "headers": [*others, *SAFE.items()]}
        await send(message)

    return send_safely

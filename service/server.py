"""The HTTP server: uvicorn, with limits for what clients send before anything is known of them.

Uvicorn limits the requests that are answered at once, and idle connections after an answer; not the size of headers,
the time that a request takes to arrive, nor the number of open connections.
"""

import asyncio
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.safe_headers import SAFE

# Bytes of a request's line and headers.
MOST_HEAD = 32 * 1024
# Seconds for the head of a request to arrive, and for all of it.
HEAD_S, BODY_S = 10.0, 30.0
# Open connections, at most; fewer where the limit of descriptors is low, half of which are left for everything else.
MOST_CONNECTIONS = 1000
# Listeners of events send nothing: bytes of a WebSocket's message, and messages in its queue.
MOST_MESSAGE, MESSAGE_QUEUE = 1024, 1


def configure(app: Any, host: str, port: int, **more: Any) -> uvicorn.Config:
    """Return uvicorn's configuration for an ASGI application; `more` are further options of it."""
    options: dict[str, Any] = {
        "http": BoundedHttp,
        "backlog": connection_limit() // 2,
        "ws_max_size": MOST_MESSAGE,
        "ws_max_queue": MESSAGE_QUEUE,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 10,
    }
    return uvicorn.Config(app, host=host, port=port, **options | more)


def connection_limit() -> int:
    """Return the number of connections that this process keeps open."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if descriptors == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, descriptors // 2)


class BoundedHttp(HttpToolsProtocol):
    """One connection. Beyond the limit, the one that has been waiting longest for its client's bytes is closed.

    So connections that send nothing make no room for themselves at the expense of those that send a request.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limit = connection_limit()
        # When it began to wait for its client; None while a request is answered.
        self.waiting_since: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        # Bytes of the present request's head so far; None after its end.
        self._head: int | None = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, after closing another connection if there are too many."""
        super().connection_made(transport)  # pyright: ignore[reportArgumentType] - as in uvicorn
        self._expect(HEAD_S)
        if len(self.connections) > self._limit:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._received()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes of a request; refuse one whose head is too long."""
        if self._deadline is None and self.waiting_since is not None:
            self._expect(HEAD_S)
        super().data_received(data)
        if self._head is not None and not self.transport.is_closing():
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request, unless its head is too long; the rest of it may take longer to arrive."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MOST_HEAD:
            self._refuse()
            raise ValueError("the head of the request is too long")
        self._head = None
        super().on_headers_complete()
        self._expect(BODY_S)

    def on_message_complete(self) -> None:
        """Stop waiting for a request."""
        self._received()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request of the connection."""
        super().on_response_complete()
        if self.waiting_since is None and self.cycle.response_complete:
            self.waiting_since = self.loop.time()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to uvicorn's protocol for WebSockets."""
        self._received()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request, unless it was refused already."""
        if not self.transport.is_closing():
            self._answer("400 Bad Request", msg)

    def _expect(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._close)
        self.waiting_since = self.waiting_since or self.loop.time()

    def _received(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.waiting_since = None

    def _make_room(self) -> None:
        waiting = [one for one in self.connections if isinstance(one, BoundedHttp) and one.waiting_since is not None]
        # This one is among them, the newest: it goes if all others are being answered.
        min(waiting, key=lambda one: one.waiting_since or 0.0)._close()

    def _close(self) -> None:
        self._received()
        self.connections.discard(self)
        self.transport.abort()

    def _refuse(self) -> None:
        self._answer("431 Request Header Fields Too Large", "the head of the request is too long")

    def _answer(self, status: str, text: str) -> None:
        """Answer what the application doesn't see, and close the connection."""
        safe = [f"{name.decode()}: {value.decode()}" for name, value in SAFE.items()]
        head = [f"HTTP/1.1 {status}", *safe, "content-type: text/plain", f"content-length: {len(text)}"]
        self.transport.write("\r\n".join([*head, "connection: close", "", text]).encode())
        self.transport.close()

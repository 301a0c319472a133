"""The HTTP server: uvicorn, with limits for what clients send before anything is known of them.

Uvicorn limits the requests that are answered at once, and idle connections after an answer; not the size of headers,
the time that a request takes to arrive, nor the number of open connections.
"""

import asyncio
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from service.safe_headers import SAFE

# Bytes of a request's line and headers.
MOST_HEAD = 32 * 1024
# Seconds for the head of a request to arrive, and for all of it.
HEAD_S, BODY_S = 10.0, 30.0
# Open connections, at most; fewer where the limit of descriptors is low, half of which are left for everything else.
MOST_CONNECTIONS = 1000
# Requests of a connection that wait for the answer before theirs.
MOST_PIPELINED = 8
# Listeners of events send nothing: bytes of a WebSocket's message, and messages in its queue.
MOST_MESSAGE, MESSAGE_QUEUE = 1024, 1


def configure(app: Any, host: str, port: int, **more: Any) -> uvicorn.Config:
    """Return uvicorn's configuration for an ASGI application; `more` are further options of it."""
    options: dict[str, Any] = {
        "http": BoundedHttp,
        "ws": BoundedWebSocket,
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


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket. Its client can't make others wait before it was sent something, as those are whom we know."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unknown_since: float | None = self.loop.time()

    @property
    def idle_since(self) -> float | None:
        """Return since when nothing was sent to it, or since when it waits for its client to close it; else None."""
        if self.transport.is_closing():
            return None
        closing = None if self.close_timer is None else self.close_timer.when() - self.close_timeout
        return closing if self._unknown_since is None else self._unknown_since

    async def send(self, message: Any) -> None:
        """Send what the application sends."""
        if message["type"] == "websocket.send":
            self._unknown_since = None
        await super().send(message)

    def drop(self) -> None:
        """Close the connection at once; it is forgotten when that is done."""
        self.transport.abort()


class BoundedHttp(HttpToolsProtocol):
    """One connection. Beyond the limit, the one that has been waiting longest for its client is dropped.

    So connections that send or read nothing make no room for themselves at the expense of those that send a request.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limit = connection_limit()
        # When it began to wait for its client to send; None while a request is answered.
        self.waiting_since: float | None = None
        # When it began to wait for its client to read.
        self._stalled_since: float | None = None
        # The request that is answered.
        self._answered: RequestResponseCycle | None = None
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
        """Forget the connection, and end what is answered; uvicorn ends only what was requested last."""
        self._received()
        super().connection_lost(exc)
        self.pipeline.clear()
        if (answered := self._answered) is not None and not answered.response_complete:
            answered.disconnected = True
            answered.message_event.set()

    @property
    def idle_since(self) -> float | None:
        """Return since when it waits for its client; None while a request is answered."""
        return min((at for at in (self.waiting_since, self._stalled_since) if at is not None), default=None)

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
        if len(self.pipeline) >= MOST_PIPELINED:
            self.drop()
            raise ValueError("too many requests before an answer")
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

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        """Go on after the client has read."""
        super().resume_writing()
        self._stalled_since = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

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
        self._deadline = self.loop.call_later(seconds, self.drop)
        self.waiting_since = self.waiting_since or self.loop.time()

    def _received(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.waiting_since = None

    def _make_room(self) -> None:
        ours = [one for one in self.connections if isinstance(one, BoundedHttp | BoundedWebSocket)]
        waiting = [one for one in ours if one.idle_since is not None]
        # This one is among them, the newest: it goes if all others are being answered.
        min(waiting, key=lambda one: one.idle_since or 0.0).drop()

    def drop(self) -> None:
        """Close and forget the connection at once."""
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

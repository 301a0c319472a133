"""The base of stand-ins for external services: a server on 127.0.0.1 that logs requests and misbehaves on demand.

The host of a service checks its contract in `read` and answers in `reply`:

    @dataclass
    class Clock(Host[Request]):
        def read(self, request: Request) -> Request | Answer:
            return request if request.path == "/time" else self.error(404, "no such path")

        def reply(self, call: Request) -> Answer:
            return Answer(body={"time": 0})

    with Clock() as clock:
        clock.fail(2, 503, retry_after=1)
        clock.hang(1, when=lambda call: "zone" in call.query)
"""

# pyright: basic

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from testing import PATIENCE_S


@dataclass
class Request:
    """A request, its path without the query; `status` is that of the answer (0: not answered).

    It arrived `at` and was answered when it `ended`, both by the monotonic clock in seconds (0: not yet).

    A service's own request class adds parsed fields: `Call(**vars(request), name=...)`.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    raw: bytes
    at: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    status: int = 0

    def json(self) -> Any:
        """Parse the body as JSON; raises ValueError."""
        return json.loads(self.raw)

    def form(self) -> dict[str, str]:
        """Parse the body as an HTML form (application/x-www-form-urlencoded)."""
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """An answer; a body of bytes is sent unchanged, any other as JSON.

    `how` it is sent: whole; not at all, with the connection left open (hang) or closed (reset); only a beginning
    before the connection ends (half); or a beginning followed by blanks without end (drip).
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    how: Literal["whole", "hang", "reset", "half", "drip"] = "whole"


C = TypeVar("C", bound=Request)


def every(_: Request) -> bool:
    """Match every call."""
    return True


@dataclass
class Plan(Generic[C]):
    """The answer to the next `times` calls that `when` matches."""

    times: int
    answer: Callable[[C], Answer]
    when: Callable[[C], bool]


@dataclass
class Host(Generic[C]):
    """A server; use it as a context manager. Every answer is delayed by `latency` seconds.

    `requests` are the calls that `read` accepted, in order, `refused` the others. `most_at_once` is the maximum number
    of concurrent calls. Of several plans that match a call, the oldest applies.
    """

    latency: float = 0.0
    requests: list[C] = field(default_factory=list)
    refused: list[Request] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.lock, self.plans, self._now = threading.Lock(), list[Plan[C]](), 0
        self.stopping = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    # Overridden by each service.

    def read(self, request: Request) -> C | Answer:
        """Check a request against the contract: return it as a call, or the answer that rejects it."""
        raise NotImplementedError

    def reply(self, call: C) -> Answer:
        """Answer a call that no plan matches."""
        raise NotImplementedError

    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an error in the service's own format."""
        return Answer(status, {"detail": message}, headers or {})

    # Used by tests.

    def plan(self, times: int, answer: Callable[[C], Answer], when: Callable[[C], bool] = every) -> None:
        """Answer the next calls by a function."""
        with self.lock:
            self.plans.append(Plan(times, answer, when))

    def fail(
        self,
        times: int,
        status: int,
        message: str = "told to fail",
        *,
        retry_after: str | float | None = None,
        when: Callable[[C], bool] = every,
    ) -> None:
        """Answer the next calls with an HTTP error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.plan(times, lambda _: self.error(status, message, headers), when)

    def answer(self, times: int, body: object, when: Callable[[C], bool] = every) -> None:
        """Answer the next calls with 200 and this body."""
        self.plan(times, lambda _: Answer(body=body), when)

    def hang(self, times: int = 1, when: Callable[[C], bool] = every) -> None:
        """Accept the next calls and never answer."""
        self.plan(times, lambda _: Answer(how="hang"), when)

    def reset(self, times: int = 1, when: Callable[[C], bool] = every, *, begun: bool = True) -> None:
        """Break the connection in the middle of the next answers, or before they have begun."""
        self.plan(times, lambda _: Answer(how="half" if begun else "reset"), when)

    def drip(self, times: int = 1, when: Callable[[C], bool] = every) -> None:
        """Answer the next calls byte by byte, without end."""
        self.plan(times, lambda _: Answer(how="drip"), when)

    # Used by the server.

    def handle(self, request: Request) -> Answer:
        call = self.read(request)
        if isinstance(call, Answer):
            request.status = call.status
            with self.lock:
                self.refused.append(request)
            return call
        with self.lock:
            self.requests.append(call)
            planned = next((plan for plan in self.plans if plan.times > 0 and plan.when(call)), None)
            if planned:
                planned.times -= 1
        self.stopping.wait(self.latency)
        answer = planned.answer(call) if planned else self.reply(call)
        call.status = answer.status if answer.how == "whole" else 0
        call.ended = time.monotonic()
        return answer

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self.lock:
                self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Pending connections; with the default of 5, a burst of calls would be delayed by a second.
    request_queue_size = 128


def _handler(host: Host[Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), self.headers, raw)
            with host.counted():
                try:
                    self.send(host.handle(request))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

        def send(self, answer: Answer) -> None:
            if answer.how == "whole":
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.begin(answer, len(content))
                self.wfile.write(b"" if self.command == "HEAD" else content)
                return
            self.close_connection = True
            if answer.how == "hang":
                host.stopping.wait(PATIENCE_S)
            elif answer.how in {"half", "drip"}:
                self.begin(answer, 10_000_000)
                self.wfile.write(b'{"never')
            while answer.how == "drip" and not host.stopping.wait(0.02):
                self.wfile.write(b" ")

        def begin(self, answer: Answer, length: int) -> None:
            self.send_response(answer.status)
            given = {"Content-Type": "application/json", "Content-Length": str(length), **answer.headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


def run_alone(host: Host[Any], **about: str) -> None:
    """Serve other processes: print the URL and `about` as one line of JSON, and run until stdin ends."""
    with host:
        print(json.dumps({"url": host.url, **about}), flush=True)
        sys.stdin.read()

"""A transcription service for tests: checks every request against its contract and can be told to misbehave.

It has both doors, the one that fetches a URL and OpenAI's, which takes an upload. Start it for processes of other
tests with `python -m tests.hosts.gpu_host`: it prints its URL and key as JSON, runs until stdin ends.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

FROM_URL, UPLOAD = "/v1/audio/transcriptions-from-url", "/v1/audio/transcriptions"
TYPES: dict[str, tuple[type, ...]] = {
    "audio_file_url": (str,),
    "language": (str,),
    "model": (str,),
    "timestamp_offset": (int, float),
    "batch": (bool, int),
}
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl"}


@dataclass
class Call:
    """One request: which door, the track's path (or the upload's name), its fields, and the status (0: no answer)."""

    door: str
    name: str
    fields: dict[str, Any]
    bytes: int
    at: float = field(default_factory=time.monotonic)
    status: int = 0


@dataclass
class Plan:
    """What to do with the next `times` calls that `when` picks."""

    kind: str
    times: int
    when: Callable[[Call], bool]
    status: int = 200
    retry_after: str | float | None = None
    body: object = None


def some_words(call: Call) -> list[dict[str, Any]]:
    """A few words that depend on nothing but the track's name, blanks around them as such services send them."""
    said = ["this", "is", *call.name.rsplit("/", 1)[-1].split(".")[:1], "speaking"]
    return [{"word": f" {word}", "start": 0.5 * n, "end": 0.5 * n + 0.4} for n, word in enumerate(said)]


@dataclass
class GPUHost:
    """A server on 127.0.0.1; use as a context manager. `words` gives the answer to a call."""

    key: str = "test-gpu-key"
    model: str = "test-whisper"
    latency: float = 0.0
    words: Callable[[Call], list[dict[str, Any]]] = some_words
    extra: dict[str, Any] = field(default_factory=dict)
    requests: list[Call] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.lock, self.plans, self.now = threading.Lock(), list[Plan](), 0
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def calls(self) -> Counter[str]:
        """How many requests came in, by the path of the track's URL or the name of the upload."""
        with self.lock:
            return Counter(call.name for call in self.requests)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def fail(
        self,
        times: int,
        status: int,
        retry_after: str | float | None = None,
        when: Callable[[Call], bool] = lambda call: True,
        body: object = None,
    ) -> None:
        """Answer the next calls with an HTTP error."""
        said = {"detail": "told to fail"} if body is None else body
        self.plans.append(Plan("status", times, when, status, retry_after, said))

    def answer(self, times: int, body: object, when: Callable[[Call], bool] = lambda call: True) -> None:
        """Answer the next calls with 200 and this body: bytes as they are, anything else as JSON."""
        self.plans.append(Plan("status", times, when, body=body))

    def hang(self, times: int = 1, when: Callable[[Call], bool] = lambda call: True) -> None:
        """Accept the next calls and never answer."""
        self.plans.append(Plan("hang", times, when))

    def reset(self, times: int = 1, when: Callable[[Call], bool] = lambda call: True) -> None:
        """Break the connection in the middle of the next answers."""
        self.plans.append(Plan("reset", times, when))

    def drip(self, times: int = 1, when: Callable[[Call], bool] = lambda call: True) -> None:
        """Answer the next calls byte by byte, without end."""
        self.plans.append(Plan("drip", times, when))

    def plan_for(self, call: Call) -> Plan | None:
        with self.lock:
            self.requests.append(call)
            for plan in self.plans:
                if plan.times > 0 and plan.when(call):
                    plan.times -= 1
                    return plan
        return None


def handler(host: GPUHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.say(405, {"detail": "only POST"})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with host.lock:
                host.now += 1
                host.most_at_once = max(host.most_at_once, host.now)
            try:
                self.serve(raw)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with host.lock:
                    host.now -= 1

        def serve(self, raw: bytes) -> None:
            if self.path not in {FROM_URL, UPLOAD}:
                return self.say(404, {"detail": f"no such path: {self.path}"})
            if self.headers.get("Authorization") != f"Bearer {host.key}":
                return self.say(401, {"detail": "invalid token"})
            call = read_url(raw) if self.path == FROM_URL else read_upload(raw, self.headers)
            if isinstance(call, str):
                return self.say(422, {"detail": call})
            plan = host.plan_for(call)
            host.stopping.wait(host.latency)
            if plan and plan.kind == "status":
                call.status = plan.status
                return self.say(plan.status, plan.body, plan.retry_after)
            if plan:
                return self.misbehave(plan.kind)
            call.status, body = self.result(call)
            return self.say(call.status, body)

        def result(self, call: Call) -> tuple[int, dict[str, Any]]:
            if call.fields.get("language", "en") not in LANGUAGES:
                return 400, {"detail": f"language {call.fields['language']} is not supported"}
            if call.fields.get("model", host.model) != host.model:
                return 400, {"detail": f"model {call.fields['model']} is not known"}
            if call.door == FROM_URL:
                url = str(call.fields["audio_file_url"])
                try:
                    # A file has no query: to urllib it would be part of the name.
                    url = url.split("?", maxsplit=1)[0] if url.startswith("file:") else url
                    with urllib.request.urlopen(url, timeout=10) as track:
                        call.bytes = len(track.read())
                except (urllib.error.URLError, ValueError, OSError):
                    return 404, {"detail": f"can't read {call.fields['audio_file_url']}"}
            words = host.words(call)
            text = "".join(str(word["word"]) for word in words)
            return 200, {"text": text, "words": words, "language": "english", **host.extra}

        def misbehave(self, kind: str) -> None:
            if kind == "hang":
                host.stopping.wait(60)
            else:
                self.begin(200, 1000 if kind == "reset" else 10_000_000)
                self.wfile.write(b'{"text": "never')
                while kind == "drip" and not host.stopping.wait(0.02):
                    self.wfile.write(b" ")
            self.close_connection = True

        def say(self, status: int, body: object, retry_after: str | float | None = None) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.begin(status, len(content), {} if retry_after is None else {"Retry-After": str(retry_after)})
            self.wfile.write(content)

        def begin(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            given = {"Content-Type": "application/json", "Content-Length": str(length), **(headers or {})}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


def read_url(raw: bytes) -> Call | str:
    """Read the JSON of the URL door; a text says what is wrong with it."""
    try:
        fields = json.loads(raw)
    except ValueError:
        return "no JSON"
    if not isinstance(fields, dict) or not {"audio_file_url", "language"} <= set(fields):
        return "audio_file_url and language are required"
    for name, value in fields.items():
        if name not in TYPES:
            return f"unknown field {name}"
        if not isinstance(value, TYPES[name]):
            return f"{name} has the wrong type"
    return Call(FROM_URL, unquote(urlsplit(fields["audio_file_url"]).path), fields, 0)


def read_upload(raw: bytes, headers: Message) -> Call | str:
    """Read the form of OpenAI's door; a text says what is wrong with it."""
    boundary = headers.get_param("boundary")
    if not boundary:
        return "no multipart form"
    fields: dict[str, Any] = {}
    name, size = "", 0
    for part in raw.split(f"--{boundary}".encode())[1:-1]:
        head, content = part[2:-2].split(b"\r\n\r\n", 1)
        about = BytesParser().parsebytes(head)
        if filename := about.get_filename():
            name, size = filename, len(content)
        else:
            fields[str(about.get_param("name", header="content-disposition"))] = content.decode()
    if not name or "model" not in fields:
        return "file and model are required"
    if fields.get("response_format") != "verbose_json" or fields.get("timestamp_granularities[]") != "word":
        return "words with times need response_format verbose_json and timestamp_granularities[] word"
    return Call(UPLOAD, name, fields, size)


def main() -> None:
    with GPUHost() as host:
        print(json.dumps({"url": host.url, "key": host.key, "model": host.model}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

"""A chat endpoint for tests: checks every request against OpenAI's contract and can be told to misbehave.

Start it for processes of other tests with `python -m tests.hosts.llm_host`: it prints its URL, runs until stdin ends.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from pydantic import ValidationError

from tests.hosts.chat_contract import asked, check, example

WAYS = ("json_schema", "tool", "text")
MISBEHAVIOURS = (
    *("hang", "drip", "reset", "prose", "broken", "wrong", "empty", "refusal", "huge", "think", "fenced", "half"),
    *("length", "html", "gateway"),
)


@dataclass
class Call:
    """One request: what was asked, how, and how it was answered (`status` 0 when it got none)."""

    messages: list[dict[str, Any]]
    schema: str
    way: str
    body: dict[str, Any]
    status: int = 0

    @property
    def text(self) -> str:
        return "\n".join(str(message["content"]) for message in self.messages)


@dataclass
class Plan:
    """What to do with the next `times` calls that `when` picks."""

    kind: str
    times: int
    when: Callable[[Call], bool]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "told to fail"


@dataclass
class LLMHost:
    """A server on 127.0.0.1; use as a context manager."""

    key: str = "test-llm-key"
    model: str = "test-model"
    ways: tuple[str, ...] = WAYS
    pause: float = 0.0
    calls: list[Call] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.lock, self.plans, self.now = threading.Lock(), list[Plan](), 0
        self.stopping = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

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
        *,
        retry_after: str | float | None = None,
        when: Callable[[Call], bool] = lambda call: True,
        message: str = "told to fail",
    ) -> None:
        """Answer the next calls with an HTTP error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.plans.append(Plan("status", times, when, status, headers, message))

    def misbehave(self, kind: str, times: int = 1, when: Callable[[Call], bool] = lambda call: True) -> None:
        """Answer the next calls in one of the ways of MISBEHAVIOURS."""
        assert kind in MISBEHAVIOURS, kind
        self.plans.append(Plan(kind, times, when))

    def count(self, schema: str | None = None) -> int:
        """How many requests came in, for one schema or at all."""
        with self.lock:
            return sum(schema in {None, call.schema} for call in self.calls)

    def plan_for(self, call: Call) -> Plan | None:
        with self.lock:
            self.calls.append(call)
            for plan in self.plans:
                if plan.times > 0 and plan.when(call):
                    plan.times -= 1
                    return plan
        return None


def handler(host: LLMHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.say(405, {"error": {"message": "only POST"}})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with host.lock:
                host.now += 1
                host.most_at_once = max(host.most_at_once, host.now)
            try:
                self.answer(raw)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with host.lock:
                    host.now -= 1

        def answer(self, raw: bytes) -> None:
            if self.path != "/v1/chat/completions":
                return self.error(404, f"no such path: {self.path}")
            host.logins.append(self.headers.get("Authorization"))
            if self.headers.get("Authorization") != f"Bearer {host.key}":
                return self.error(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")
            try:
                body = json.loads(raw)
                check(body)
            except (ValueError, ValidationError) as problem:
                return self.error(400, f"invalid request: {problem}")
            if body["model"] != host.model:
                return self.error(404, f"The model {body['model']} does not exist")
            call = Call(body["messages"], *asked(body)[:2], body)
            plan = host.plan_for(call)
            host.stopping.wait(host.pause)
            if plan is None and call.way not in host.ways:
                plan = Plan("status", 1, lambda _: True, 400, message=f"{call.way} is not supported by this model")
            if plan and plan.kind == "status":
                call.status = plan.status
                return self.error(plan.status, plan.message, plan.headers)
            call.status = 200
            return self.misbehave(call, plan.kind) if plan else self.complete(call, plausible(call))

        def misbehave(self, call: Call, kind: str) -> None:
            good = plausible(call)
            if kind == "hang":
                call.status = 0
                host.stopping.wait(60)
                self.close_connection = True
            elif kind == "drip":
                self.begin(200, 10_000_000)
                while not host.stopping.wait(0.02):
                    self.wfile.write(b" ")
            elif kind in {"reset", "half"}:
                call.status = 0
                if kind == "half":
                    self.begin(200, 1000)
                    self.wfile.write(b'{"choices": [')
                self.close_connection = True
            elif kind == "html":
                self.send(200, b"<html><body>Welcome</body></html>", content_type="text/html")
            elif kind == "gateway":
                self.say(200, {"error": {"code": 503, "message": "upstream is overloaded"}})
            elif kind == "refusal":
                self.complete(call, None, message={"refusal": "I can't help with that."})
            elif kind == "length":
                self.complete(call, good[: len(good) // 2], finish="length")
            else:
                self.complete(
                    call,
                    {
                        "prose": "Sure! Here is what I think about this meeting.",
                        "broken": good[:-3],
                        "wrong": '{"unexpected": true}',
                        "empty": "",
                        "huge": "x" * 10_000_000,
                        "think": f'<think>{{"maybe": 1}} Let me see ...</think>\n{good}',
                        "fenced": f"Here you are:\n```json\n{good}\n```\nAnything else?",
                    }[kind],
                    as_text=kind in {"think", "fenced", "prose"},
                )

        def complete(
            self, call: Call, text: str | None, *, finish: str = "stop", as_text: bool = False, message: Any = None
        ) -> None:
            said: dict[str, Any] = {"role": "assistant", "content": text, **(message or {})}
            if call.way == "tool" and text and not as_text:
                function = {"name": call.schema, "arguments": text}
                said |= {"content": None, "tool_calls": [{"id": "call-1", "type": "function", "function": function}]}
            tokens = {"prompt_tokens": len(call.text.split()), "completion_tokens": len((text or "").split())}
            self.say(
                200,
                {
                    "id": f"chatcmpl-{len(host.calls)}",
                    "object": "chat.completion",
                    "created": int(time.time()),
                    "model": host.model,
                    "choices": [{"index": 0, "message": said, "finish_reason": finish, "logprobs": None}],
                    "usage": {**tokens, "total_tokens": sum(tokens.values())},
                },
            )

        def error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
            self.say(status, {"error": {"message": message, "type": "error", "code": None}}, headers)

        def say(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
            self.send(status, json.dumps(body).encode(), headers)

        def send(
            self,
            status: int,
            content: bytes,
            headers: dict[str, str] | None = None,
            content_type: str = "application/json",
        ) -> None:
            self.begin(status, len(content), headers, content_type)
            self.wfile.write(content)

        def begin(
            self,
            status: int,
            length: int,
            headers: dict[str, str] | None = None,
            content_type: str = "application/json",
        ) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": content_type, "Content-Length": str(length), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


def plausible(call: Call) -> str:
    """Write an answer that follows whatever schema is asked for."""
    schema = asked(call.body)[2]
    return json.dumps(example(schema, schema, "answer", len(call.messages[-1]["content"])))


def main() -> None:
    with LLMHost() as host:
        print(json.dumps({"url": host.url, "key": host.key, "model": host.model}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

"""A stand-in for Zulip: stores messages posted by its REST API, and rejects what the documentation doesn't allow.

`python -m testing.hosts.zulip_host` prints its URL, e-mail and key as JSON and runs until stdin ends.
"""

# pyright: basic

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testing.hosts.host import Answer, Host, Request, run_alone

MESSAGES = "/api/v1/messages"
FORMS = {"POST": {"type", "to", "topic", "content"}, "PATCH": {"content"}}
QUERY = {"anchor", "num_before", "num_after", "narrow", "apply_markdown"}
GONE = "Invalid message(s)"
TOO_LATE = "The time limit for editing this message has passed"


@dataclass
class Message:
    """A message; `edits` is how often it was edited."""

    id: int
    stream: str
    topic: str
    sender: str
    content: str
    edits: int = 0


@dataclass
class ZulipHost(Host[Request]):
    """A server with streams and one bot; `messages` exist now, `posted` counts all that were ever posted."""

    email: str = "bot@example.com"
    key: str = "test-zulip-key"
    streams: tuple[str, ...] = ("general", "operations")
    messages: dict[int, Message] = field(default_factory=dict)
    posted: int = 0
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(100))

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        return {"ZULIP_REALM": self.url, "ZULIP_BOT_EMAIL": self.email, "ZULIP_API_KEY": self.key}

    def says(self) -> list[str]:
        """Return the contents of all messages, oldest first."""
        with self.lock:
            return [message.content for message in self.messages.values()]

    def forget(self) -> None:
        """Delete all messages, as users can."""
        with self.lock:
            self.messages.clear()

    def lose_answers(self, times: int = 1) -> None:
        """Accept the next messages, but break the connection before answering."""

        def take(call: Request) -> Answer:
            self.reply(call)
            return Answer(how="reset")

        self.plan(times, take, lambda call: call.method == "POST")

    def error(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, code: str | None = None
    ) -> Answer:
        codes = {401: "UNAUTHORIZED", 429: "RATE_LIMIT_HIT"}
        more = {"retry-after": float((headers or {}).get("Retry-After", 1))} if status == 429 else {}
        body = {"result": "error", "msg": message, "code": code or codes.get(status, "BAD_REQUEST"), **more}
        return Answer(status, body, headers or {})

    def read(self, request: Request) -> Request | Answer:
        login = base64.b64encode(f"{self.email}:{self.key}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {login}":
            return self.error(401, "Invalid API key")
        if (request.method, request.path) == ("GET", "/api/v1/users/me"):
            return request
        number = request.path.removeprefix(MESSAGES).removeprefix("/")
        if not request.path.startswith(MESSAGES) or bool(number) != (request.method == "PATCH"):
            return self.error(404, f"no such path: {request.method} {request.path}")
        if request.method == "GET":
            return self.error(400, "wrong parameters") if set(request.query) != QUERY else request
        if request.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return self.error(400, "no form")
        form = request.form()
        if set(form) != FORMS[request.method] or request.query:
            return self.error(400, f"wrong parameters: {', '.join(form)}")
        if not 0 < len(form["content"]) <= 10_000 or len(form.get("topic", "")) > 60:
            return self.error(400, "Zulip would cut this")
        if form.get("type", "stream") != "stream":
            return self.error(400, "Invalid message type")
        return request

    def reply(self, call: Request) -> Answer:
        if call.path.endswith("/users/me"):
            return Answer(body={"result": "success", "msg": "", "user_id": 7, "full_name": "Reflector bot"})
        if call.method == "GET":
            return self._found(call)
        form = call.form()
        with self.lock:
            if call.method == "PATCH":
                message = self.messages.get(int(call.path.rsplit("/", 1)[-1]))
                if message is None:
                    return self.error(400, GONE)
                message.content, message.edits = form["content"], message.edits + 1
                return _success()
            if form["to"] not in self.streams:
                return self.error(400, f"Channel '{form['to']}' does not exist", code="STREAM_DOES_NOT_EXIST")
            number = next(self.numbers)
            self.messages[number] = Message(number, form["to"], form["topic"], self.email, form["content"])
            self.posted += 1
        return _success(id=number)

    def _found(self, call: Request) -> Answer:
        wanted = {term["operator"]: term["operand"] for term in json.loads(call.query["narrow"])}
        if call.query["apply_markdown"] != "false" or call.query["anchor"] != "newest":
            return self.error(400, "only the newest, as posted")
        with self.lock:
            found = [
                {"id": one.id, "content": one.content, "sender_email": one.sender}
                for one in self.messages.values()
                if {"stream": one.stream, "topic": one.topic, "sender": one.sender} == wanted
            ]
        return _success(messages=found[-int(call.query["num_before"]) :], found_newest=True)


def _success(**more: Any) -> Answer:
    return Answer(body={"result": "success", "msg": "", **more})


if __name__ == "__main__":
    server = ZulipHost()
    run_alone(server, email=server.email, key=server.key)

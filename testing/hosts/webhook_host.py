"""A receiver of our webhooks: checks headers, signature and body as documented in docs/results-out.md."""

import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from testing.hosts.host import Answer, Host, Request

Time = Annotated[str, BeforeValidator(lambda value: datetime.fromisoformat(value) and value)]
Id = Annotated[str, BeforeValidator(lambda value: str(uuid.UUID(value)))]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Evidence(Strict):
    quote: str
    timestamp: float
    speaker: str


class SummaryEvidence(Evidence):
    subject: str | None


class Topic(Strict):
    title: str
    summary: str
    timestamp: float
    duration: float
    # Of transcripts made by earlier versions, there is none.
    evidence: Evidence | None = None
    webvtt: str


class Participant(Strict):
    id: str
    name: str
    speaker: int | None


class ActionItems(Strict):
    decisions: list[dict[str, Any]]
    next_steps: list[dict[str, Any]]


class Transcript(Strict):
    id: str
    room_id: str
    created_at: Time | None
    duration: float
    title: str
    short_summary: str
    long_summary: str
    summary_evidence: list[SummaryEvidence]
    webvtt: str
    topics: list[Topic]
    participants: list[Participant]
    source_language: str
    target_language: str
    status: Literal["ended"]
    frontend_url: str
    action_items: ActionItems


class Room(Strict):
    id: str
    name: str


class Correction(Strict):
    number: int


class Completed(Strict):
    event: Literal["transcript.completed"]
    event_id: Id
    timestamp: Time
    transcript: Transcript
    room: Room
    calendar_event: None
    # Of transcripts that nobody corrected, there is none.
    correction: Correction | None = None


class Test(Strict):
    __test__ = False
    event: Literal["test"]
    event_id: Id
    timestamp: Time
    message: str
    room: Room


def is_signed(header: str, body: bytes, secret: str) -> bool:
    """Return True if a signature is valid by the code in docs/results-out.md."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = parts["t"].encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


@dataclass
class WebhookHost(Host[Request]):
    """A receiver; with a `secret` it rejects requests not signed by it, without one it rejects signed requests."""

    secret: str | None = None

    @property
    def hook(self) -> str:
        """The webhook URL for a room."""
        return f"{self.url}/hook?token=of-the-receiver"

    def events(self) -> list[dict[str, Any]]:
        """Return the bodies of valid requests, whatever their answer was."""
        with self.lock:
            return [request.json() for request in self.requests]

    def retries(self) -> list[int]:
        """Return the values of X-Webhook-Retry, in order."""
        with self.lock:
            return [int(request.headers["X-Webhook-Retry"]) for request in self.requests]

    def read(self, request: Request) -> Request | Answer:
        if (request.method, request.path, request.query) != ("POST", "/hook", {"token": "of-the-receiver"}):
            return self.error(404, "no such path")
        if wrong := self._wrong_headers(request):
            return self.error(400, wrong)
        try:
            body = request.json()
            (Test if body["event"] == "test" else Completed).model_validate(body)
        except (ValueError, KeyError, ValidationError) as problem:
            return self.error(422, str(problem))
        if request.headers["X-Webhook-Event"] != body["event"]:
            return self.error(400, "X-Webhook-Event tells another event")
        return request

    def reply(self, call: Request) -> Answer:
        return Answer(204, b"")

    def _wrong_headers(self, request: Request) -> str | None:
        headers = request.headers
        if headers.get("Content-Type") != "application/json" or not headers.get("User-Agent", "").startswith("Refl"):
            return "wrong Content-Type or User-Agent"
        if headers.get("Host") != urlsplit(self.url).netloc:
            return "wrong Host"
        if not (headers.get("X-Webhook-Retry") or "").isdecimal() or not headers.get("X-Webhook-Event"):
            return "X-Webhook-Retry or X-Webhook-Event is missing"
        signature = headers.get("X-Webhook-Signature")
        if (signature is None) != (self.secret is None):
            return "signed, or not, against what was agreed"
        if signature is not None and not is_signed(signature, request.raw, self.secret or ""):
            return "wrong signature"
        return None

"""A stand-in for Daily.co: checks every request to its REST API against the contract, and sends signed webhooks.

`python -m testing.hosts.daily_host recordings.json` prints its URLs and key as JSON, serves the file's list of
recordings, and runs until stdin ends. `--rate 0` disables the rate limit.
"""

# pyright: basic

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from testing import PATIENCE_S
from testing.hosts.daily_oddities import odd_recordings
from testing.hosts.host import Answer, Host, Request, run_alone

__all__ = ["Call", "DailyHost", "odd_recordings"]

EVENTS = {
    *(f"recording.{what}" for what in ("ready-to-download", "started", "error")),
    *(f"participant.{what}" for what in ("joined", "left")),
    *(f"meeting.{what}" for what in ("started", "ended")),
}
# The query parameters of each path, by its segments; * is an id.
KNOWN: dict[tuple[str, ...], dict[str, set[str]]] = {
    ("recordings",): {"GET": {"limit", "starting_after", "ending_before"}},
    ("recordings", "*"): {"GET": set()},
    ("meetings", "*", "participants"): {"GET": {"limit", "joined_after", "joined_before"}},
    ("rooms", "*"): {"GET": set()},
    ("webhooks",): {"GET": set(), "POST": set()},
    ("webhooks", "*"): {"GET": set(), "POST": set(), "DELETE": set()},
}
WEBHOOK_FIELDS = {"url": str, "eventTypes": list, "hmac": str, "basicAuth": str, "retryType": str}
Json = dict[str, Any]


@dataclass(kw_only=True)
class Call(Request):
    """A request to a known path: the path's pattern, the id in it (or ""), and the fields of its body."""

    pattern: tuple[str, ...]
    id: str = ""
    fields: Json = field(default_factory=dict)


@dataclass
class DailyHost(Host[Call]):
    """The service. `recordings` are newest first; `participants`, by session, too unless `newest_first` is False.
    `rooms` are ids by name.

    It allows `rate` requests a second with bursts of `burst`; None disables the limit. Webhooks are stored by uuid in
    Daily's format. Creating one calls its URL; a `test_status` replaces the call's result.
    """

    key: str = "test-daily-key"
    recordings: list[Json] = field(default_factory=list)
    participants: dict[str, list[Any]] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    newest_first: bool = True
    webhooks: dict[str, Json] = field(default_factory=dict)
    rate: float | None = 2.0
    burst: float = 4.0
    test_status: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tokens, self._since = self.burst, time.monotonic()

    @property
    def api_url(self) -> str:
        """The value for DAILY_API_URL."""
        return f"{self.url}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        return {"DAILY_API_URL": self.api_url, "DAILY_API_KEY": self.key}

    @property
    def throttled(self) -> int:
        """The number of requests that exceeded the rate limit."""
        with self.lock:
            return sum(request.status == 429 for request in self.refused)

    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
        kinds = {401: "authentication-error", 404: "not-found", 429: "rate-limit-error"}
        kind = kinds.get(status, "server-error" if status >= 500 else "invalid-request-error")
        return Answer(status, {"error": kind, "info": message}, headers or {})

    def read(self, request: Request) -> Call | Answer:
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            return Answer(400, {"error": "authorization-header-error", "info": "bad Authorization header format"})
        if given != f"Bearer {self.key}":
            return self.error(401, f"the key {given.removeprefix('Bearer ')} is not valid")
        if (wait := self._take_token()) > 0:
            return self.error(429, "too many requests", {"Retry-After": f"{wait:.0f}"})
        version, *parts = [unquote(part) for part in request.path.strip("/").split("/")]
        found = [p for p in KNOWN if len(p) == len(parts) and all(a in {"*", b} for a, b in zip(p, parts, strict=True))]
        if version != "v1" or not found or not all(parts):
            return self.error(404, f"no such path: {request.path}")
        if request.method not in KNOWN[found[0]]:
            return self.error(405, f"{request.method} is not allowed here")
        if unknown := set(request.query) - KNOWN[found[0]][request.method]:
            return self.error(400, f"unknown parameters: {', '.join(sorted(unknown))}")
        limit = request.query.get("limit", "100")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            return self.error(400, f"limit {limit} is not 1 to 100")
        call = Call(**vars(request), pattern=found[0], id=parts[1] if len(parts) > 1 else "")
        if request.method == "POST":
            try:
                call.fields = request.json()
            except ValueError:
                return self.error(400, "no JSON")
            if wrong := self._wrong(call):
                return self.error(400, wrong)
        elif request.raw:
            return self.error(400, "no body belongs here")
        return call

    def _take_token(self) -> float:
        """Return the seconds to wait, 0 if the request is within the limit."""
        if self.rate is None:
            return 0
        with self.lock:
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._since) * self.rate)
            self._since = now
            if self._tokens < 1:
                return max(1.0, (1 - self._tokens) / self.rate)
            self._tokens -= 1
        return 0

    def _wrong(self, call: Call) -> str | None:
        fields = call.fields
        if not isinstance(fields, dict) or (not fields.get("url") and not call.id):
            return "url is required"
        for name, value in fields.items():
            if name not in WEBHOOK_FIELDS or not isinstance(value, WEBHOOK_FIELDS[name]):
                return f"{name} is unknown or has the wrong type"
        if not str(fields.get("url", "http://")).startswith(("http://", "https://")):
            return "url is not a URL"
        if unknown := set(fields.get("eventTypes", [])) - EVENTS:
            return f"unknown eventTypes: {', '.join(sorted(unknown))}"
        try:
            base64.b64decode(fields.get("hmac", ""), validate=True)
        except ValueError:
            return "hmac must be base64"
        return None

    def reply(self, call: Call) -> Answer:
        if call.pattern[0] == "webhooks":
            return self._webhook(call)
        if call.pattern[0] == "meetings":
            return self._participants(call)
        if call.pattern[0] == "rooms":
            known = {"id": self.rooms.get(call.id), "name": call.id}
            return Answer(body=known) if call.id in self.rooms else self.error(404, f"no room {call.id}")
        if call.id:
            found = next((r for r in self.recordings if r.get("id") == call.id), None)
            return Answer(body=found) if found else self.error(404, f"no recording {call.id}")
        return self._page(call, self.recordings, "id", older="starting_after", newer="ending_before")

    def _participants(self, call: Call) -> Answer:
        if call.id not in self.participants:
            return self.error(404, f"no meeting {call.id}")
        names = ("joined_before", "joined_after") if self.newest_first else ("joined_after", "joined_before")
        older, newer = names
        return self._page(call, self.participants[call.id], "participant_id", older=older, newer=newer)

    def _page(self, call: Call, items: list[Any], name: str, *, older: str, newer: str) -> Answer:
        """Return a page of a list: the items after the one cursor, or before the other."""
        limit, ids = int(call.query.get("limit", "100")), [i.get(name) if isinstance(i, dict) else None for i in items]
        first = 0
        for cursor in (older, newer):
            if cursor in call.query and call.query[cursor] not in ids:
                return self.error(400, f"{cursor} {call.query[cursor]} is not known")
        page = items
        if older in call.query:
            page = items[ids.index(call.query[older]) + 1 :]
        elif newer in call.query:
            page = items[: ids.index(call.query[newer])]
            # Newer recordings are the ones directly before the cursor; participants start at the list's beginning.
            first = max(0, len(page) - limit) if name == "id" else 0
        total = {"total_count": len(items)} if name == "id" else {}
        return Answer(body={**total, "data": page[first : first + limit]})

    def _webhook(self, call: Call) -> Answer:
        if call.id and call.id not in self.webhooks:
            return self.error(404, f"no webhook {call.id}")
        if call.method == "DELETE":
            del self.webhooks[call.id]
            return Answer(body={"deleted": True, "uuid": call.id})
        if call.method == "GET":
            return Answer(body=self.webhooks[call.id] if call.id else list(self.webhooks.values()))
        known = self.webhooks.get(call.id, {"uuid": str(uuid.uuid4()), "hmac": _new_secret(), "domainId": "test"})
        webhook: Json = {"eventTypes": [], **known, **call.fields, "state": "ACTIVE", "failedCount": 0}
        status = self.test_status or _post(webhook["url"], b'{"test":"test"}')
        if status != 200:
            return self.error(400, f"non-200 status code returned from webhook endpoint, recvd {status}")
        self.webhooks[webhook["uuid"]] = webhook
        return Answer(body=webhook)

    def send(
        self,
        url: str,
        event: Json | bytes,
        secret: str | None,
        *,
        timestamp: str | None = None,
        signature: str | None = None,
    ) -> int:
        """Post an event as Daily does, signed with the base64 secret (None: unsigned); return the answer's status."""
        body = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
        at = str(int(time.time())) if timestamp is None else timestamp
        headers = {"X-Webhook-Timestamp": at} if secret is not None or signature is not None else {}
        if secret is not None:
            digest = hmac.new(base64.b64decode(secret), at.encode() + b"." + body, hashlib.sha256).digest()
            headers["X-Webhook-Signature"] = base64.b64encode(digest).decode()
        if signature is not None:
            headers["X-Webhook-Signature"] = signature
        return _post(url, body, headers)

    def deliver(self, event: Json) -> list[int]:
        """Send an event to all ACTIVE webhooks for its type; three consecutive failures make a webhook FAILED."""
        statuses: list[int] = []
        for webhook in list(self.webhooks.values()):
            if webhook["state"] == "ACTIVE" and event["type"] in webhook["eventTypes"]:
                statuses.append(self.send(webhook["url"], event, webhook["hmac"]))
                webhook["failedCount"] = 0 if statuses[-1] == 200 else webhook["failedCount"] + 1
                webhook["state"] = "FAILED" if webhook["failedCount"] >= 3 else "ACTIVE"
        return statuses


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    """Post JSON and return the status, 0 without an answer."""
    try:
        return httpx.post(
            url, content=body, headers={"Content-Type": "application/json", **(headers or {})}, timeout=PATIENCE_S
        ).status_code
    except httpx.RequestError:
        return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", type=Path, nargs="?")
    parser.add_argument("--rate", type=float, default=2.0)
    given = parser.parse_args()
    listed = json.loads(given.recordings.read_text()) if given.recordings else []
    server = DailyHost(recordings=listed, rate=given.rate or None)
    run_alone(server, api_url=server.api_url, key=server.key)

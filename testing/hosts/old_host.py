"""A stand-in for the old system: accepts webhooks signed like Daily's, and serves transcripts."""

# pyright: basic

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

from testing.hosts.host import Answer, Host, Request

WEBHOOK, TRANSCRIPTS = "/v1/daily/webhook", "/v1/transcripts/"


@dataclass
class OldHost(Host[Request]):
    """The old system with `transcripts` by id; signatures of webhooks are valid for `window` seconds."""

    secret: str = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMhIQ=="
    token: str = "token-of-the-old-system"
    window: float = 300
    transcripts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        return {"REFLECTOR_OLD_URL": self.url, "REFLECTOR_OLD_TOKEN": self.token}

    def relayed(self) -> list[bytes]:
        """Return the bodies of accepted webhooks."""
        return [one.raw for one in self.requests if one.path == WEBHOOK and one.status == 200]

    def fetched(self) -> list[str]:
        """Return the ids of requested transcripts."""
        return [one.path.removeprefix(TRANSCRIPTS) for one in self.requests if one.path != WEBHOOK]

    def read(self, request: Request) -> Request | Answer:
        if (request.method, request.path) == ("POST", WEBHOOK):
            return self._webhook(request)
        if request.method != "GET" or not request.path.startswith(TRANSCRIPTS):
            return self.error(404, f"no {request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.error(401, "a token is needed")
        return request

    def _webhook(self, request: Request) -> Request | Answer:
        at = request.headers.get("X-Webhook-Timestamp", "")
        if not at.isdigit() or abs(time.time() - int(at)) > self.window:
            return self.error(401, "the timestamp is missing or old")
        digest = hmac.new(base64.b64decode(self.secret), at.encode() + b"." + request.raw, hashlib.sha256).digest()
        if request.headers.get("X-Webhook-Signature") != base64.b64encode(digest).decode():
            return self.error(401, "the signature is wrong")
        if request.headers.get("Content-Type") != "application/json":
            return self.error(415, "no JSON")
        try:
            event = json.loads(request.raw)
        except ValueError:
            return self.error(422, "no JSON")
        if not {"version", "type", "id", "payload", "event_ts"} <= set(event):
            return self.error(422, f"fields are missing: {sorted(event)}")
        return request

    def reply(self, call: Request) -> Answer:
        if call.path == WEBHOOK:
            return Answer(body={"status": "ok"})
        found = self.transcripts.get(call.path.removeprefix(TRANSCRIPTS))
        return Answer(body=found) if found else self.error(404, "Transcript not found")

"""A stand-in for the old system (Reflector 0.45): takes webhooks signed like Daily's, and serves its reading API.

Every successful answer is validated against the old system's OpenAPI document.
"""

# pyright: basic

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from testing.hosts.host import Answer, Host, Request
from testing.hosts.old_contract import check_answer, event_problem
from testing.hosts.old_world import OWNER, OldTranscriptRow, OldWorld

WEBHOOK = "/v1/daily/webhook"
# Largest and default page, as of its paging library.
MOST, USUAL = 100, 50


class _Refusal(Exception):
    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail


@dataclass
class OldHost(Host[Request]):
    """The old system with the content of `world`, for which `api_key` and `token` are of its users.

    Signatures of webhooks are valid for `window` seconds. With `public_mode`, its list is open to all.
    """

    secret: str = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMhIQ=="
    api_key: str = "lasting-key-of-the-old-system"
    token: str = "json.web.token-of-the-old-system"
    reader: str = OWNER
    window: float = 300
    public_mode: bool = False
    world: OldWorld = field(default_factory=OldWorld)

    @property
    def env(self) -> dict[str, str]:
        """The settings of a deployment that uses this server."""
        confirmed = "DATABASE_URL,UI_BASE_URL,PUBLIC_MODE,PUBLIC_DATA_RETENTION_DAYS"
        return {
            "REFLECTOR_OLD_URL": self.url,
            "REFLECTOR_OLD_API_KEY": self.api_key,
            "REFLECTOR_CONFIRMED_SETTINGS": confirmed,
        }

    def relayed(self) -> list[bytes]:
        """Return the bodies of accepted webhooks."""
        return [one.raw for one in self.requests if one.path == WEBHOOK and one.status == 200]

    def fetched(self) -> list[str]:
        """Return the ids of the transcripts whose content was read."""
        return [one.path.split("/")[3] for one in self.requests if "transcript_format" in one.query]

    def read(self, request: Request) -> Request | Answer:
        if (request.method, request.path) == ("POST", WEBHOOK):
            return self._webhook(request)
        if request.method != "GET":
            return self.error(405, "Method Not Allowed")
        try:
            self._user(request)
        except _Refusal as refusal:
            return self.error(refusal.status, refusal.detail)
        return request

    def _user(self, request: Request) -> str | None:
        """Return who sends a request. A wrong key is nobody's, a wrong token is refused."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer and bearer != self.token:
            raise _Refusal(401, "Invalid authentication")
        known = bearer or request.headers.get("X-API-Key") == self.api_key
        return self.reader if known else None

    def _reader(self, request: Request) -> str | None:
        """Return who reads a list, which is open to everybody in public mode."""
        user = self._user(request)
        if user is None and not self.public_mode:
            raise _Refusal(401, "Not authenticated")
        return user

    def _webhook(self, request: Request) -> Request | Answer:
        at = request.headers.get("X-Webhook-Timestamp", "")
        if not at.isdigit() or abs(time.time() - int(at)) > self.window:
            return self.error(401, "Invalid webhook signature")
        digest = hmac.new(base64.b64decode(self.secret), at.encode() + b"." + request.raw, hashlib.sha256).digest()
        if request.headers.get("X-Webhook-Signature") != base64.b64encode(digest).decode():
            return self.error(401, "Invalid webhook signature")
        if event_problem(request.raw) is not None:
            return self.error(422, "Invalid event format")
        return request

    def reply(self, call: Request) -> Answer:
        if call.path == WEBHOOK:
            return Answer(body={"status": "ok"})
        try:
            for pattern, path, serve in ROUTES:
                if match := pattern.fullmatch(call.path):
                    body = serve(self, call, *match.groups())
                    if isinstance(body, bytes):
                        return Answer(body=body, headers={"Content-Type": "audio/mpeg"})
                    check_answer(path, "get", body)
                    return Answer(body=json.loads(json.dumps(body)))
        except _Refusal as refusal:
            return self.error(refusal.status, refusal.detail)
        return self.error(404, "Not Found")

    def _me(self, call: Request) -> Any:
        user = self._user(call)
        return {"sub": user, "email": None} if user else None

    def _rooms(self, call: Request) -> Any:
        user = self._reader(call)
        return _page(call, [room for room in self.world.rooms.values() if room["is_shared"] or room["user_id"] == user])

    def _room(self, call: Request, name: str) -> Any:
        return {**self._room_by_name(name), "webhook_secret": None}

    def _meeting(self, call: Request, name: str, meeting_id: str) -> Any:
        room = self._room_by_name(name)
        meeting = self.world.meetings.get(meeting_id)
        if meeting is None or meeting["room_id"] != room["id"]:
            raise _Refusal(404, "Meeting not found")
        return meeting

    def _list(self, call: Request) -> Any:
        user = self._reader(call)
        seen = [
            row
            for row in self.world.transcripts.values()
            if row.room["is_shared"] or row.owner == user or (user is None and self.public_mode)
        ]
        if room_id := call.query.get("room_id"):
            seen = [row for row in seen if row.room["id"] == room_id]
        seen.sort(key=lambda row: row.created_at, reverse=True)
        return _page(call, [row.listed() for row in seen])

    def _transcript(self, call: Request, transcript_id: str) -> Any:
        form = call.query.get("transcript_format", "text")
        if form not in {"text", "webvtt-named"}:
            raise _Refusal(422, "transcript_format")
        return self._readable(call, transcript_id).document(form)

    def _topics(self, call: Request, transcript_id: str) -> Any:
        return [topic.document() for topic in self._readable(call, transcript_id).topics]

    def _topics_with_words(self, call: Request, transcript_id: str) -> Any:
        return [topic.with_words() for topic in self._readable(call, transcript_id).topics]

    def _waveform(self, call: Request, transcript_id: str) -> Any:
        if self._readable(call, transcript_id).audio is None:
            raise _Refusal(404, "Audio not found")
        return {"data": [round(n / 255, 3) for n in range(255)]}

    def _audio(self, call: Request, transcript_id: str) -> Any:
        row = self._readable(call, transcript_id)
        if row.audio is None or row.audio_deleted:
            raise _Refusal(404, "Audio file not found")
        return row.audio

    def _room_by_name(self, name: str) -> dict[str, Any]:
        if name not in self.world.rooms:
            raise _Refusal(404, "Room not found")
        return self.world.rooms[name]

    def _readable(self, call: Request, transcript_id: str) -> OldTranscriptRow:
        row = self.world.transcripts.get(transcript_id)
        if row is None:
            raise _Refusal(404, "Transcript not found")
        if not row.may_read(self._user(call)):
            raise _Refusal(403, "Transcript access denied")
        return row


def _page(call: Request, rows: list[Any]) -> dict[str, Any]:
    """Return the page of rows that a request names."""
    size, page = int(call.query.get("size", USUAL)), int(call.query.get("page", 1))
    if not 1 <= size <= MOST or page < 1:
        raise _Refusal(422, "size and page")
    items, pages = rows[(page - 1) * size : page * size], -(-len(rows) // size)
    return {"items": items, "total": len(rows), "page": page, "size": size, "pages": pages}


ONE = "([^/]+)"
ROUTES: list[tuple[re.Pattern[str], str, Callable[..., Any]]] = [
    (re.compile("/v1/me"), "/v1/me", OldHost._me),
    (re.compile("/v1/rooms"), "/v1/rooms", OldHost._rooms),
    (re.compile(f"/v1/rooms/name/{ONE}"), "/v1/rooms/name/{room_name}", OldHost._room),
    (
        re.compile(f"/v1/rooms/{ONE}/meetings/{ONE}"),
        "/v1/rooms/{room_name}/meetings/{meeting_id}",
        OldHost._meeting,
    ),
    (re.compile("/v1/transcripts"), "/v1/transcripts", OldHost._list),
    (re.compile(f"/v1/transcripts/{ONE}"), "/v1/transcripts/{transcript_id}", OldHost._transcript),
    (re.compile(f"/v1/transcripts/{ONE}/topics"), "/v1/transcripts/{transcript_id}/topics", OldHost._topics),
    (
        re.compile(f"/v1/transcripts/{ONE}/topics/with-words"),
        "/v1/transcripts/{transcript_id}/topics/with-words",
        OldHost._topics_with_words,
    ),
    (
        re.compile(f"/v1/transcripts/{ONE}/audio/waveform"),
        "/v1/transcripts/{transcript_id}/audio/waveform",
        OldHost._waveform,
    ),
    (
        re.compile(f"/v1/transcripts/{ONE}/audio/mp3"),
        "/v1/transcripts/{transcript_id}/audio/mp3",
        OldHost._audio,
    ),
]

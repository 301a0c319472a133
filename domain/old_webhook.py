"""The body of a room's webhook as Reflector 0.45 sent it, for receivers that must not change."""

import uuid
from datetime import datetime
from typing import Any

from domain.notifications import NAMESPACE, webhook_body
from domain.results import Transcript, TranscriptSegment
from domain.rooms import Room
from domain.text.captions import by_topic, webvtt


def room_id(name: str, old_id: str | None) -> str:
    """Return a room's id: that of the old system if it is known, else a UUID of its own that never changes."""
    return old_id or str(uuid.uuid5(NAMESPACE, f"room {name}"))


def reflector_body(transcript: Transcript, room: Room, *, at: float, language: str, page_url: str) -> dict[str, Any]:
    """Build the body of transcript.completed; `at` is the time of the event in seconds since the epoch.

    The transcript's duration is in milliseconds, rooms have UUIDs, the voices of captions are `Speaker0`, event ids
    have no dashes, and times end with Z. Everything else is as in `webhook_body`.
    """
    body = webhook_body(transcript, room.name, at=at, language=language, page_url=page_url)
    known = room_id(room.name, room.old_id)
    sent = zip(body["transcript"]["topics"], by_topic(transcript), strict=True)
    return {
        **body,
        "event_id": str(body["event_id"]).replace("-", ""),
        "timestamp": _utc(body["timestamp"]),
        "transcript": {
            **body["transcript"],
            "room_id": known,
            "created_at": _utc(transcript.created_at or body["timestamp"]),
            "duration": transcript.duration * 1000,
            "webvtt": webvtt(map(_numbered, transcript.segments)),
            "topics": [_topic(topic, spoken) for topic, (_, spoken) in sent],
        },
        "room": {"id": known, "name": room.name},
    }


def _topic(topic: dict[str, Any], spoken: list[TranscriptSegment]) -> dict[str, Any]:
    known = {name: topic[name] for name in ("title", "summary", "timestamp", "duration")}
    return {**known, "webvtt": webvtt(map(_numbered, spoken)) if spoken else ""}


def _numbered(segment: TranscriptSegment) -> TranscriptSegment:
    return segment.model_copy(update={"name": f"Speaker{segment.speaker}"})


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).isoformat().replace("+00:00", "Z")

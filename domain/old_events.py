"""Daily's webhooks as the old system accepts them: it refuses what lacks a value that Daily's lists leave open."""

from typing import Any, cast

from pydantic_core import from_json, to_json

from domain.daily import READY, DailyRecording, finite
from domain.errors import InvalidInput
from domain.recording import TrackName
from domain.rooms import named_time

# All that it takes; others are answered with 422.
TAKEN = (READY, "recording.started", "recording.error", "participant.joined", "participant.left")
TRACK_TYPES = ("audio", "video")


def acceptable(body: bytes) -> bytes:
    """Return a webhook's body for the old system: unchanged, unless it announces a recording and lacks a value.

    Raises InvalidInput for a type of event that the old system refuses.
    """
    try:
        event = from_json(body, allow_inf_nan=True)
    except ValueError:
        return body
    if not isinstance(event, dict) or not isinstance(kind := cast(dict[str, Any], event).get("type"), str):
        return body
    if kind not in TAKEN:
        raise InvalidInput(f"the old system takes no events of type {kind[:100]!r}")
    known = cast(dict[str, Any], event)
    if kind != READY or not isinstance(known.get("payload"), dict):
        return body
    completed = _completed(known)
    return body if completed == known else to_json(completed)


def event_of_listed(described: bytes) -> bytes:
    """Build the webhook body that announces a recording from the API's list; raise InvalidInput if it can't be."""
    try:
        listed = DailyRecording.read(from_json(described, allow_inf_nan=True))
    except ValueError as error:
        raise InvalidInput(f"the recording is not valid JSON: {error}") from None
    payload: dict[str, object] = {
        "type": listed.kind,
        "recording_id": listed.id,
        "room_name": listed.room_name,
        "start_ts": listed.start_ts,
        "status": listed.status,
        "duration": listed.duration,
        "s3_key": listed.s3_key,
        "tracks": [{"type": track.type, "s3Key": track.key, "size": track.size} for track in listed.tracks or ()],
    }
    return to_json(_completed({"version": "1.0.0", "type": READY, "id": f"{READY}-{listed.id}", "payload": payload}))


def _completed(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of a finished recording with all values; raise InvalidInput without a room, kind or start."""
    payload = cast(dict[str, Any], event["payload"])
    recording = DailyRecording.read(payload)
    keys = [track.key for track in recording.tracks or () if track.key and track.type in TRACK_TYPES]
    start, duration = _start(recording), round(recording.duration or 0)
    if not recording.room_name or recording.kind is None or start is None:
        raise InvalidInput("its room, its kind or its start isn't known, without which the old system refuses it")
    values: dict[str, Any] = {
        "type": recording.type or recording.kind,
        "room_name": recording.room_name,
        "start_ts": start,
        "status": "finished",
        "duration": duration,
        "s3_key": recording.s3_key or next((key.rsplit("/", 1)[0] for key in keys), recording.id),
    }
    if payload.get("tracks") is not None:
        values["tracks"] = [
            {**track, "type": track.get("type", "audio"), "size": _whole(track.get("size"))}
            for track in cast(list[dict[str, Any]], payload["tracks"])
            if track.get("type", "audio") in TRACK_TYPES and track.get("s3Key")
        ]
    if "max_participants" in payload:
        values["max_participants"] = _whole(payload["max_participants"]) or None
    if "share_token" in payload:
        values["share_token"] = payload["share_token"] or None
    whole = {name: value for name, value in values.items() if payload.get(name) != value}
    envelope = {"version": event.get("version") or "1.0.0", "id": event.get("id") or f"{READY}-{recording.id}"}
    if finite(event.get("event_ts")) is None:
        envelope["event_ts"] = start + duration
    return {**event, **envelope, "payload": {**payload, **whole}}


def _start(recording: DailyRecording) -> float | None:
    """Return when a recording started: Daily's value, or that in the names of its tracks or of its room."""
    if recording.start_ts is not None:
        return recording.start_ts
    for name in (TrackName.parse(track.key) for track in recording.tracks or ()):
        if name is not None:
            return float(name.recording_start_ms // 1000)
    return named_time(recording.room_name)


def _whole(value: object) -> int:
    return max(0, round(finite(value) or 0))

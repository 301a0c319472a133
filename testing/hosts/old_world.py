"""Rooms, meetings and transcripts of the old system, in the shapes and units of its API."""

# pyright: basic

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

OWNER, STRANGER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
Said = list[tuple[int, str, float, float]]


def iso(at: float) -> str:
    """Format a time as the old system does."""
    return datetime.fromtimestamp(at, UTC).isoformat()


@dataclass
class OldTopicRow:
    """A topic with what was said: (speaker, text, start, end) in seconds."""

    title: str
    said: Said
    summary: str = "What was discussed."
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "summary": self.summary,
            "timestamp": self.said[0][2] if self.said else 0.0,
            "duration": self.said[-1][3] - self.said[0][2] if self.said else None,
            "transcript": " ".join(text for _, text, _, _ in self.said),
            "segments": [{"text": text, "start": start, "speaker": who} for who, text, start, _ in self.said],
        }

    def with_words(self) -> dict[str, Any]:
        """The same with words, each followed by a space, which share the time of what was said."""
        words: list[dict[str, Any]] = []
        for who, text, start, end in self.said:
            parts = text.split()
            step = (end - start) / max(1, len(parts))
            words += [
                {"text": f"{part} ", "start": start + step * n, "end": start + step * (n + 1), "speaker": who}
                for n, part in enumerate(parts)
            ]
        return {**self.document(), "words": words}


@dataclass
class OldTranscriptRow:
    """A transcript; `recording_id` is in the database only, `duration` is in seconds here.

    `people` are names by speaker number; `audio` is the mp3, if there is one.
    """

    meeting_id: str | None
    room: dict[str, Any]
    recording_id: str
    duration: float
    created_at: float
    status: str = "ended"
    title: str | None = "Weekly planning"
    topics: list[OldTopicRow] = field(default_factory=list)
    owner: str = OWNER
    share_mode: str = "semi-private"
    audio_deleted: bool | None = None
    people: dict[int, str] = field(default_factory=dict)
    audio: bytes | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def listed(self) -> dict[str, Any]:
        finished = self.status == "ended"
        return {
            "id": self.id,
            "user_id": self.owner,
            "name": "",
            "status": self.status,
            "locked": False,
            "duration": self.duration * 1000,
            "title": self.title if finished else None,
            "short_summary": "A short summary of the meeting." if finished else None,
            "long_summary": "# A long summary\n\nof the meeting." if finished else None,
            "created_at": iso(self.created_at),
            "share_mode": self.share_mode,
            "source_language": "en",
            "target_language": "en",
            "reviewed": False,
            "meeting_id": self.meeting_id,
            "source_kind": "room",
            "room_id": self.room["id"],
            "room_name": self.room["name"],
            "audio_deleted": self.audio_deleted,
            "change_seq": 1,
            "has_cloud_video": False,
            "cloud_video_duration": None,
        }

    def document(self, form: str) -> dict[str, Any]:
        said = [one for topic in self.topics for one in topic.said]
        texts: dict[str, Any] = {
            "text": "\n".join(f"Speaker {who}: {text}" for who, text, _, _ in said),
            "webvtt-named": "".join(
                ["WEBVTT", *(f"\n\n{_clock(a)} --> {_clock(b)}\n<v Speaker {who}>{text}" for who, text, a, b in said)]
            ),
        }
        people = [
            {"id": f"person-{who}", "speaker": who, "name": name, "user_id": None, "email": None}
            for who, name in self.people.items()
        ]
        return {**self.listed(), "participants": people, "transcript_format": form, "transcript": texts[form]}

    def may_read(self, user: str | None) -> bool:
        return self.share_mode == "public" or user == self.owner or (self.share_mode == "semi-private" and bool(user))


@dataclass
class OldWorld:
    """What the old system stores. Rooms are found by name, meetings and transcripts by id."""

    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    meetings: dict[str, dict[str, Any]] = field(default_factory=dict)
    transcripts: dict[str, OldTranscriptRow] = field(default_factory=dict)

    def add_room(self, name: str, owner: str = OWNER, *, shared: bool = False) -> dict[str, Any]:
        """Add a room with the defaults of the old system."""
        room = self.rooms[name] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "user_id": owner,
            "created_at": iso(1_700_000_000),
            "zulip_auto_post": False,
            "zulip_stream": "",
            "zulip_topic": "",
            "is_locked": False,
            "room_mode": "normal",
            "recording_type": "cloud",
            "recording_trigger": "automatic-2nd-participant",
            "is_shared": shared,
            "platform": "daily",
            "webhook_url": None,
            "webhook_secret": None,
        }
        return room

    def add_meeting(self, full_name: str, started_at: float) -> dict[str, Any]:
        """Add a meeting of the room that Daily's full room name begins with; a missing room is added."""
        base = full_name.rsplit("-", 1)[0]
        room = self.rooms.get(base) or self.add_room(base)
        meeting_id = str(uuid.uuid4())
        meeting = self.meetings[meeting_id] = {
            "id": meeting_id,
            "room_name": full_name,
            "room_url": f"https://example.daily.co/{full_name}",
            "host_room_url": f"https://example.daily.co/{full_name}",
            "start_date": iso(started_at),
            "end_date": iso(started_at + 8 * 3600),
            "room_id": room["id"],
            "platform": "daily",
        }
        return meeting

    def add_transcript(self, meeting: dict[str, Any], recording_id: str, **more: Any) -> OldTranscriptRow:
        """Add a transcript of a meeting; further arguments are fields of the row."""
        room = next(one for one in self.rooms.values() if one["id"] == meeting["room_id"])
        row = OldTranscriptRow(meeting["id"], room, recording_id, owner=more.pop("owner", room["user_id"]), **more)
        self.transcripts[row.id] = row
        return row


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60):02d}:{int(minutes % 60):02d}:{rest:06.3f}"

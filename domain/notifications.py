"""What leaves: the webhook's body, and what Zulip is told (spec: out)."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.results import Topic, Transcript, TranscriptSegment
from domain.rooms import base_name
from domain.text.captions import CONTROL, clock, webvtt

COMPLETED, TEST = "transcript.completed", "test"
# Of events: their ids are made of what they tell.
NAMESPACE = uuid.UUID("5f0a2f6e-2f0e-5a5e-9f0b-6d9d1f2a7c11")
# Zulip's own limits, in characters: it cuts what is longer without a word.
MOST_CONTENT, MOST_TOPIC = 10_000, 60
# Left for the topics when a summary is so long that it has to be cut.
FOR_SUMMARY = 6_000
# Breaks up what Zulip would read as its own Markdown, and shows nothing.
NOTHING = "\u200b"
FENCE = re.compile(r"(`{2}|~{2})(?=[`~])")
# Also at the end, where bold type of ours may follow.
MENTION = re.compile(r"@(?=_?(?:\*|\Z))")
LINK = re.compile(r"\](?=[(\[])")
# What doesn't decide the content of an event: where the audio lies and how the text was made.
NOT_TOLD = {"audio_key", "method", "words"}


def page(page_url: str, recording_id: str) -> str:
    """The address of a transcript's page."""
    return f"{page_url.rstrip('/')}/transcripts/{recording_id}"


def event_id(transcript: Transcript) -> str:
    """The id of the event that a transcript is finished: of the recording and all that is told of it, nothing else."""
    content = transcript.model_dump_json(exclude=NOT_TOLD)
    return str(uuid.uuid5(NAMESPACE, f"{transcript.id}\n{content}"))


def webhook_body(
    transcript: Transcript, room: str | None = None, *, at: float, language: str, page_url: str
) -> dict[str, Any]:
    """The body of transcript.completed; `at` is when the event happened, in seconds since the epoch.

    `room` is its name where it isn't just the base of the meeting's. Lengths and times of topics are in seconds.
    """
    name = room or base_name(transcript.room_name)
    return {
        "event": COMPLETED,
        "event_id": event_id(transcript),
        "timestamp": _iso(at),
        "transcript": {
            "id": transcript.id,
            "room_id": name,
            "created_at": transcript.created_at,
            "duration": transcript.duration,
            "title": transcript.title,
            "short_summary": transcript.short_summary,
            "long_summary": transcript.long_summary,
            "webvtt": webvtt(transcript.segments),
            "topics": [_topic(topic, transcript.segments) for topic in transcript.topics],
            "participants": [
                {"id": one.participant_id, "name": one.name, "speaker": one.speaker if one.speaker >= 0 else None}
                for one in transcript.participants
            ],
            "source_language": language,
            "target_language": language,
            "status": "ended",
            "frontend_url": page(page_url, transcript.id),
            "action_items": transcript.action_items.model_dump(
                mode="json", include={"decisions": True, "next_steps": True}
            ),
        },
        "room": {"id": name, "name": name},
        "calendar_event": None,
    }


def trial_body(room: str, *, at: float, event: str) -> dict[str, Any]:
    """The body of a test event, sent by hand; `event` is its id."""
    return {
        "event": TEST,
        "event_id": event,
        "timestamp": _iso(at),
        "message": "This is a test of the room's webhook.",
        "room": {"id": room, "name": room},
    }


def zulip_topic(topic: str) -> str:
    """A topic as Zulip keeps it: one line, cut where it is too long."""
    line = _line(topic)
    return line if len(line) <= MOST_TOPIC else f"{line[: MOST_TOPIC - 3]}..."


def zulip_text(transcript: Transcript, page_url: str) -> str:
    """What is posted of a transcript: heading, date, link, length, and what opens on a click, in Zulip's limit.

    Text of the meeting mentions nobody, and opens or closes no block.
    """
    link = page(page_url, transcript.id)
    facts = [f"[Transcript]({link})", clock(transcript.duration)]
    if transcript.created_at:
        facts.insert(0, _date(transcript.created_at))
    head = f"## {_one_line(transcript.title, 200) or 'Untitled Meeting'}\n{' · '.join(facts)}"
    parts = [head]
    if summary := _harmless(transcript.long_summary.strip() or transcript.short_summary.strip()):
        parts.append(_spoiler("Summary", _cut(summary, FOR_SUMMARY)))
    if transcript.topics:
        room = MOST_CONTENT - len("\n\n".join([*parts, _spoiler("Topics", "")])) - 2
        parts.append(_spoiler("Topics", _topics(transcript.topics, room, link)))
    return "\n\n".join(parts)


def failure_mark(recording_id: str) -> str:
    """The words by which the message about a recording's failure is known."""
    return f"Recording {recording_id} failed"


def failure_text(recording_id: str, *, room: str | None, step: str | None, reason: str, run_url: str, at: float) -> str:
    """What operators are told of a run that failed for good; `at` in seconds since the epoch."""
    facts: Mapping[str, str | None] = {
        "Room": room and _one_line(room, 200),
        "Step": step and _one_line(step, 200),
        "When": _date(_iso(at)),
        "Run": f"[{run_url.rsplit('/', 1)[-1][:8]}]({run_url})",
    }
    lines = [f"* {name}: {value}" for name, value in facts.items() if value]
    return "\n".join([f"**{failure_mark(recording_id)}**", *lines, "", _one_line(reason, 3000)])


def _topic(topic: Topic, segments: tuple[TranscriptSegment, ...]) -> dict[str, Any]:
    end = topic.timestamp + topic.duration
    return {
        "title": topic.title,
        "summary": topic.summary,
        "timestamp": topic.timestamp,
        "duration": topic.duration,
        "webvtt": webvtt(one for one in segments if topic.timestamp <= one.start < end),
    }


def _topics(topics: tuple[Topic, ...], room: int, link: str) -> str:
    """As many lines as there is room for, and how many are left."""
    rest = f"and {len(topics)} more on [the transcript's page]({link})"
    lines: list[str] = []
    left = room - len(rest) - 1
    for topic in topics:
        line = (
            f"* [{clock(topic.timestamp)}] **{_one_line(topic.title, 200)}** {_one_line(topic.summary, 600)}".rstrip()
        )
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    if more := len(topics) - len(lines):
        lines.append(f"and {more} more on [the transcript's page]({link})")
    return "\n".join(lines)


def _spoiler(heading: str, content: str) -> str:
    return f"```spoiler {heading}\n{content}\n```"


def _harmless(text: str) -> str:
    """Leave Markdown of the summary as it is, but for fences and mentions."""
    return MENTION.sub(f"@{NOTHING}", FENCE.sub(rf"\1{NOTHING}", CONTROL.sub("", text)))


def _one_line(text: str, longest: int) -> str:
    """A text of the meeting on one line, from which no link, mention, code or block comes about."""
    return _cut(LINK.sub(f"]{NOTHING}", _harmless(_line(text).replace("`", "'").replace("**", "*"))), longest)


def _line(text: str) -> str:
    return " ".join(CONTROL.sub("", text).split())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _date(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

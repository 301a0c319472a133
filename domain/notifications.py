"""Contents of outgoing messages: the webhook's body and Zulip's messages (spec: out)."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from domain.consent import Statement
from domain.results import Evidence, Topic, Transcript
from domain.rooms import base_name
from domain.text.captions import CONTROL, by_topic, clock, one_line, webvtt
from domain.text.inert import ZWSP, inert
from domain.text.markdown import safe

COMPLETED, TEST = "transcript.completed", "test"
# Event ids are name-based UUIDs of their content.
NAMESPACE = uuid.UUID("5f0a2f6e-2f0e-5a5e-9f0b-6d9d1f2a7c11")
# Zulip silently truncates longer texts (in characters).
MAX_CONTENT, MAX_TOPIC = 10_000, 60
# A longer summary is truncated to leave space for the topics.
MAX_SUMMARY = 6_000
# Quotes below the summary, and the characters of a quote.
MAX_QUOTES, MAX_QUOTE = 6, 120
FENCE = re.compile(r"(`{2}|~{2})(?=[`~])")
# Also at the end, where our own bold markup may follow.
MENTION = re.compile(r"@(?=_?(?:\*|\Z))")
LINK = re.compile(r"\](?=[(\[])")
# Zulip also makes links of bare domains and addresses.
DOMAIN = re.compile(r"(?<=[A-Za-z0-9-])\.(?=[A-Za-z]{2,})")
TOPIC_FIELDS = {"title", "summary", "timestamp", "duration", "evidence"}
# Fields that are not part of an event's content.
NOT_IN_EVENT_ID = {"audio_key", "method", "words", "conflicts", "older"}


def page(page_url: str, recording_id: str) -> str:
    """Return the URL of a transcript's page."""
    return f"{page_url.rstrip('/')}/transcripts/{recording_id}"


def share_page(page_url: str, recording_id: str, token: str) -> str:
    """Return the link that shares a recording's page: its token is in the fragment, which browsers send nowhere."""
    return f"{page(page_url, recording_id)}#share={token}"


def event_id(transcript: Transcript) -> str:
    """Return the id of the completed event, which depends only on the recording and on the content sent."""
    content = transcript.model_dump_json(exclude=NOT_IN_EVENT_ID)
    return str(uuid.uuid5(NAMESPACE, f"{transcript.id}\n{content}"))


def webhook_body(
    transcript: Transcript, room: str | None = None, *, at: float, language: str, page_url: str
) -> dict[str, Any]:
    """Build the body of transcript.completed; `at` is the time of the event in seconds since the epoch.

    `room` overrides the base name of the meeting's room. Durations and timestamps are in seconds.
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
            "title": inert(transcript.title),
            "short_summary": inert(transcript.short_summary),
            "long_summary": safe(transcript.long_summary),
            "summary_evidence": _inert([one.model_dump() for one in transcript.summary_evidence]),
            "webvtt": webvtt(transcript.segments),
            "topics": [
                {
                    **_inert(topic.model_dump(include=TOPIC_FIELDS)),
                    "webvtt": webvtt(spoken),
                }
                for topic, spoken in by_topic(transcript)
            ],
            "participants": [
                {"id": one.participant_id, "name": one.name, "speaker": one.speaker if one.speaker >= 0 else None}
                for one in transcript.participants
            ],
            "source_language": language,
            "target_language": language,
            "status": "ended",
            "frontend_url": page(page_url, transcript.id),
            "action_items": _inert(
                transcript.action_items.model_dump(mode="json", include={"decisions": True, "next_steps": True})
            ),
        },
        "room": {"id": name, "name": name},
        "calendar_event": None,
        # Only of a transcript that was sent before and is corrected.
        **({"correction": {"number": transcript.revision}} if transcript.revision else {}),
    }


def trial_body(room: str, *, at: float, event: str) -> dict[str, Any]:
    """Build the body of a manually sent test event; `event` is its id."""
    return {
        "event": TEST,
        "event_id": event,
        "timestamp": _iso(at),
        "message": "This is a test of the room's webhook.",
        "room": {"id": room, "name": room},
    }


def zulip_topic(topic: str) -> str:
    """Return a topic as Zulip stores it: one line, truncated to its limit."""
    line = one_line(topic)
    return line if len(line) <= MAX_TOPIC else f"{line[: MAX_TOPIC - 3]}..."


def zulip_text(transcript: Transcript, page_url: str) -> str:
    """Build the Zulip message of a transcript: heading, date, link, length, and summary and topics as spoilers.

    Text from the meeting cannot mention users, nor open or close blocks.
    """
    link = page(page_url, transcript.id)
    facts = [f"[Transcript]({link})", clock(transcript.duration)]
    if transcript.created_at:
        facts.insert(0, _date(transcript.created_at))
    head = f"## {_one_line(transcript.title, 200) or 'Untitled Meeting'}\n{' · '.join(facts)}"
    parts = [head]
    if summary := _neutralized(safe(transcript.long_summary.strip() or transcript.short_summary.strip())):
        shown = [f"* {_quoted(one)}" for one in transcript.summary_evidence if one.subject is not None][:MAX_QUOTES]
        parts.append(_spoiler("Summary", "\n".join([_cut(summary, MAX_SUMMARY), *shown])))
    if transcript.topics:
        room = MAX_CONTENT - len("\n\n".join([*parts, _spoiler("Topics", "")])) - 2
        parts.append(_spoiler("Topics", _topics(transcript.topics, room, link)))
    return "\n\n".join(parts)


def deleted_text(recording_id: str) -> str:
    """Build the text that replaces the Zulip message of a recording that was deleted."""
    return f"The transcript of this meeting was deleted on request (recording {recording_id})."


def failure_mark(recording_id: str) -> str:
    """Return the text that identifies the message about a recording's failure."""
    return f"Recording {recording_id} failed"


def failure_text(recording_id: str, *, room: str | None, step: str | None, reason: str, run_url: str, at: float) -> str:
    """Build the message for operators about a failed run; `at` in seconds since the epoch."""
    facts: Mapping[str, str | None] = {
        "Room": room and _one_line(room, 200),
        "Step": step and _one_line(step, 200),
        "When": _date(_iso(at)),
        "Run": f"[{run_url.rsplit('/', 1)[-1][:8]}]({run_url})",
    }
    lines = [f"* {name}: {value}" for name, value in facts.items() if value]
    return "\n".join([f"**{failure_mark(recording_id)}**", *lines, "", _one_line(reason, 3000)])


def unmatched_mark(denial: Statement) -> str:
    """Return the text that identifies the message about an unmatched denial."""
    return f"Denial of consent {denial.seq} matches no recording"


def unmatched_text(denial: Statement) -> str:
    """Build the message for operators about a denial that matches no recording; it doesn't name the person."""
    lines = [
        f"**{unmatched_mark(denial)}**",
        f"* Meeting: {_one_line(denial.meeting_id, 200)}",
        f"* When: {_date(_iso(denial.said_at))}",
        "",
        "No audio was deleted for it, and recordings that it could be about aren't published.",
        "`reflector consent assign` names its recording, `reflector consent dismiss` declares that there is none.",
    ]
    return "\n".join(lines)


def _topics(topics: tuple[Topic, ...], room: int, link: str) -> str:
    """List the topics within `room` characters, and count the omitted ones."""
    rest = f"and {len(topics)} more on [the transcript's page]({link})"
    lines: list[str] = []
    left = room - len(rest) - 1
    for topic in topics:
        line = (
            f"* [{clock(topic.timestamp)}] **{_one_line(topic.title, 200)}** {_one_line(topic.summary, 600)}".rstrip()
        )
        if topic.evidence:
            line += f" ({_quoted(topic.evidence)})"
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    if more := len(topics) - len(lines):
        lines.append(f"and {more} more on [the transcript's page]({link})")
    return "\n".join(lines)


def _quoted(evidence: Evidence) -> str:
    """Return the time, the speaker and the words of evidence."""
    speaker, quote = _one_line(evidence.speaker, 80), _one_line(evidence.quote, MAX_QUOTE)
    return f"{clock(evidence.timestamp)} {speaker}: “{quote}”"


def _inert(value: Any) -> Any:
    """Return a JSON value in whose texts nothing is a link or a mention."""
    if isinstance(value, dict):
        return {key: _inert(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_inert(one) for one in cast("list[Any]", value)]
    return inert(value) if isinstance(value, str) else value


def _spoiler(heading: str, content: str) -> str:
    return f"```spoiler {heading}\n{content}\n```"


def _neutralized(text: str) -> str:
    """Neutralize fences, mentions and bare domains, which are Zulip's, and leave other Markdown as it is."""
    text = DOMAIN.sub(f".{ZWSP}", CONTROL.sub("", text))
    return MENTION.sub(f"@{ZWSP}", FENCE.sub(rf"\1{ZWSP}", text))


def _one_line(text: str, longest: int) -> str:
    """Put a text on one line and neutralize links, mentions, code and blocks in it."""
    return _cut(LINK.sub(f"]{ZWSP}", _neutralized(inert(one_line(text)).replace("`", "'").replace("**", "*"))), longest)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _date(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

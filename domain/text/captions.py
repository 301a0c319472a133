"""Format a transcript as captions and documents: WebVTT, SRT, Markdown, plain text."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby

from domain.names import of_speaker
from domain.results import (
    ActionItems,
    Decision,
    Evidence,
    NextStep,
    SummaryEvidence,
    Topic,
    Transcript,
    TranscriptSegment,
)
from domain.text.markdown import escape, safe
from domain.text.spacing import join

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
# In SubRip, "-->" begins the times of a caption.
ARROW = re.compile(r"-{2,}>")
HEADING = re.compile(r"^(#{1,5}) ", re.M)


def clock(seconds: float) -> str:
    """Format seconds as mm:ss, or h:mm:ss from one hour on, rounded down as in players."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def webvtt(segments: Iterable[TranscriptSegment]) -> str:
    """Return WebVTT with one cue per nonempty segment, by start (W3C WebVTT, sections 4.1 and 4.2.2)."""
    cues = [
        f"{_stamp(start, '.')} --> {_stamp(end, '.')}\n<v {_escape(name)}>{_escape(text)}"
        for start, end, name, text in _cues(segments)
    ]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def srt(segments: Iterable[TranscriptSegment]) -> str:
    """Return SubRip with one numbered caption per nonempty segment, by start; SubRip has no escape sequences."""
    return "\n".join(
        f"{number}\n{_stamp(start, ',')} --> {_stamp(end, ',')}\n{ARROW.sub('->', f'{name}: {text}')}\n"
        for number, (start, end, name, text) in enumerate(_cues(segments), 1)
    )


def by_topic(transcript: Transcript) -> list[tuple[Topic, list[TranscriptSegment]]]:
    """Return the topics with their sentences: each sentence belongs to the last topic that began before it."""
    found: list[tuple[Topic, list[TranscriptSegment]]] = [(topic, []) for topic in transcript.topics]
    ordered = sorted(found, key=lambda pair: pair[0].timestamp)
    for segment in transcript.segments if found else ():
        at = bisect_right(ordered, segment.start, key=lambda pair: pair[0].timestamp)
        ordered[max(0, at - 1)][1].append(segment)
    return found


def text(transcript: Transcript) -> str:
    """Return plain text: the title, then one paragraph per turn with its time and speaker."""
    paragraphs = [f"[{clock(start)}] {name}: {text}" for start, name, text in _turns(transcript.segments)]
    return "\n\n".join([one_line(transcript.title), *paragraphs]) + "\n"


def markdown(transcript: Transcript) -> str:
    """Return Markdown: title, date and length, summary, action items, topics, and the text by speaker."""
    turns = [f"**{plain(name)}** [{clock(start)}]: {plain(text)}" for start, name, text in _turns(transcript.segments)]
    return "\n\n".join([overview(transcript).rstrip(), "## Transcript", *(turns or ["Nothing was said."])]) + "\n"


def overview(transcript: Transcript) -> str:
    """Return the Markdown document without the spoken text."""
    facts = [f"Length {clock(transcript.duration)}"]
    if transcript.created_at:
        facts.insert(0, plain(transcript.created_at))
    if transcript.participants:
        facts.append(plain(", ".join(person.name for person in transcript.participants)))
    parts = [f"# {plain(transcript.title)}", " · ".join(facts)]
    parts += [plain(error) for error in transcript.errors]
    if summary := transcript.long_summary.strip() or transcript.short_summary.strip():
        # The summary is Markdown itself: demote its headings below the title.
        parts.append(HEADING.sub(r"#\1 ", safe(summary)))
    if transcript.summary_evidence:
        parts += ["### Evidence", "\n".join(f"- {_about(one)}{quoted(one)}" for one in transcript.summary_evidence)]
    parts += _actions(transcript.action_items)
    if transcript.topics:
        parts.append("## Topics")
        parts += [
            f"### [{clock(topic.timestamp)}] {plain(topic.title)}\n\n{plain(topic.summary)}".rstrip()
            + (f"\n\n> {quoted(topic.evidence)}" if topic.evidence else "")
            for topic in transcript.topics
        ]
    return "\n\n".join(parts) + "\n"


def _actions(items: ActionItems) -> list[str]:
    parts: list[str] = []
    if items.decisions:
        parts.append("## Decisions")
        parts.append(
            "\n".join(
                _bullet(found.decision, found, (("by", found.decided_by), ("because", found.rationale)))
                for found in items.decisions
            )
        )
    if items.next_steps:
        parts.append("## Next steps")
        parts.append(
            "\n".join(
                _bullet(step.task, step, (("who", step.assigned_to), ("by", step.deadline), ("", step.context)))
                for step in items.next_steps
            )
        )
    if items.error:
        parts += ["## Action items", f"They could not be made: {plain(items.error)}"]
    return parts


def _bullet(what: str, item: Decision | NextStep, more: Sequence[tuple[str, str | None]]) -> str:
    details = "; ".join(f"{label}: {plain(value)}" if label else plain(value) for label, value in more if value)
    when = "" if item.timestamp is None else f"[{clock(item.timestamp)}] "
    shown = f"\n  > {quoted(item.evidence)}" if item.evidence else ""
    return f"- {when}{plain(what)}" + (f" ({details})" if details else "") + shown


def quoted(evidence: Evidence) -> str:
    """Return the time, the speaker and the words of evidence as Markdown on one line."""
    return f"[{clock(evidence.timestamp)}] {plain(evidence.speaker)}: “{plain(evidence.quote)}”"


def _about(evidence: SummaryEvidence) -> str:
    return f"{plain(evidence.subject)}: " if evidence.subject else ""


def _cues(segments: Iterable[TranscriptSegment]) -> list[tuple[int, int, str, str]]:
    """Return (start ms, end ms, name, text) by start, each at least 1 ms long."""
    cues: list[tuple[int, int, str, str]] = []
    for segment in sorted(segments, key=lambda segment: segment.start):
        if line := one_line(segment.text):
            start = max(0, round(segment.start * 1000))
            end = max(start + 1, round(segment.end * 1000))
            cues.append((start, end, _name(segment), line))
    return cues


def _turns(segments: Iterable[TranscriptSegment]) -> list[tuple[float, str, str]]:
    """Return (start, name, text) of each turn, which is a run of segments of one speaker."""
    spoken = sorted((segment for segment in segments if one_line(segment.text)), key=lambda segment: segment.start)
    turns: list[tuple[float, str, str]] = []
    for _, group in groupby(spoken, key=lambda segment: (segment.speaker, segment.name)):
        turn = list(group)
        turns.append((turn[0].start, _name(turn[0]), join(one_line(segment.text) for segment in turn)))
    return turns


def _stamp(milliseconds: int, point: str) -> str:
    seconds, thousandth = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandth:03}"


def _name(segment: TranscriptSegment) -> str:
    return one_line(segment.name) or of_speaker(segment.speaker)


def one_line(value: str) -> str:
    """Put a text on one line, without control characters; an empty line would end a caption."""
    return " ".join(CONTROL.sub("", value).split())


def _escape(value: str) -> str:
    return html.escape(value, quote=False)


def plain(value: str) -> str:
    """Escape a text for Markdown, on one line."""
    return escape(one_line(value))

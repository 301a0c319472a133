"""The finished transcript as captions and documents: WebVTT, SRT, Markdown, plain text."""

import html
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from domain.results import ActionItems, Transcript, TranscriptSegment
from domain.text.words import join

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
MARKDOWN = re.compile(r"([\\`*_\[\]#~|])")
HEADING = re.compile(r"^(#{1,5}) ", re.M)


def clock(seconds: float) -> str:
    """Write seconds as mm:ss, from one hour on as h:mm:ss; fractions are cut off, as players do."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def webvtt(segments: Iterable[TranscriptSegment]) -> str:
    """Write WebVTT, one cue per segment with text, by start (W3C WebVTT, sections 4.1 and 4.2.2)."""
    cues = [
        f"{_stamp(start, '.')} --> {_stamp(end, '.')}\n<v {_escape(name)}>{_escape(text)}"
        for start, end, name, text in _cues(segments)
    ]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def srt(segments: Iterable[TranscriptSegment]) -> str:
    """Write SubRip, one numbered caption per segment with text, by start; SubRip knows no escapes."""
    return "\n".join(
        f"{number}\n{_stamp(start, ',')} --> {_stamp(end, ',')}\n{name}: {text.replace('-->', '->')}\n"
        for number, (start, end, name, text) in enumerate(_cues(segments), 1)
    )


def text(transcript: Transcript) -> str:
    """Write the title and who said what when, one paragraph per stretch of one speaker."""
    paragraphs = [f"[{clock(start)}] {name}: {said}" for start, name, said in _paragraphs(transcript.segments)]
    return "\n\n".join([one_line(transcript.title), *paragraphs]) + "\n"


def markdown(transcript: Transcript) -> str:
    """Write the document: title, date and length, summary, action items, topics, what was said by speaker."""
    spoken = [
        f"**{_plain(name)}** [{clock(start)}]: {_plain(said)}" for start, name, said in _paragraphs(transcript.segments)
    ]
    return "\n\n".join([overview(transcript).rstrip(), "## Transcript", *(spoken or ["Nothing was said."])]) + "\n"


def overview(transcript: Transcript) -> str:
    """Write the document without what was said."""
    facts = [f"Length {clock(transcript.duration)}"]
    if transcript.created_at:
        facts.insert(0, _plain(transcript.created_at))
    if transcript.participants:
        facts.append(_plain(", ".join(person.name for person in transcript.participants)))
    parts = [f"# {_plain(transcript.title)}", " · ".join(facts)]
    if summary := transcript.long_summary.strip() or transcript.short_summary.strip():
        # The summary is Markdown of its own: its headings go one level below the title.
        parts.append(HEADING.sub(r"#\1 ", summary))
    parts += _actions(transcript.action_items)
    if transcript.topics:
        parts.append("## Topics")
        parts += [
            f"### [{clock(topic.timestamp)}] {_plain(topic.title)}\n\n{_plain(topic.summary)}".rstrip()
            for topic in transcript.topics
        ]
    return "\n\n".join(parts) + "\n"


def _actions(items: ActionItems) -> list[str]:
    parts: list[str] = []
    if items.decisions:
        parts.append("## Decisions")
        parts.append(
            "\n".join(
                _bullet(found.decision, found.timestamp, (("by", found.decided_by), ("because", found.rationale)))
                for found in items.decisions
            )
        )
    if items.next_steps:
        parts.append("## Next steps")
        parts.append(
            "\n".join(
                _bullet(
                    step.task, step.timestamp, (("who", step.assigned_to), ("by", step.deadline), ("", step.context))
                )
                for step in items.next_steps
            )
        )
    if items.error:
        parts += ["## Action items", f"They could not be made: {_plain(items.error)}"]
    return parts


def _bullet(what: str, at: float | None, more: Sequence[tuple[str, str | None]]) -> str:
    details = "; ".join(f"{label}: {_plain(value)}" if label else _plain(value) for label, value in more if value)
    when = "" if at is None else f"[{clock(at)}] "
    return f"- {when}{_plain(what)}" + (f" ({details})" if details else "")


def _cues(segments: Iterable[TranscriptSegment]) -> list[tuple[int, int, str, str]]:
    """Give (start ms, end ms, name, text) by start, each at least 1 ms long."""
    cues: list[tuple[int, int, str, str]] = []
    for segment in sorted(segments, key=lambda segment: segment.start):
        if said := one_line(segment.text):
            start = max(0, round(segment.start * 1000))
            end = max(start + 1, round(segment.end * 1000))
            cues.append((start, end, _name(segment), said))
    return cues


def _paragraphs(segments: Iterable[TranscriptSegment]) -> list[tuple[float, str, str]]:
    """Give (start, name, text) of each stretch of one speaker."""
    spoken = sorted((segment for segment in segments if one_line(segment.text)), key=lambda segment: segment.start)
    found: list[tuple[float, str, str]] = []
    for _, group in groupby(spoken, key=lambda segment: (segment.speaker, segment.name)):
        stretch = list(group)
        found.append((stretch[0].start, _name(stretch[0]), join(one_line(segment.text) for segment in stretch)))
    return found


def _stamp(milliseconds: int, point: str) -> str:
    seconds, thousandth = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandth:03}"


def _name(segment: TranscriptSegment) -> str:
    return one_line(segment.name) or f"Speaker {segment.speaker + 1}"


def one_line(value: str) -> str:
    """Put a text on one line, without control characters; an empty line would end a caption."""
    return " ".join(CONTROL.sub("", value).split())


def _escape(value: str) -> str:
    return html.escape(value, quote=False)


def _plain(value: str) -> str:
    """Write a text so that Markdown shows just it."""
    return MARKDOWN.sub(r"\\\1", _escape(one_line(value)))

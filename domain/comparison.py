"""Compare our transcript with the old system's: title, summaries, topics, words, and word error rate."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Any, cast

import jiwer
import webvtt
from webvtt.errors import MalformedFileError

from domain.old_transcripts import OldTopic, OldTranscript
from domain.recording import Frozen
from domain.results import Transcript
from domain.text.markdown import escape

# Ignore case and punctuation.
NORMALIZE = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.SubstituteRegexes({r"[^\w\s']": " "}),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)
MAX_CELL = 400


class Texts(Frozen):
    """The compared fields of one transcript."""

    title: str
    short_summary: str
    long_summary: str
    topics: int
    words: int


class ShadowComparison(Frozen):
    """One recording in both systems, with the old system's words as the reference of `word_error_rate`.

    `theirs` is null until the old system has a finished transcript with words; `note` gives the reason. `their_id` and
    `their_url` are the id and the page of its transcript.
    """

    recording_id: str
    ours: Texts
    their_id: str | None = None
    their_url: str | None = None
    theirs: Texts | None = None
    same_title: bool | None = None
    word_error_rate: float | None = None
    note: str | None = None


def compare(ours: Transcript, theirs: OldTranscript, topics: Sequence[OldTopic], url: str) -> ShadowComparison:
    """Compare two transcripts of one recording; `url` is the page of the old system's."""
    if not theirs.is_finished():
        return missing(ours, f"the old system isn't done with it ({theirs.status})", theirs.id, url)
    reference = _spoken(theirs.transcript)
    rate = word_error_rate(reference, " ".join(segment.text for segment in ours.segments))
    if rate is None:
        return missing(ours, "the old system finished it without words", theirs.id, url)
    old = Texts(
        title=theirs.title or "",
        short_summary=theirs.short_summary or "",
        long_summary=theirs.long_summary or "",
        topics=len(topics),
        words=_count(reference),
    )
    return ShadowComparison(
        recording_id=ours.id,
        ours=texts(ours),
        their_id=theirs.id,
        their_url=url,
        theirs=old,
        same_title=_normalized(ours.title) == _normalized(old.title),
        word_error_rate=rate,
    )


def missing(ours: Transcript, note: str, their_id: str | None = None, url: str | None = None) -> ShadowComparison:
    """Return the comparison of a recording that can't be compared yet, and why."""
    return ShadowComparison(recording_id=ours.id, ours=texts(ours), their_id=their_id, their_url=url, note=note)


def texts(ours: Transcript) -> Texts:
    """Return our side of a comparison."""
    return Texts(
        title=ours.title,
        short_summary=ours.short_summary,
        long_summary=ours.long_summary,
        topics=len(ours.topics),
        words=_count(" ".join(segment.text for segment in ours.segments)),
    )


def word_error_rate(reference: str, hypothesis: str) -> float | None:
    """Return the word error rate (0 means equal), or None if the reference has no words."""
    if not _count(reference):
        return None
    found = jiwer.process_words(reference, hypothesis, NORMALIZE, NORMALIZE)
    return round(found.wer, 4)


def table(found: ShadowComparison) -> str:
    """Format the comparison of one recording as a Markdown table."""
    old = found.theirs or Texts(title="", short_summary="", long_summary="", topics=0, words=0)
    rows = [
        ("title", found.ours.title, old.title),
        ("short summary", found.ours.short_summary, old.short_summary),
        ("long summary, words", _count(found.ours.long_summary), _count(old.long_summary)),
        ("topics", found.ours.topics, old.topics),
        ("words", found.ours.words, old.words),
    ]
    lines = ["| | this system | the old system |", "| --- | --- | --- |"]
    lines += [f"| {what} | {_cell(ours)} | {_cell(theirs)} |" for what, ours, theirs in rows]
    rate = "unknown" if found.word_error_rate is None else f"{100 * found.word_error_rate:.1f} %"
    lines += ["", f"Word error rate against the old system: {rate}."]
    lines += [f"Its transcript: [{found.their_id}]({found.their_url})."] if found.their_url else []
    return "\n".join([*lines, *([f"Note: {found.note}."] if found.note else [])])


class Report(Frozen):
    """Totals over comparisons; medians over the recordings in both systems, null if there are none."""

    recordings: int
    compared: int
    same_titles: int
    median_word_error_rate: float | None
    worst_word_error_rate: float | None
    median_topics: tuple[float, float] | None
    median_words: tuple[float, float] | None


def report(found: Sequence[ShadowComparison]) -> Report:
    """Aggregate comparisons."""
    both = [one for one in found if one.theirs is not None]
    rates = [one.word_error_rate for one in both if one.word_error_rate is not None]

    def medians(field: str) -> tuple[float, float] | None:
        if not both:
            return None
        return (
            float(median(getattr(one.ours, field) for one in both)),
            float(median(getattr(one.theirs, field) for one in both)),
        )

    return Report(
        recordings=len(found),
        compared=len(both),
        same_titles=sum(bool(one.same_title) for one in both),
        median_word_error_rate=round(median(rates), 4) if rates else None,
        worst_word_error_rate=max(rates) if rates else None,
        median_topics=medians("topics"),
        median_words=medians("words"),
    )


def _spoken(captions: str) -> str:
    """Return the text of captions without voice tags; text that isn't WebVTT is returned unchanged."""
    try:
        cues = cast(list[Any], webvtt.from_string(captions).captions)
    except MalformedFileError:
        return captions
    return " ".join(str(cue.text).replace("\n", " ") for cue in cues)


def _count(text: str) -> int:
    sentences = cast(list[list[str]], NORMALIZE([text]))
    return sum(len(words) for words in sentences)


def _normalized(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return escape(text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 3]}...")

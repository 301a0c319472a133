"""Compare our transcript with the old system's: title, summaries, topics, words, and word error rate."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Any, cast

import jiwer
import webvtt
from pydantic import BaseModel, ConfigDict, ValidationError
from webvtt.errors import MalformedFileError

from domain.errors import PermanentError
from domain.recording import Frozen, first_problem
from domain.results import Transcript

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
# The old system's statuses of an unfinished transcript.
UNFINISHED = {"idle", "uploaded", "recording", "processing"}
MAX_CELL = 400


class OldTopic(BaseModel):
    """A topic in the old system's format."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str | None = None
    transcript: str | None = None
    webvtt: str | None = None


class OldTranscript(BaseModel):
    """A transcript in the old system's format; every field is optional and unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str | None = None
    short_summary: str | None = None
    long_summary: str | None = None
    status: str | None = None
    webvtt: str | None = None
    topics: tuple[OldTopic, ...] | None = None

    @classmethod
    def read(cls, described: Any) -> "OldTranscript":
        """Validate the old system's JSON; raise a PermanentError that names the invalid field."""
        try:
            return cls.model_validate(described)
        except ValidationError as error:
            problem = first_problem(error, "the transcript")
            raise PermanentError(f"the old system's transcript can't be read: {problem}") from None

    def is_finished(self) -> bool:
        """Return True if the transcript will not change any more."""
        return (self.status or "ended") not in UNFINISHED

    def text(self) -> str:
        """Return the spoken text: of the captions, else of the topics. Empty if there are neither."""
        if self.webvtt:
            return _spoken(self.webvtt)
        return " ".join(
            _spoken(topic.webvtt) if topic.webvtt else topic.transcript or "" for topic in self.topics or ()
        )


class Texts(Frozen):
    """The compared fields of one transcript."""

    title: str
    short_summary: str
    long_summary: str
    topics: int
    words: int


class ShadowComparison(Frozen):
    """One recording in both systems, with the old system's words as the reference of `word_error_rate`.

    `word_error_rate` is null without such words, `theirs` without such a transcript; `note` gives the reason.
    """

    recording_id: str
    ours: Texts
    theirs: Texts | None = None
    same_title: bool | None = None
    word_error_rate: float | None = None
    note: str | None = None


def compare(ours: Transcript, theirs: OldTranscript) -> ShadowComparison:
    """Compare two finished transcripts of one recording."""
    hypothesis, reference = " ".join(segment.text for segment in ours.segments), theirs.text()
    old = Texts(
        title=theirs.title or "",
        short_summary=theirs.short_summary or "",
        long_summary=theirs.long_summary or "",
        topics=len(theirs.topics or ()),
        words=_count(reference),
    )
    rate = word_error_rate(reference, hypothesis)
    return ShadowComparison(
        recording_id=ours.id,
        ours=texts(ours),
        theirs=old,
        same_title=_normalized(ours.title) == _normalized(old.title),
        word_error_rate=rate,
        note=None if rate is not None else "the old system has no words of it",
    )


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
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 3]}..."

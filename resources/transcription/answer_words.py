"""The words in a transcription service's answer, with usable times: one odd word doesn't spoil the others."""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

from domain.errors import PermanentError
from domain.text.words import Word, shares
from resources.http import as_list, as_object

MOST_WORDS = 500_000
TOLERANCE = 1.0
"""Seconds by which a time is corrected without a note."""
WORD_S = 0.3
"""Seconds of a word without a time that has a neighbour on one side only."""
WINDOW_S = 30.0
"""Length of Whisper's window: by at most this, it puts what it makes up of an end after that end."""
LATE = "words after the end are left out"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Answer(NamedTuple):
    """The answer for the part of a track from `start` to `end`, in seconds; its own times begin at `start`."""

    content: Mapping[str, Any]
    start: float
    end: float


@dataclass
class _Timed:
    """A word as it was given: times in seconds of the track, or None where they are of no use."""

    word: str
    start: float | None
    end: float | None
    confidence: float


def read(answer: Answer, *, speaker: int, service: str) -> tuple[tuple[Word, ...], tuple[str, ...]]:
    """Return an answer's words in order, with times in seconds within its part of the track, and notes.

    Without times of words, those of segments are spread over their words. Words after the end are dropped, and a time
    that is missing or out of order is put between its neighbours'; the notes say so. Without a confidence, a word gets
    1. Raises PermanentError if something was said and nothing has a time in the track.
    """
    notes: Counter[str] = Counter()
    length = answer.end - answer.start
    segments = [as_object(item) or {} for item in as_list(answer.content.get("segments")) or []]
    given = as_list(answer.content.get("words")) or [
        word for segment in segments for word in as_list(segment.get("words")) or []
    ]
    if len(given) > MOST_WORDS:
        raise PermanentError(f"the transcription service at {service} answered with {len(given)} words")
    found = [word for item in given if (word := _word(item, length, notes)) is not None]
    if not _are_timed(found):
        found = [word for segment in segments for word in _spread(segment, length)]
        if _are_timed(found):
            notes = Counter({"words have the times of their segment": len(found)})
        elif _has_text(answer.content, given) and not _end_a_little_late(given, length):
            raise PermanentError(
                f"the transcription service at {service} answered with text and no list of words with times "
                f"in the {length:.0f} s of the track",
                hint="Use a service and a model that return word timestamps in seconds.",
            )
        else:
            found = []
    words = _placed(found, length, notes)
    at = answer.start
    return (
        tuple(
            Word(w.word, round(at + (w.start or 0.0), 3), round(at + (w.end or 0.0), 3), speaker, w.confidence)
            for w in words
        ),
        tuple(f"{count} {what}" for what, count in notes.items() if count),
    )


def _word(item: Any, length: float, notes: Counter[str]) -> _Timed | None:
    """Read one word; None if it is blank or lies after the end."""
    fields = as_object(item) or {}
    if (word := _text(fields.get("word"))) is None:
        notes["words without a text are left out"] += 1
        return None
    if not word:
        return None
    start, end = _time(fields.get("start")), _time(fields.get("end"))
    if start is not None and start > length + TOLERANCE:
        notes[LATE] += 1
        return None
    if end is not None and end > length + TOLERANCE:
        notes["words end after the end, and are shortened"] += 1
    if start is not None and start < -TOLERANCE:
        start = end = None
    if start is not None and end is not None and end < start - TOLERANCE:
        end = None
    given = [_time(fields.get(name)) for name in ("confidence", "probability")]
    confidence = next((one for one in given if one is not None), 1.0)
    return _Timed(word, start, end, min(max(confidence, 0.0), 1.0))


def _spread(segment: Mapping[str, Any], length: float) -> list[_Timed]:
    """Return the words of a segment, its time shared out by their letters; without times if it has none."""
    start, end, words = (
        _time(segment.get("start")),
        _time(segment.get("end")),
        (_text(segment.get("text")) or "").split(),
    )
    if start is None:
        return [_Timed(word, None, None, 1.0) for word in words]
    if start > length + TOLERANCE:
        return []
    until = max(start, end if end is not None else start + WORD_S * len(words))
    marks = shares([len(word) for word in words], start, until)
    return [_Timed(word, *limits, 1.0) for word, limits in zip(words, pairwise(marks), strict=True)]


def _placed(words: Sequence[_Timed], length: float, notes: Counter[str]) -> Sequence[_Timed]:
    """Give all words times in order, within the part."""
    kept = _in_order([word.start for word in words])
    floor = 0.0
    for number, word in enumerate(words):
        if word.start is None:
            continue
        if number in kept:
            floor = word.start
        elif abs(word.start - floor) <= TOLERANCE:
            word.start = floor
        else:
            word.start = word.end = None
    _interpolate(words, length, notes)
    at = 0.0
    for word, later in zip_longest(words, words[1:]):
        word.start = at = min(max(word.start or 0.0, at), length)
        until = later.start if later else None
        end = word.end if word.end is not None else until if until is not None else at + WORD_S
        word.end = max(min(end, length), at)
    return words


def _in_order(starts: Sequence[float | None]) -> set[int]:
    """Return the numbers of the longest series of times that never go back."""
    ends: list[float] = []
    last: list[int] = []
    before: dict[int, int | None] = {}
    for number, start in enumerate(starts):
        if start is None:
            continue
        place = bisect_right(ends, start)
        before[number] = last[place - 1] if place else None
        ends[place:] = [start, *ends[place + 1 :]]
        last[place:] = [number, *last[place + 1 :]]
    found: set[int] = set()
    number = last[-1] if last else None
    while number is not None:
        found.add(number)
        number = before[number]
    return found


def _interpolate(words: Sequence[_Timed], length: float, notes: Counter[str]) -> None:
    """Share out the time between their neighbours among words without one."""
    number = 0
    while number < len(words):
        if words[number].start is not None:
            number += 1
            continue
        end = next((n for n in range(number, len(words)) if words[n].start is not None), len(words))
        missing = words[number:end]
        notes["words have a time from their neighbours"] += len(missing)
        before, after = words[number - 1] if number else None, words[end] if end < len(words) else None
        start = (before.end if before.end is not None else before.start) if before else None
        until = after.start if after else None
        if start is None:
            start = max(0.0, (until or 0.0) - WORD_S * len(missing))
        if until is None:
            until = min(length, start + WORD_S * len(missing))
        marks = shares([len(word.word) for word in missing], start, max(start, until))
        for word, limits in zip(missing, pairwise(marks), strict=True):
            word.start, word.end = limits
        number = end


def _time(value: object) -> float | None:
    """Return a finite number; None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    """Return a text, or a number as one, on one line, without what a database or a file can't hold; or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return " ".join(_CONTROL.sub(" ", str(value).encode("utf-8", "ignore").decode()).split())


def _are_timed(words: Sequence[_Timed]) -> bool:
    return any(word.start is not None for word in words)


def _has_text(content: Mapping[str, Any], given: Sequence[Any]) -> bool:
    """Return True if an answer says anything, or has words that can't be read."""
    words = ((as_object(item) or {}).get("word") for item in given)
    return bool(str(content.get("text") or "").strip()) or any(_text(word) != "" for word in words)


def _end_a_little_late(given: Sequence[Any], length: float) -> bool:
    """Return True if there are words, and all of them begin after the end, but not much."""
    starts = [_time((as_object(item) or {}).get("start")) for item in given]
    return bool(starts) and all(start is not None and length < start <= length + WINDOW_S for start in starts)

"""Answers of transcription services: their words, and their errors translated to ours."""

import json
import math
from collections.abc import Mapping
from typing import Any

from domain.errors import PermanentError, TransientError, is_retryable
from domain.text.words import Word
from resources.http import as_list, as_object, error_line, one_line, parse_object, retry_after
from resources.transcription.base import Transcription

MOST_BYTES = 64 * 2**20
MOST_WORDS = 500_000
# Seconds by which a word may lie outside of the track or before its predecessor.
TOLERANCE = 1.0
HINTS = {
    401: "Check TRANSCRIPT_MODAL_API_KEY.",
    403: "Check TRANSCRIPT_MODAL_API_KEY.",
    413: "The service doesn't accept tracks of this size.",
}


def timed_out(seconds: float, service: str) -> TransientError:
    """Return the error for a call that was not answered in `seconds`."""
    return TransientError(
        f"the transcription service at {service} didn't answer in {seconds:g} s",
        hint="If this goes on, raise TRANSCRIPT_FILE_TIMEOUT.",
    )


def unreachable(error: Exception, service: str) -> TransientError:
    """Return the error for a connection that failed or broke during the answer."""
    return TransientError(
        f"the connection to the transcription service at {service} failed: {error_line(error)}",
        hint="Check that TRANSCRIPT_URL can be reached.",
    )


def status_error(
    status: int, content: bytes, headers: Mapping[str, str], *, service: str, hints: Mapping[int, str]
) -> TransientError | PermanentError:
    """Return the error for an HTTP status; `hints` say what to do, by status."""
    detail = _detail(content)
    what = f"the transcription service at {service} answered {status}{f' ({detail})' if detail else ''}"
    if is_retryable(status):
        return TransientError(what, retry_after=retry_after(headers))
    return PermanentError(what, hint=({**HINTS, **hints}).get(status, "Check TRANSCRIPT_URL."))


def read_answer(content: bytes, service: str) -> dict[str, Any]:
    """Return the JSON object of an answer; raises PermanentError."""
    if (answer := parse_object(content)) is None:
        raise PermanentError(
            f"the transcription service at {service} didn't answer with a JSON object", hint="Check TRANSCRIPT_URL."
        )
    return answer


def read_words(answer: Mapping[str, Any], *, duration: float, speaker: int, service: str) -> tuple[Word, ...]:
    """Return an answer's validated words, with times in seconds of the track; raises PermanentError.

    Strips words and drops blank ones. Times must be finite, in order and within the track; deviations of up to 1 s
    are corrected. Without a confidence, a word gets 1.
    """
    given = as_list(answer.get("words"))
    if answer.get("words") is None and not str(answer.get("text") or "").strip():
        given = []
    if given is None or len(given) > MOST_WORDS:
        what = "no list of words with times" if given is None else f"{len(given)} words"
        raise PermanentError(
            f"the transcription service at {service} answered with {what}",
            hint="Use a service and a model that return word timestamps.",
        )
    words: list[Word] = []
    for number, item in enumerate(given):
        at = words[-1].start if words else 0.0
        try:
            text, start, end = str(item["word"]).strip(), float(item["start"]), float(item["end"])
            found = next((item[name] for name in ("confidence", "probability") if item.get(name) is not None), 1.0)
            confidence = float(found)
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            raise _unusable(number, "has no word, start or end", service) from None
        if not all(map(math.isfinite, (start, end, confidence))):
            raise _unusable(number, "has a time or confidence that is not finite", service)
        if start < at - TOLERANCE or end < start - TOLERANCE:
            raise _unusable(number, f"({start:g} to {end:g} s) is out of order, after {at:g} s", service)
        if end > duration + TOLERANCE or start > duration + TOLERANCE:
            raise _unusable(number, f"({start:g} to {end:g} s) is outside of the track of {duration:g} s", service)
        if text:
            start = min(max(start, at), max(duration, at))
            end = max(min(end, duration), start)
            words.append(Word(text, round(start, 3), round(end, 3), speaker, min(max(confidence, 0.0), 1.0)))
    return tuple(words)


def seconds_covered(words: tuple[Word, ...]) -> float:
    """Return the seconds that are covered by words."""
    total = until = 0.0
    for word in words:
        total += max(0.0, word.end - max(word.start, until))
        until = max(until, word.end)
    return round(total, 3)


def transcription(
    answer: Mapping[str, Any], *, duration: float, speaker: int, language: str, gpu_seconds: float, service: str
) -> Transcription:
    """Convert an answer; its language is the requested one, for "auto" the one that the service detected."""
    words = read_words(answer, duration=duration, speaker=speaker, service=service)
    detected = answer.get("language")
    known = language if language != "auto" else detected if isinstance(detected, str) and detected else None
    return Transcription(words, known, seconds_covered(words), gpu_seconds)


def _unusable(number: int, what: str, service: str) -> PermanentError:
    return PermanentError(f"the transcription service at {service} gave an invalid answer: word {number + 1} {what}")


def _detail(content: bytes) -> str:
    """Return the service's error message; nothing if it contains a URL, which would be the presigned one."""
    text = content[:4096].decode("utf-8", "replace")
    try:
        message: Any = json.loads(content)
    except (ValueError, RecursionError):
        message = text if "<" not in text else ""
    for _ in range(3):
        if (fields := as_object(message)) is not None:
            message = next((fields[name] for name in ("error", "message", "detail") if fields.get(name)), "")
    line = one_line(message if isinstance(message, str) else "")
    return "" if "://" in line or "%3A%2F%2F" in line else line

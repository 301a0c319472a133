"""What goes over the wire to a transcription service: words, and what its failures mean."""

import json
import math
from collections.abc import Mapping
from typing import Any

from domain.errors import PermanentError, TransientError, is_retryable
from domain.text.words import Word
from resources.http import error_line, one_line, retry_after
from resources.transcription.base import Transcription

MOST_BYTES = 64 * 2**20
MOST_WORDS = 500_000
# Seconds by which a service's clock may be off: a word may lie so far outside of the track or before its neighbour.
TOLERANCE = 1.0
HINTS = {
    401: "Check TRANSCRIPT_MODAL_API_KEY.",
    403: "Check TRANSCRIPT_MODAL_API_KEY.",
    413: "The track is too long for this service.",
}


def timed_out(seconds: float, service: str) -> TransientError:
    """Return the error for a call that was not answered in `seconds`."""
    return TransientError(
        f"the transcription service at {service} didn't answer in {seconds:g} s",
        hint="If this goes on, raise TRANSCRIPT_FILE_TIMEOUT.",
    )


def unreachable(error: Exception, service: str) -> TransientError:
    """Tell that the connection failed, or broke in mid-answer."""
    return TransientError(
        f"the connection to the transcription service at {service} failed: {error_line(error)}",
        hint="Check that TRANSCRIPT_URL can be reached.",
    )


def status_error(
    status: int, content: bytes, headers: Mapping[str, str], *, service: str, hints: Mapping[int, str]
) -> TransientError | PermanentError:
    """Tell what an HTTP status means; `hints` are what to do, by status."""
    detail = _detail(content)
    what = f"the transcription service at {service} answered {status}{f' ({detail})' if detail else ''}"
    if is_retryable(status):
        return TransientError(what, retry_after=retry_after(headers))
    return PermanentError(what, hint=({**HINTS, **hints}).get(status, "Check TRANSCRIPT_URL."))


def read_answer(content: bytes, service: str) -> dict[str, Any]:
    """Read the JSON object of an answer; raises PermanentError."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PermanentError(
            f"the transcription service at {service} answered with something that is no JSON object",
            hint="Check TRANSCRIPT_URL.",
        )
    return answer


def read_words(answer: Mapping[str, Any], *, duration: float, speaker: int, service: str) -> tuple[Word, ...]:
    """Read and check an answer's words, seconds of the track; raises PermanentError.

    Blanks around words and words that are only blank go. Times must be finite, in order and inside the track, with a
    tolerance of 1 s in which they are moved to where they belong. A service that tells no confidence is sure.
    """
    given = answer.get("words")
    if given is None and not str(answer.get("text") or "").strip():
        given = []
    if not isinstance(given, list) or len(given) > MOST_WORDS:
        what = f"{len(given)} words" if isinstance(given, list) else "no list of words with times"
        raise PermanentError(
            f"the transcription service at {service} answered with {what}",
            hint="Use a service and a model that give times for words.",
        )
    words: list[Word] = []
    for number, item in enumerate(given):
        at = words[-1].start if words else 0.0
        try:
            said, start, end = str(item["word"]).strip(), float(item["start"]), float(item["end"])
            sure = next((item[name] for name in ("confidence", "probability") if item.get(name) is not None), 1.0)
            sure = float(sure)
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            raise _unusable(number, "has no word, start or end", service) from None
        if not all(map(math.isfinite, (start, end, sure))):
            raise _unusable(number, "has a time that is no number", service)
        if start < at - TOLERANCE or end < start - TOLERANCE:
            raise _unusable(number, f"({start:g} to {end:g} s) is out of order, after {at:g} s", service)
        if end > duration + TOLERANCE or start > duration + TOLERANCE:
            raise _unusable(number, f"({start:g} to {end:g} s) lies outside of the track of {duration:g} s", service)
        if said:
            start = min(max(start, at), max(duration, at))
            end = max(min(end, duration), start)
            words.append(Word(said, round(start, 3), round(end, 3), speaker, min(max(sure, 0.0), 1.0)))
    return tuple(words)


def spoken(words: tuple[Word, ...]) -> float:
    """Seconds that are covered by words."""
    total = until = 0.0
    for word in words:
        total += max(0.0, word.end - max(word.start, until))
        until = max(until, word.end)
    return round(total, 3)


def transcription(
    answer: Mapping[str, Any], *, duration: float, speaker: int, language: str, gpu_seconds: float, service: str
) -> Transcription:
    """Make the result of an answer; the language is what was asked for, else what the service says that it heard."""
    words = read_words(answer, duration=duration, speaker=speaker, service=service)
    heard = answer.get("language")
    known = language if language != "auto" else heard if isinstance(heard, str) and heard else None
    return Transcription(words, known, spoken(words), gpu_seconds)


def _unusable(number: int, what: str, service: str) -> PermanentError:
    return PermanentError(f"the transcription service at {service} can't be used: word {number + 1} {what}")


def _detail(content: bytes) -> str:
    """What the service says itself; nothing when it names a URL, which would be the presigned one."""
    text = content[:4096].decode("utf-8", "replace")
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = text if "<" not in text else ""
    for _ in range(3):
        if isinstance(said, dict):
            said = next((said[name] for name in ("error", "message", "detail") if said.get(name)), "")
    line = one_line(said if isinstance(said, str) else "")
    return "" if "://" in line or "%3A%2F%2F" in line else line

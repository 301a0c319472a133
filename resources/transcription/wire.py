"""Answers of transcription services, and their errors translated to ours."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from domain.errors import PermanentError, TransientError, is_retryable
from domain.text.words import Word
from resources.http import as_object, error_line, one_line, parse_object, retry_after
from resources.transcription import answer_words
from resources.transcription.answer_words import Answer
from resources.transcription.base import Transcription

MOST_BYTES = 64 * 2**20
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


def seconds_covered(words: tuple[Word, ...]) -> float:
    """Return the seconds that are covered by words."""
    total = until = 0.0
    for word in words:
        total += max(0.0, word.end - max(word.start, until))
        until = max(until, word.end)
    return round(total, 3)


def transcription(
    answers: Sequence[Answer], *, speaker: int, language: str, gpu_seconds: float, service: str
) -> Transcription:
    """Join the answers for the parts of a track; its language is the requested one, for "auto" the detected one.

    Raises PermanentError.
    """
    read = [answer_words.read(answer, speaker=speaker, service=service) for answer in answers]
    words = tuple(word for found, _ in read for word in found)
    detected = answers[0].content.get("language")
    detected = detected if isinstance(detected, str) and 0 < len(detected) <= 40 else None
    known = language if language != "auto" else detected
    return Transcription(
        words, known, seconds_covered(words), gpu_seconds, tuple(note for _, notes in read for note in notes)
    )


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

"""One call of Daily's API over the wire: its turn, its time limit, and what its failures mean."""

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from domain.errors import InvalidInput, PermanentError, TransientError, is_retryable
from domain.redaction import redact_secrets
from resources.http import error_line, host, one_line, retry_after, send

MOST_BYTES = 32 * 2**20
# What a status means where it is more than a failure of the call.
Meaning = tuple[type[PermanentError], str]

_turns: dict[str, float] = {}
_turns_lock = threading.Lock()


def _take_turn(service: str, interval: float) -> None:
    """Wait until `interval` seconds after the turn of whoever asked the service before, in this process."""
    with _turns_lock:
        now = time.monotonic()
        turn = max(now, _turns.get(service, now))
        _turns[service] = turn + interval
    time.sleep(turn - now)


def path_segment(text: str) -> str:
    """Make one segment of a URL's path of any text; raises InvalidInput for what would be another path."""
    if text in {"", ".", ".."}:
        raise InvalidInput(f"{text!r} is no id of Daily's")
    return quote(text, safe="", errors="replace")


def request(
    method: str,
    url: str,
    *,
    key: str,
    timeout: float,
    interval: float,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    means: Mapping[int, Meaning] | None = None,
) -> bytes:
    """Wait for its turn, send one request, and return what was answered, in `timeout` seconds as a whole.

    Raises TransientError with Daily's Retry-After, PermanentError, or for a status what it `means`.
    """
    try:
        service = host(url)
    except ValueError as error:
        raise _no_url(error) from error
    _take_turn(service, interval)
    hidden = [key, *([body["hmac"]] if body and "hmac" in body else [])]
    request = {"params": query, "json": body, "headers": {"Authorization": f"Bearer {key}"}}
    too_long = PermanentError(f"Daily's answer is longer than {MOST_BYTES // 2**20} MiB")
    try:
        response, content = send(method, url, seconds=timeout, max_bytes=MOST_BYTES, too_long=too_long, **request)
    except TimeoutError as error:
        raise TransientError(f"Daily at {service} didn't answer in {timeout:g} s") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise _no_url(error) from error
    except httpx.RequestError as error:
        raise TransientError(
            f"the connection to Daily at {service} failed: {error_line(error, hidden)}",
            hint="Check that DAILY_API_URL can be reached.",
        ) from error
    if response.is_success:
        return content
    detail = redact_secrets(hidden, _detail(content))
    asked = f"Daily at {service} answered {response.status_code} to {method} {one_line(response.url.path)}"
    raise _failure(response, asked, f" ({detail})" if detail else "", means or {})


def _no_url(error: Exception) -> PermanentError:
    return PermanentError(f"DAILY_API_URL is no URL: {error}", hint="Without it, Daily's own is used.")


def _failure(
    response: httpx.Response, asked: str, detail: str, means: Mapping[int, Meaning]
) -> TransientError | PermanentError:
    status = response.status_code
    if is_retryable(status):
        return TransientError(asked + detail, retry_after=retry_after(response.headers))
    # Daily answers 400 to a header that it can't read (its documentation: authentication errors).
    if status in {401, 403} or "authorization-header-error" in detail:
        return PermanentError(asked + detail, hint="Check DAILY_API_KEY: Daily's dashboard shows it under Developers.")
    if status in means:
        kind, what = means[status]
        return kind(what + detail)
    return PermanentError(asked + detail, hint="Check DAILY_API_URL.")


def _detail(content: bytes) -> str:
    """What Daily says itself: the kind of error and its description, short."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    parts = [said.get(name) for name in ("error", "info")] if isinstance(said, dict) else []
    return one_line(": ".join(part for part in parts if isinstance(part, str) and part))

"""Single requests to Daily's API: rate limit, time limit, and errors translated to ours."""

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from domain.errors import InvalidInput, PermanentError, TransientError, is_retryable
from domain.redaction import redact_secrets
from resources.http import error_line, host, one_line, parse_object, retry_after, send

MOST_BYTES = 32 * 2**20
# The error class and message for an HTTP status that has a meaning specific to the request.
StatusError = tuple[type[PermanentError], str]

_turns: dict[str, float] = {}
_turns_lock = threading.Lock()


def _take_turn(service: str, interval: float) -> None:
    """Wait until `interval` seconds after the process's previous request to the service."""
    with _turns_lock:
        now = time.monotonic()
        turn = max(now, _turns.get(service, now))
        _turns[service] = turn + interval
    time.sleep(turn - now)


def path_segment(text: str) -> str:
    """Quote a text as one segment of a URL's path; raises InvalidInput for a text that would change the path."""
    if text in {"", ".", ".."}:
        raise InvalidInput(f"{text!r} is not an id of Daily's")
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
    errors: Mapping[int, StatusError] | None = None,
) -> bytes:
    """Wait for the rate limit, then send one request within `timeout` seconds and return the answer's body.

    Raises TransientError with Daily's Retry-After, PermanentError, or the error that `errors` has for a status.
    """
    try:
        service = host(url)
    except ValueError as error:
        raise _invalid_url(error) from error
    _take_turn(service, interval)
    secrets: list[str] = [key, *([body["hmac"]] if body and "hmac" in body else [])]
    request: dict[str, Any] = {"params": query, "json": body, "headers": {"Authorization": f"Bearer {key}"}}
    too_long = PermanentError(f"Daily's answer is longer than {MOST_BYTES // 2**20} MiB")
    try:
        response, content = send(method, url, seconds=timeout, max_bytes=MOST_BYTES, too_long=too_long, **request)
    except TimeoutError as error:
        raise TransientError(f"Daily at {service} didn't answer in {timeout:g} s") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise _invalid_url(error) from error
    except httpx.RequestError as error:
        raise TransientError(
            f"the connection to Daily at {service} failed: {error_line(error, secrets)}",
            hint="Check that DAILY_API_URL can be reached.",
        ) from error
    if response.is_success:
        return content
    detail = redact_secrets(secrets, _detail(content))
    what = f"Daily at {service} answered {response.status_code} to {method} {one_line(response.url.path)}"
    raise _status_error(response, what, f" ({detail})" if detail else "", errors or {})


def _invalid_url(error: Exception) -> PermanentError:
    return PermanentError(f"DAILY_API_URL is not a valid URL: {error}", hint="Unset it to use Daily's own.")


def _status_error(
    response: httpx.Response, what: str, detail: str, errors: Mapping[int, StatusError]
) -> TransientError | PermanentError:
    status = response.status_code
    if is_retryable(status):
        return TransientError(what + detail, retry_after=retry_after(response.headers))
    # Daily answers 400 to an authorization header that it can't parse (its documentation: authentication errors).
    if status in {401, 403} or "authorization-header-error" in detail:
        return PermanentError(what + detail, hint="Check DAILY_API_KEY: Daily's dashboard shows it under Developers.")
    if status in errors:
        error_class, meaning = errors[status]
        return error_class(meaning + detail)
    return PermanentError(what + detail, hint="Check DAILY_API_URL.")


def _detail(content: bytes) -> str:
    """Return the kind and description of an error from Daily's answer, on one line."""
    fields = parse_object(content) or {}
    parts = [fields.get(name) for name in ("error", "info")]
    return one_line(": ".join(part for part in parts if isinstance(part, str) and part))

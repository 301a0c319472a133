"""HTTP requests whose response is read as a whole, and helpers for what services answer."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from domain.redaction import redact_secrets

# Connecting gets less time than the whole request: an unreachable host fails sooner than a slow one.
CONNECT_S = 30
LONGEST_LINE = 300


def send(
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int,
    too_long: Exception,
    trust_env: bool = True,
    **request: Any,
) -> tuple[httpx.Response, bytes]:
    """Send a request as `httpx.stream` takes it and return the response and its whole decoded body.

    Raises TimeoutError after `seconds`, `too_long` for a body of more than `max_bytes`, and httpx's errors.
    """

    async def exchange() -> tuple[httpx.Response, bytes]:
        content = bytearray()
        # httpx's own limits are per read: a server that drips would never reach them.
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=CONNECT_S), trust_env=trust_env, verify=ssl_context(trust_env)
            ) as client,
            client.stream(method, url, **request) as response,
        ):
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > max_bytes:
                    raise too_long
        return response, bytes(content)

    return asyncio.run(exchange())


def download(
    url: str, target: Path, *, seconds: float, max_bytes: int, too_long: Exception, **request: Any
) -> httpx.Response:
    """Write the body of a successful answer to a file, and return the answer; the file of another one is left alone.

    `seconds` are the longest wait for a piece. Raises `too_long` for more than `max_bytes`, and httpx's errors, also if
    the body is incomplete.
    """
    limits = httpx.Timeout(seconds, connect=min(seconds, CONNECT_S))
    with (
        httpx.Client(timeout=limits, trust_env=False, verify=ssl_context(False)) as client,
        client.stream("GET", url, **request) as response,
    ):
        if response.is_success:
            with target.open("wb") as file:
                for piece in response.iter_bytes():
                    file.write(piece)
                    if file.tell() > max_bytes:
                        raise too_long
    return response


@cache
def ssl_context(trust_env: bool) -> ssl.SSLContext:
    """Return the context of all requests of this process: to read the authorities takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=trust_env)


def host(url: str) -> str:
    """Return host and port of a URL, without the user and password that it can hold; raises ValueError."""
    parts = urlsplit(url)
    return parts.hostname + (f":{parts.port}" if parts.port else "") if parts.hostname else "(no host)"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, a number or an HTTP date; None when it is missing or invalid."""
    value = headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"\d{1,9}(?:\.\d+)?", value):
            return float(value)
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def one_line(text: str) -> str:
    """Return a text of foreign origin as one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."


def error_line(error: BaseException, secrets: Sequence[str] = ()) -> str:
    """Return an exception's message as one line without secrets; its class name if there is no message."""
    return one_line(redact_secrets(secrets, str(error))) or type(error).__name__


def parse_object(content: bytes) -> dict[str, Any] | None:
    """Return the fields of a JSON object; None for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return as_object(value)


def as_object(value: object) -> dict[str, Any] | None:
    """Return a parsed JSON object; None for any other value."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return a parsed JSON list; None for any other value."""
    return cast(list[Any], value) if isinstance(value, list) else None

"""One request whose answer is read as a whole, within a limit of time and one of bytes."""

import asyncio
from typing import Any

import httpx

# Who can't be reached at all is given up sooner than who works.
CONNECT_S = 30


async def ask(
    method: str,
    url: str,
    *,
    seconds: float | None,
    most: int,
    endless: Exception,
    trust_env: bool = True,
    **request: Any,
) -> tuple[httpx.Response, bytes]:
    """Send a request as `httpx.stream` takes it; returns the answer and its whole body, unpacked.

    Raises TimeoutError after `seconds` (None where the caller has a limit of its own), `endless` when there are more
    than `most` bytes, and httpx's errors.
    """
    content = bytearray()
    # The limit is for the whole: httpx's own are for each piece, and a server that drips would never end.
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(timeout=httpx.Timeout(None, connect=CONNECT_S), trust_env=trust_env) as client,
        client.stream(method, url, **request) as answer,
    ):
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > most:
                raise endless
    return answer, bytes(content)

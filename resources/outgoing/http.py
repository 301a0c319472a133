"""Requests to URLs that room owners or clients name: public addresses only, in bounded time, without redirects."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpcore
import httpx
from dagster import ConfigurableResource

from domain.errors import InvalidInput, NotFound, PermanentError, TransientError, is_retryable
from domain.urls import LONGEST, check_url
from resources.http import error_line, one_line, retry_after, ssl_context
from resources.http import host as service
from resources.outgoing.addresses import Network, UnknownHost, check_addresses, parse_networks, resolve

CONNECT_S = 10.0
# Seconds for a whole download.
DOWNLOAD_S = 300.0
# Characters of a presigned URL: it can contain a session token.
LONGEST_SIGNED = 8000
# The rest of an answer isn't read: only its beginning goes into messages.
MOST_BYTES = 16 * 1024


class Answer(NamedTuple):
    """An answer: its status, the beginning of the body, the seconds that it took, and its Retry-After in seconds.

    `location` is the target of a redirect, without its query.
    """

    status: int
    body: bytes
    seconds: float
    retry_after: float | None = None
    location: str | None = None


class Outgoing(ConfigurableResource[Any]):
    """POST requests to URLs of third parties; `timeout` in seconds per request, `allowed_networks` comma-separated.

    Each host is looked up once, all its addresses are checked, and the connection goes to a checked address, so DNS
    rebinding has no effect. Redirects are not followed, proxies of the environment not used.
    """

    allow_http: bool = False
    allowed_networks: str = ""
    timeout: float = 30

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; a long body is cut off.

        Raises InvalidInput for an unusable URL, ForbiddenAddress for a forbidden host, and TransientError when there
        is no answer in time. No message contains a URL's query.
        """
        url = self._check(url)
        with _network_errors(url, self.timeout):
            return asyncio.run(self._send(url, content, {"Accept-Encoding": "identity", **headers}))

    def download(self, url: str, target: Path, max_bytes: int) -> None:
        """Write what a URL answers to a file, within DOWNLOAD_S.

        Raises InvalidInput, ForbiddenAddress and TransientError like `post`, NotFound for an unknown host and for an
        answer that isn't 200 and that no retry changes, and PermanentError for more than `max_bytes`.
        """
        url = self._check(url, LONGEST_SIGNED)
        try:
            with _network_errors(url, DOWNLOAD_S):
                asyncio.run(self._receive(url, target, max_bytes))
        except UnknownHost as error:
            raise NotFound(error.what) from None

    async def _receive(self, url: str, target: Path, max_bytes: int) -> None:
        left = max_bytes
        headers = [(b"Accept-Encoding", b"identity")]
        async with (
            asyncio.timeout(DOWNLOAD_S),
            self._pool() as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            if response.status != 200:
                error = TransientError if is_retryable(response.status) else NotFound
                raise error(f"{service(url)} answered {response.status}")
            with target.open("wb") as file:
                async for piece in response.aiter_stream():
                    left -= len(piece)
                    if left < 0:
                        raise PermanentError(f"{service(url)} sends more than {max_bytes} bytes")
                    file.write(piece)

    def _pool(self) -> httpcore.AsyncConnectionPool:
        # Not httpx, which decodes the host by another version of the rules for names.
        return httpcore.AsyncConnectionPool(
            ssl_context=ssl_context(False), network_backend=_CheckedBackend(parse_networks(self.allowed_networks))
        )

    def _check(self, url: str, longest: int = LONGEST) -> str:
        checked = check_url(url, longest)
        if checked.scheme == "http" and not self.allow_http:
            raise InvalidInput("the URL begins with http, not with https", hint="REFLECTOR_ALLOW_HTTP allows http.")
        return checked.text

    async def _send(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        begin, body = time.monotonic(), bytearray()
        response: httpcore.Response | None = None
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            async with (
                asyncio.timeout(self.timeout),
                self._pool() as pool,
                pool.stream("POST", url, content=content, headers=given) as response,
            ):
                # Not decompressed: a small answer could become a very large one.
                async for piece in response.aiter_stream():
                    body += piece
                    if len(body) > MOST_BYTES:
                        break
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            if response is None:
                raise
        received = httpx.Headers(response.headers)
        location = received.get("location")
        return Answer(
            response.status,
            bytes(body[:MOST_BYTES]),
            time.monotonic() - begin,
            retry_after(received),
            one_line(location.split("?")[0].split("#")[0]) if location else None,
        )


@contextmanager
def _network_errors(url: str, seconds: float) -> Iterator[None]:
    """Raise TransientError, without the URL, for failed connections."""
    try:
        yield
    except TimeoutError:
        raise TransientError(f"{service(url)} didn't answer in {seconds:g} s") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise TransientError(f"the connection to {service(url)} failed: {error_line(error)}") from None


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Looks up a host, checks all its addresses, and connects to the first one that answers."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = list(allowed)
        # The type checker sees httpcore's placeholder for a missing anyio; httpx depends on anyio.
        self._backend = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *rest, last = check_addresses(host, await resolve(host, port), self._allowed)
        timeout = CONNECT_S if timeout is None else timeout
        for address in rest:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

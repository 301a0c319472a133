"""Requests to URLs that rooms' owners give: only to addresses of the internet, in bounded time, nothing followed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple, cast

import httpcore
import httpx
from dagster import ConfigurableResource

from domain.errors import InvalidInput, TransientError
from resources.http import error_line, one_line, retry_after
from resources.http import host as service
from resources.outgoing.addresses import Network, check_addresses, parse_networks, resolve

CONNECT_S = 10.0
# More of an answer isn't read: of what a receiver says only the beginning is for people.
MOST_BYTES = 16 * 1024


class Answer(NamedTuple):
    """What came back: the status, the beginning of the body, the seconds that it took, and the wait that was asked for.

    `location` is where a redirect points, without its query.
    """

    status: int
    body: bytes
    seconds: float
    retry_after: float | None = None
    location: str | None = None


class Outgoing(ConfigurableResource):
    """Posts to URLs of others. `timeout` is for the whole, in seconds; `allowed_networks` with commas between.

    A host is looked up once, every address of it is checked, and the connection goes to one that was checked, so that
    a name that changes in between gains nothing. No redirect is followed, no proxy of the environment used.
    """

    allow_http: bool = False
    allowed_networks: str = ""
    timeout: float = 30

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request. The status decides: a body that never ends is cut off.

        Raises InvalidInput for a URL that isn't used, ForbiddenAddress for one that leads where it mustn't, and
        TransientError when there is no answer in time. No message shows a URL's query.
        """
        target = self._read(url)
        try:
            return asyncio.run(self._send(target, content, {"Accept-Encoding": "identity", **headers}))
        except TimeoutError:
            raise TransientError(f"{service(url)} didn't answer in {self.timeout:g} s") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise TransientError(f"the connection to {service(url)} failed: {error_line(error)}") from None

    def _read(self, url: str) -> httpx.URL:
        try:
            read = httpx.URL(url)
        except (httpx.InvalidURL, ValueError, TypeError):
            raise InvalidInput("the URL can't be read") from None
        schemes = {"https", "http"} if self.allow_http else {"https"}
        if read.scheme not in schemes:
            hint = "REFLECTOR_ALLOW_HTTP allows http." if read.scheme == "http" else None
            raise InvalidInput(f"the URL begins with {read.scheme or 'nothing'}, not with https", hint=hint)
        if not read.host or "%" in read.host or (read.port is not None and not 0 < read.port < 65536):
            raise InvalidInput("the URL names no host or port that can be called")
        if read.userinfo:
            raise InvalidInput("the URL holds a user or a password", hint="Sign webhooks by a secret instead.")
        return read

    async def _send(self, url: httpx.URL, content: bytes, headers: Mapping[str, str]) -> Answer:
        begin, body = time.monotonic(), bytearray()
        answered: httpx.Response | None = None
        transport = _Checked(parse_networks(self.allowed_networks))
        try:
            async with (
                asyncio.timeout(self.timeout),
                httpx.AsyncClient(transport=transport, trust_env=False, timeout=None, follow_redirects=False) as client,  # noqa: S113
                client.stream("POST", url, content=content, headers=headers) as answered,
            ):
                # As it comes: unpacked, a small answer could be a very large one.
                async for piece in answered.aiter_raw():
                    body += piece
                    if len(body) > MOST_BYTES:
                        break
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            if answered is None:
                raise
        location = answered.headers.get("location")
        return Answer(
            answered.status_code,
            bytes(body[:MOST_BYTES]),
            time.monotonic() - begin,
            retry_after(answered.headers),
            one_line(location.split("?")[0].split("#")[0]) if location else None,
        )


class _Checked(httpx.AsyncBaseTransport):
    """httpx over httpcore, whose connections go through `_Connecting`."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=_Connecting(allowed)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.content,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


class _Connecting(httpcore.AsyncNetworkBackend):
    """Looks a host up, checks all its addresses, and connects to the first of them that answers."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = list(allowed)
        # The type checker sees what stands in for it where anyio is missing, and httpx needs that.
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

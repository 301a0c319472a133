"""Bodies of requests, read up to a limit."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Receive

from service.errors import RETRY_AFTER, Refused, describe

LIMIT = 1024 * 1024
# Bytes of all bodies that are held at once. Bodies up to SMALL, which events of Daily's are, don't count: the number of
# connections limits them.
MOST_HELD, SMALL = 32 * 1024 * 1024, 64 * 1024
JSON = "application/json"
M = TypeVar("M", bound=BaseModel)


class Held:
    """The bytes of larger bodies that this process holds."""

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, size: int) -> None:
        """Count bytes; raises Refused (503) beyond the limit."""
        if self.bytes + size > MOST_HELD:
            raise Refused(503, "too many large requests at once", {"Retry-After": RETRY_AFTER, "Connection": "close"})
        self.bytes += size


_held = Held()


def json_body(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """Return a dependency that reads the body as JSON of a model.

    FastAPI's own body parameters are read before any dependency, so also for unauthorized clients, and without a limit.
    The dependency raises Refused: 415 if it isn't declared as JSON, 413 if it is too long, 400 if it isn't JSON, 422 if
    it doesn't fit the model.
    """

    async def read(request: Request) -> M:
        check_declared_as_json(request.headers.get("content-type", ""))
        length = request.headers.get("content-length", "").encode("latin-1")
        async with body_of(length, request.receive) as body:
            try:
                content = from_json(body)
            except ValueError:
                raise Refused(400, "the body isn't JSON") from None
            return parse(model, content)

    return read


def parse(model: type[M], content: object) -> M:
    """Parse the content of a body; raises Refused (422) if it doesn't fit the model."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Refused(422, describe(error.errors()[0])) from None


def check_declared_as_json(content_type: str) -> None:
    """Raise Refused (415) unless the content type is JSON: browsers send other bodies to other sites unasked."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refused(415, f"the body must be declared as Content-Type: {JSON}")


@asynccontextmanager
async def body_of(length: bytes, receive: Receive, limit: int = LIMIT) -> AsyncGenerator[bytes]:
    """Read a body whose Content-Length header is `length`, empty if there is none, and count it during the block.

    Raises Refused: 413 past `limit` bytes, 400 when the body ends before its length, 503 while too many are held.
    """
    counted = 0
    # Not int() alone, which raises ValueError for thousands of digits.
    if length.isdigit() and (len(length) > 15 or int(length) > limit):
        raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
    parts: list[bytes] = []
    size, more = 0, True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the body ended before its length")
            part = message.get("body", b"")
            size, more = size + len(part), message.get("more_body", False)
            if size > limit:
                raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
            if size > SMALL:
                _held.add(size - counted)
                counted = size
            parts.append(part)
        yield parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        _held.bytes -= counted

"""Bodies of requests, read up to a limit."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Receive

from service.errors import Refused, describe

LIMIT = 1024 * 1024
M = TypeVar("M", bound=BaseModel)


def json_body(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """Return a dependency that reads the body as JSON of a model, whatever its content type.

    FastAPI's own body parameters are read before any dependency, so also for unauthorized clients, and without a limit.
    The dependency raises Refused: 413 if the body is too long, 400 if it isn't JSON, 422 if it doesn't fit the model.
    """

    async def read(request: Request) -> M:
        length = request.headers.get("content-length", "").encode("latin-1")
        body = await read_body(length, request.receive)
        try:
            return model.model_validate(from_json(body))
        except ValidationError as error:
            raise Refused(422, describe(error.errors()[0])) from None
        except ValueError:
            raise Refused(400, "the body isn't JSON") from None

    return read


async def read_body(length: bytes, receive: Receive, limit: int = LIMIT) -> bytes:
    """Read a body whose Content-Length header is `length`, empty if there is none.

    Raises Refused: 413 past `limit` bytes, 400 when the body ends before its length.
    """
    # Not int() alone, which raises ValueError for thousands of digits.
    if length.isdigit() and (len(length) > 15 or int(length) > limit):
        raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ended before its length")
        part = message.get("body", b"")
        size, more = size + len(part), message.get("more_body", False)
        if size > limit:
            raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)

"""Bodies of requests, read up to a limit."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Receive

from service.errors import Refused

LIMIT = 1024 * 1024
M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request, limit: int = LIMIT) -> bytes:
    """Read a request's raw body; raises Refused: 413 past `limit` bytes, 400 when it ends before its length."""
    return await read_raw_body(request.headers.get("content-length", "").encode("latin-1"), request.receive, limit)


async def read_model(request: Request, model: type[M]) -> M:
    """Read a request's body as a model; raises as `read_body`, and Refused: 400 for no JSON, 422 for wrong fields."""
    body = await read_body(request)
    try:
        return model.model_validate(from_json(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Refused(422, f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}") from None
    except ValueError:
        raise Refused(400, "the body is no JSON") from None


async def read_raw_body(length: bytes, receive: Receive, limit: int = LIMIT) -> bytes:
    """Read a raw body whose Content-Length is `length` (empty: not told); raises as `read_body` does."""
    # Not int(): it refuses thousands of digits.
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

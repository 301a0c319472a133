"""Bodies of requests, read up to a limit."""

from starlette.requests import ClientDisconnect, Request

from service.answers import Refused

LIMIT = 1024 * 1024


async def read_body(request: Request, limit: int = LIMIT) -> bytes:
    """Read the raw body; raises Refused: 413 past `limit` bytes, 400 when it ends before its length."""
    length = request.headers.get("content-length", "")
    # Not int(): it refuses thousands of digits.
    if length.isdecimal() and (len(length) > 15 or int(length) > limit):
        raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise Refused(413, f"the body is longer than {limit} bytes", {"Connection": "close"})
    except ClientDisconnect:
        raise Refused(400, "the body ended before its length") from None
    return bytes(body)

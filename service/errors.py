"""What the service answers when it can't do what was asked."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from domain.errors import AudioDeleted, InvalidInput, NotFound, ReflectorError, TransientError

# Seconds after which it is worth another try.
RETRY_AFTER = "5"


class Problem(BaseModel):
    """The body of every answer that isn't 2xx."""

    detail: str


class Refused(HTTPException):
    """A request that isn't served: its status, and why in one line."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, why, headers)


async def tell_refusal(_: Request, error: Exception) -> JSONResponse:
    """Answer what Starlette and we refuse."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def tell_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours by its kind: not there, no more, not valid, not now, or not possible."""
    assert isinstance(error, ReflectorError)
    if isinstance(error, TransientError):
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": RETRY_AFTER})
    status = {NotFound: 404, AudioDeleted: 410, InvalidInput: 422}.get(type(error), 500)
    return JSONResponse({"detail": str(error)}, status)


HANDLERS: Mapping[Any, Any] = {HTTPException: tell_refusal, ReflectorError: tell_error}

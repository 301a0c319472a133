"""Error answers: all have the body `{"detail": "one line"}`."""

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from domain.errors import (
    AudioDeleted,
    InvalidInput,
    NotFound,
    OutOfDate,
    RecordingDeleted,
    ReflectorError,
    TransientError,
)
from domain.problems import plain
from service.disclosure import error_text

# Seconds after which a client should try again.
RETRY_AFTER = "5"
STATUSES: Mapping[type[ReflectorError], int] = {
    NotFound: 404,
    OutOfDate: 409,
    AudioDeleted: 410,
    RecordingDeleted: 410,
    InvalidInput: 422,
}


class Problem(BaseModel):
    """The body of every answer that isn't 2xx."""

    detail: str


class Refused(HTTPException):
    """A request that isn't served: its status, and the reason in one line."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, reason, headers)


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer an HTTPException of FastAPI, Starlette or this service."""
    assert isinstance(error, HTTPException)
    return answer_problem(request, error)


async def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parameters are invalid."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        detail = f"{first['loc'][-1][:50]!r} isn't a parameter"
    else:
        # The first part of a location is "query", "path" or "header".
        detail = describe({**first, "loc": first["loc"][1:]})
    return JSONResponse({"detail": detail}, 422)


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer a domain error with the status of its kind."""
    assert isinstance(error, ReflectorError)
    return answer_problem(request, error)


def answer_problem(connection: HTTPConnection, error: HTTPException | ReflectorError) -> JSONResponse:
    """Return the answer to a request, or to a WebSocket that isn't accepted."""
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        # HEAD is served wherever GET is, by a route of its own.
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"
        return JSONResponse({"detail": error.detail}, error.status_code, headers)
    detail = error_text(connection, error)
    if isinstance(error, TransientError):
        return JSONResponse({"detail": detail}, 503, {"Retry-After": RETRY_AFTER})
    return JSONResponse({"detail": detail}, STATUSES.get(type(error), 500))


def describe(error: Mapping[str, Any]) -> str:
    """Describe an error of Pydantic's by location and message, without the input."""
    where = ".".join(str(part)[:50] for part in error["loc"])
    where = where if where.isprintable() else repr(where)
    return f"{where or 'the body'}: {plain(error['msg'])}"


HANDLERS: Mapping[Any, Any] = {
    HTTPException: answer_refusal,
    RequestValidationError: answer_invalid,
    ReflectorError: answer_error,
}

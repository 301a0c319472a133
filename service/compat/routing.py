"""The router of the old system's API: its prefix, its errors, and how it sends tokens."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from service.dependencies import AuthorizedRouter
from service.errors import Refused

PREFIX = "/compat/v1"


class CompatRoute(APIRoute):
    """A route that describes what is invalid as the old system does, as a list."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                kept = ("type", "loc", "msg")
                errors = [{name: one[name] for name in kept} for one in error.errors()]
                return JSONResponse({"detail": jsonable_encoder(errors)}, 422)
            except Refused as refused:
                if refused.status_code != 422:
                    raise
                error = {"type": "value_error", "loc": ["body"], "msg": refused.detail}
                return JSONResponse({"detail": [error]}, 422)

        return answer


def with_token(scope: Scope) -> Scope:
    """Return a request of the old API with its token as bearer: it can be a key, or for players a parameter."""
    if not scope["path"].startswith(PREFIX):
        return scope
    connection = HTTPConnection(scope)
    token = connection.headers.get("x-api-key") or connection.query_params.get("token")
    if not token or "authorization" in connection.headers:
        return scope
    return {**scope, "headers": [*scope["headers"], bearer(token)]}


def bearer(token: str) -> tuple[bytes, bytes]:
    """Return the header that sends a token."""
    return b"authorization", f"Bearer {token}".encode("latin-1", "replace")


def compat_router(path: str = "") -> AuthorizedRouter:
    """Return a router below the prefix; service/rules.py has who may use its routes."""
    return AuthorizedRouter(prefix=PREFIX + path, route_class=CompatRoute, include_in_schema=False)

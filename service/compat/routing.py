"""The router of the old system's API: its prefix, its errors, and who may read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Depends
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from service.dependencies import NO_STORE, AccessDep
from service.routing import Router

PREFIX = "/compat/v1"


class CompatRoute(APIRoute):
    """A route that describes invalid parameters as the old system does, as a list."""

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

        return answer


def with_token(connection: HTTPConnection) -> HTTPConnection:
    """Return the connection with the token in `Authorization`, if it sends it as key or, for audio, as parameter."""
    token = connection.headers.get("x-api-key") or connection.query_params.get("token")
    if not token or "authorization" in connection.headers:
        return connection
    header = (b"authorization", f"Bearer {token}".encode("latin-1", "replace"))
    return HTTPConnection({**connection.scope, "headers": [*connection.scope["headers"], header]})


async def _require_read(request: Request, access: AccessDep) -> None:
    access.require_read(with_token(request))


READ = Depends(_require_read)


def compat_router(path: str = "", *, is_open: bool = False) -> Router:
    """Return a router below the prefix, whose routes need the right to read unless `is_open`."""
    needed = [NO_STORE] if is_open else [NO_STORE, READ]
    return Router(prefix=PREFIX + path, route_class=CompatRoute, dependencies=needed, include_in_schema=False)

"""Sessions: exchange a token for a cookie, so that a browser can play audio and listen to events."""

from fastapi import Response
from pydantic import BaseModel
from starlette.requests import Request

from domain.access import Scope
from service.auth import Access
from service.callers import caller_of
from service.dependencies import AccessDep, AuthorizedRouter
from service.login import PATH
from service.routing import problems
from service.sessions import delete_cookie, is_secure, set_cookie

router = AuthorizedRouter(prefix="/v1/session")


class Permissions(BaseModel):
    """What the client may do: read transcripts, change single recordings; and by which scopes, under which name.

    `login` is the path where people sign in by their account, if they can,
    and `has_session` is true if there is a session that can be ended.
    """

    reads: bool
    acts: bool
    scopes: list[Scope]
    name: str | None
    has_session: bool
    login: str | None


@router.post("", responses=problems(401, 403))
async def begin_session(request: Request, response: Response, access: AccessDep) -> Permissions:
    """Set a session cookie in exchange for a token; the session has its scopes, and ends with it."""
    value = await access.begin_session(request)
    if value is not None:
        set_cookie(response, value, secure=is_secure(request, https=access.https))
    return _permissions(request, access)


@router.get("")
async def show_permissions(request: Request, access: AccessDep) -> Permissions:
    """Show what the client may do."""
    return _permissions(request, access)


@router.delete("", status_code=204)
async def end_session(request: Request, access: AccessDep) -> Response:
    """End the session, and delete its cookie."""
    await access.end_session(request)
    answer = Response(status_code=204)
    delete_cookie(answer, secure=is_secure(request, https=access.https))
    return answer


def _permissions(request: Request, access: Access) -> Permissions:
    caller = caller_of(request)
    return Permissions(
        reads=access.may(request, Scope.READ),
        acts=access.may(request, Scope.WRITE),
        scopes=[scope for scope in Scope if access.may(request, scope)],
        name=caller.name,
        has_session=caller.has_session and caller.scope is not None,
        login=PATH if request.app.state.login else None,
    )

"""Sessions: exchange the token for a cookie, so that a browser can play audio and listen to events."""

from fastapi import Depends, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from service.auth import Access
from service.dependencies import NO_STORE, TOKEN, AccessDep
from service.routing import Router, problems
from service.sessions import delete_cookie, set_cookie

router = Router(prefix="/v1/session")


class Permissions(BaseModel):
    """What the client may do: read transcripts, change something."""

    reads: bool
    acts: bool


@router.post("", dependencies=[NO_STORE, Depends(TOKEN)], responses=problems(401, 403))
async def begin_session(request: Request, response: Response, access: AccessDep) -> Permissions:
    """Set a session cookie in exchange for the token."""
    value = access.new_session(request)
    if value is not None:
        set_cookie(response, value, secure=_is_secure(request, access))
    return Permissions(reads=True, acts=True)


@router.get("", dependencies=[NO_STORE])
async def show_permissions(request: Request, access: AccessDep) -> Permissions:
    """Show what the client may do."""
    return Permissions(reads=access.may_read(request), acts=access.may_act(request))


@router.delete("", status_code=204)
async def end_session(request: Request, access: AccessDep) -> Response:
    """End the session, and delete its cookie."""
    await run_in_threadpool(access.end_session, request)
    answer = Response(status_code=204)
    delete_cookie(answer, secure=_is_secure(request, access))
    return answer


def _is_secure(request: Request, access: Access) -> bool:
    return access.https or request.url.scheme == "https"

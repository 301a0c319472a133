"""Sessions: a cookie in the token's place, so that a browser can play audio and listen to events."""

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.auth import COOKIE, SESSION_S, Access
from service.openapi import Endpoint

PATH = "/v1/session"


class Session(BaseModel):
    """What whoever asks may do: read transcripts, change something."""

    reads: bool
    acts: bool


def endpoints(access: Access) -> list[Endpoint]:
    """Begin, show and end a session."""

    async def begin(request: Request) -> Response:
        value = access.new_session(request)
        answer = _told(Session(reads=True, acts=True))
        if value is not None:
            answer.set_cookie(
                COOKIE,
                value,
                max_age=SESSION_S,
                path="/",
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return answer

    async def show(request: Request) -> Response:
        return _told(Session(reads=access.may_read(request), acts=access.may_act(request)))

    async def end(request: Request) -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    return [
        Endpoint(
            "POST", PATH, begin, "Get a cookie for a browser in the token's place", answers=Session, needs_token=True
        ),
        Endpoint("GET", PATH, show, "Show what whoever asks may do", answers=Session),
        Endpoint("DELETE", PATH, end, "Take the cookie back", status=204),
    ]


def _told(session: Session) -> Response:
    return JSONResponse(session.model_dump(), headers={"Cache-Control": "no-store"})

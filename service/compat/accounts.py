"""Signing in, who is signed in, and what the frontend can offer."""

import time
from typing import Literal

from pydantic import BaseModel
from starlette.requests import HTTPConnection, Request

from domain.access import Scope
from service.callers import caller_of
from service.compat.routing import bearer, compat_router
from service.dependencies import AccessDep
from service.errors import Refused

router = compat_router()
# From four minutes before the end on, the frontend looks every five seconds for a new token, which it never gets.
EXPIRES_S = 365 * 86400


class Login(BaseModel):
    """A token of the API is the password; the address isn't read."""

    email: str = ""
    password: str


class AccessToken(BaseModel):
    """The token to send as bearer, and the seconds that the frontend keeps it."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token
    expires_in: int


class User(BaseModel):
    """Who is signed in."""

    sub: str
    email: str | None


class Config(BaseModel):
    """What the frontend offers: it doesn't post to Zulip and sends no e-mail here."""

    zulip_enabled: bool = False
    email_enabled: bool = False


@router.post("/auth/login")
async def sign_in(request: Request, login: Login, access: AccessDep) -> AccessToken:
    """Exchange a token, given as password, for itself."""
    # Without cookies: a session isn't asked for.
    caller = await access.identify(HTTPConnection({**request.scope, "state": {}, "headers": [bearer(login.password)]}))
    if not caller.may(Scope.READ):
        raise Refused(401, "the password must be a token of the API")
    left = EXPIRES_S if caller.expires_at is None else caller.expires_at - time.time()
    return AccessToken(access_token=login.password, expires_in=int(left))


@router.get("/me")
def show_user(request: Request) -> User | None:
    """Show whose token is used; null without one."""
    caller = caller_of(request)
    return User(sub=caller.name or "reflector", email=None) if caller.may(Scope.READ) else None


@router.get("/config")
def show_config() -> Config:
    """Show what the frontend can offer."""
    return Config()

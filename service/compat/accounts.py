"""Signing in, who is signed in, and what the frontend can offer."""

from typing import Literal

from pydantic import BaseModel
from starlette.requests import HTTPConnection, Request

from service.compat.routing import compat_router, with_token
from service.dependencies import AccessDep
from service.errors import Refused

router = compat_router(is_open=True)
# All holders of the token are one user.
USER = "reflector"
# The old system's tokens end after a day; ours doesn't, but the frontend asks again.
EXPIRES_S = 86400


class Login(BaseModel):
    """The token of the API is the password; the address isn't read."""

    email: str = ""
    password: str


class AccessToken(BaseModel):
    """The token to send as bearer, and the seconds that the frontend keeps it."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind of token
    expires_in: int = EXPIRES_S


class User(BaseModel):
    """Who is signed in."""

    sub: str
    email: str | None


class Config(BaseModel):
    """What the frontend offers: it doesn't post to Zulip and sends no e-mail here."""

    zulip_enabled: bool = False
    email_enabled: bool = False


@router.post("/auth/login")
def sign_in(request: Request, login: Login, access: AccessDep) -> AccessToken:
    """Exchange the API's token, given as password, for itself."""
    header = (b"authorization", f"Bearer {login.password}".encode("latin-1", "replace"))
    if not access.is_trusted(HTTPConnection({**request.scope, "headers": [header]})):
        raise Refused(401, "the password must be the API's token")
    return AccessToken(access_token=login.password)


@router.get("/me")
def show_user(request: Request, access: AccessDep) -> User | None:
    """Show who is signed in; null for nobody."""
    return User(sub=USER, email=None) if access.is_trusted(with_token(request)) else None


@router.get("/config")
def show_config() -> Config:
    """Show what the frontend can offer."""
    return Config()

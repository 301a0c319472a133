"""Cookies, which stand in for a token where a browser can't send one: audio, event streams, links."""

import hashlib
import hmac
import secrets
import time
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

COOKIE = "reflector_session"
# Of a link to one recording, sent to the routes of that recording only.
SHARE_COOKIE = "reflector_share"
SESSION_S = 30 * 86400


def new_cookie() -> str:
    """Return the value of a new session's cookie."""
    return secrets.token_urlsafe(32)


def cookie_of(connection: HTTPConnection) -> str | None:
    """Return the value of the connection's cookie, if it has one."""
    return connection.cookies.get(COOKIE) or None


def share_cookie_of(connection: HTTPConnection) -> str | None:
    """Return the token of the link that the connection's cookie has, if it has one."""
    return connection.cookies.get(SHARE_COOKIE) or None


def cookie_hash(key: str | None, value: str) -> str:
    """Return by what a cookie is stored: keyed with the token in the settings, so that a new one ends all sessions."""
    return hmac.new((key or "").encode(), value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def set_cookie(response: Response, value: str, *, secure: bool, seconds: int = SESSION_S) -> None:
    """Make the response set a session's cookie."""
    response.set_cookie(COOKIE, value, max_age=seconds, httponly=True, samesite="strict", secure=secure)


def delete_cookie(response: Response, *, secure: bool) -> None:
    """Make the response delete the session's cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)


def set_share_cookie(response: Response, recording_id: str, token: str, expires_at: float, *, secure: bool) -> None:
    """Make the response set the cookie of a link, until the link expires."""
    response.set_cookie(
        SHARE_COOKIE,
        token,
        max_age=max(0, int(expires_at - time.time())),
        path=f"/v1/transcripts/{quote(recording_id)}",
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def is_secure(request: Request, *, https: bool) -> bool:
    """Return True if cookies are sent over HTTPS only: if pages are reached by it, or this request came by it."""
    return https or request.url.scheme == "https"

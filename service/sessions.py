"""The cookie of a session, which stands in for a token where a browser can't send one: audio, event streams, links."""

import hashlib
import hmac
import secrets

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "reflector_session"
SESSION_S = 30 * 86400


def new_cookie() -> str:
    """Return the value of a new session's cookie."""
    return secrets.token_urlsafe(32)


def cookie_of(connection: HTTPConnection) -> str | None:
    """Return the value of the connection's cookie, if it has one."""
    return connection.cookies.get(COOKIE) or None


def cookie_hash(key: str | None, value: str) -> str:
    """Return by what a cookie is stored: keyed with the token in the settings, so that a new one ends all sessions."""
    return hmac.new((key or "").encode(), value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def set_cookie(response: Response, value: str, *, secure: bool) -> None:
    """Make the response set a session's cookie."""
    response.set_cookie(COOKIE, value, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure)


def delete_cookie(response: Response, *, secure: bool) -> None:
    """Make the response delete the session's cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)

"""Session cookies, which stand in for the token where a browser can't send one: audio, event streams, links."""

import hashlib

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

COOKIE = "reflector_session"
SESSION_S = 30 * 86400


class Sessions:
    """Creates and checks session cookies. Their key is derived from the token, so a new token ends all sessions."""

    def __init__(self, token: str) -> None:
        self._signer = TimestampSigner(token, salt="session", key_derivation="hmac", digest_method=hashlib.sha256)

    def create(self) -> str:
        """Return the value of a new session's cookie."""
        return self._signer.sign(b"1").decode()

    def is_valid(self, connection: HTTPConnection) -> bool:
        """Return True if the connection has the cookie of a session that hasn't expired."""
        cookie = connection.cookies.get(COOKIE)
        if not cookie:
            return False
        try:
            self._signer.unsign(cookie.encode("utf-8", "replace"), max_age=SESSION_S)
        except BadSignature:
            return False
        return True


def set_cookie(request: Request, response: Response, value: str) -> None:
    """Make the response set a session's cookie."""
    response.set_cookie(
        COOKIE, value, max_age=SESSION_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


def delete_cookie(request: Request, response: Response) -> None:
    """Make the response delete the session's cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")

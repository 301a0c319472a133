"""Who may read and who may act: holders of the bearer token; in a public deployment anybody may read.

Browsers send no bearer token with <audio>, EventSource and links, so that who holds it can have a cookie instead.
"""

import hashlib
import hmac
from typing import NoReturn
from urllib.parse import urlsplit

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection

from service.errors import Refused

CHALLENGE = {"WWW-Authenticate": "Bearer"}
COOKIE = "reflector_session"
# Seconds that a session lasts.
SESSION_S = 30 * 86400


class Access:
    """Lets requests through or raises Refused: 401, or 403 for what another site's page asks with our cookie.

    In a trial everybody may do everything.
    """

    def __init__(self, token: str | None, *, trial: bool = False, public: bool = False) -> None:
        self._token, self._trial, self._public = token, trial, public
        # Another token is another key: it ends all sessions.
        self._signer = (
            TimestampSigner(token, salt="session", key_derivation="hmac", digest_method=hashlib.sha256)
            if token
            else None
        )

    def read(self, connection: HTTPConnection) -> None:
        """Let through who may read transcripts."""
        if self._public or self._trial or self.has_token(connection):
            return
        if not self._has_cookie(connection):
            self._refuse()
        # Whose page gets the answer is checked by browsers, but not for WebSockets.
        if connection.scope["type"] == "websocket":
            _check_origin(connection)

    def act(self, connection: HTTPConnection) -> None:
        """Let through who may change something, or read what isn't for readers."""
        if self._trial or self.has_token(connection):
            return
        if not self._has_cookie(connection):
            self._refuse()
        _check_origin(connection)

    def may_read(self, connection: HTTPConnection) -> bool:
        """Say whether `read` would let it through."""
        try:
            self.read(connection)
        except Refused:
            return False
        return True

    def may_act(self, connection: HTTPConnection) -> bool:
        """Say whether `act` would let it through."""
        try:
            self.act(connection)
        except Refused:
            return False
        return True

    def new_session(self, connection: HTTPConnection) -> str | None:
        """Make a cookie's value for who has the token itself, none in a trial; raises Refused."""
        if self._trial:
            return None
        if not self.has_token(connection) or not self._signer:
            self._refuse()
        return self._signer.sign(b"1").decode()

    def has_token(self, connection: HTTPConnection) -> bool:
        """Say whether the token is given: as bearer, or as the WebSocket subprotocols `bearer, <token>`."""
        kind, _, given = connection.headers.get("authorization", "").partition(" ")
        if connection.scope["type"] == "websocket" and not given:
            kind, _, given = connection.headers.get("sec-websocket-protocol", "").partition(",")
        if self._token is None or kind.strip().lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode(), self._token.encode())

    def _has_cookie(self, connection: HTTPConnection) -> bool:
        given = connection.cookies.get(COOKIE)
        if not self._signer or not given:
            return False
        try:
            self._signer.unsign(given.encode("utf-8", "replace"), max_age=SESSION_S)
        except BadSignature:
            return False
        return True

    def _refuse(self) -> NoReturn:
        if self._token is None:
            raise Refused(401, "the API is closed: REFLECTOR_API_TOKEN isn't set", CHALLENGE)
        raise Refused(401, "a bearer token is needed", CHALLENGE)


def _check_origin(connection: HTTPConnection) -> None:
    """Refuse what a page of another origin asks: the cookie alone doesn't tell that it is ours."""
    site = connection.headers.get("sec-fetch-site")
    # Hosts only: behind a proxy the service doesn't see the scheme that the browser used.
    origin = urlsplit(connection.headers.get("origin", "")).netloc
    if site != "same-origin" if site else origin != connection.headers.get("host"):
        raise Refused(403, "with a session's cookie only this service's own pages may ask this")

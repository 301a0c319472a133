"""Authorization to read and to act: by bearer token or session cookie; everyone may read a public deployment."""

import hmac
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import NoReturn
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from resources.database.sessions import EndedSessions
from service.errors import Refused
from service.sessions import Sessions

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Access:
    """Checks what a connection may do. A trial allows everything to everyone.

    With `https`, cookies are sent over HTTPS only, whatever the connection to this process is.
    """

    def __init__(
        self,
        token: str | None,
        *,
        trial: bool = False,
        public: bool = False,
        https: bool = False,
        ended: EndedSessions | None = None,
    ) -> None:
        self._token, self.trial, self._public, self.https = token, trial, public, https
        self._sessions = Sessions(token, ended) if token else None

    def require_read(self, connection: HTTPConnection) -> None:
        """Raise Refused (401, or 403 for another site's WebSocket) unless the connection may read transcripts."""
        if self._public or self.trial or self._has_token(connection):
            return
        if not self._has_session(connection):
            self._refuse()
        # For HTTP, the browser checks which page may see the answer; for WebSockets it doesn't.
        if connection.scope["type"] == "websocket":
            _check_origin(connection)

    def require_act(self, connection: HTTPConnection) -> None:
        """Raise Refused (401, or 403 for another site's request) unless the connection may change something."""
        if self.trial or self._has_token(connection):
            return
        if not self._has_session(connection):
            self._refuse()
        _check_origin(connection)

    def is_trusted(self, connection: HTTPConnection) -> bool:
        """Return True for holders of the token, who may see what concerns the deployment."""
        return self.trial or self._has_token(connection) or self._has_session(connection)

    def may_read(self, connection: HTTPConnection) -> bool:
        """Return True if `require_read` passes."""
        try:
            self.require_read(connection)
        except Refused:
            return False
        return True

    def may_act(self, connection: HTTPConnection) -> bool:
        """Return True if `require_act` passes."""
        try:
            self.require_act(connection)
        except Refused:
            return False
        return True

    def new_session(self, connection: HTTPConnection) -> str | None:
        """Return a cookie's value in exchange for the token, None in a trial; raises Refused."""
        if self.trial:
            return None
        if not self._has_token(connection) or not self._sessions:
            self._refuse()
        return self._sessions.create()

    def end_session(self, connection: HTTPConnection) -> None:
        """End the connection's session, if it has one; blocks."""
        if self._sessions is not None:
            self._sessions.end(connection)

    def following_sessions(self) -> AbstractAsyncContextManager[None]:
        """Keep track of ended sessions while the block lasts."""
        return self._sessions.running() if self._sessions is not None else nullcontext()

    def _has_token(self, connection: HTTPConnection) -> bool:
        """Return True if the token is sent as bearer, or as the WebSocket subprotocols `bearer, <token>`."""
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if connection.scope["type"] == "websocket" and not token:
            kind, _, token = connection.headers.get("sec-websocket-protocol", "").partition(",")
        if self._token is None or kind.strip().lower() != "bearer":
            return False
        return hmac.compare_digest(token.strip().encode(), self._token.encode())

    def _has_session(self, connection: HTTPConnection) -> bool:
        return self._sessions is not None and self._sessions.is_valid(connection)

    def _refuse(self) -> NoReturn:
        if self._token is None:
            raise Refused(401, "the API is closed: REFLECTOR_API_TOKEN isn't set", CHALLENGE)
        raise Refused(401, "a bearer token is needed", CHALLENGE)


def _check_origin(connection: HTTPConnection) -> None:
    """Raise Refused for a request from another origin's page, which browsers send with our cookie too."""
    site = connection.headers.get("sec-fetch-site")
    # Compare hosts only: behind a proxy, the service doesn't see the scheme that the browser used.
    origin = urlsplit(connection.headers.get("origin", "")).netloc
    if site != "same-origin" if site else origin != connection.headers.get("host"):
        raise Refused(403, "with a session cookie, only this service's own pages may do this")

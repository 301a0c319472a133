"""Who may read and who may act: holders of the bearer token; in a public deployment anybody may read."""

import hmac

from starlette.requests import HTTPConnection

from service.answers import Refused

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Access:
    """Lets requests through or raises Refused (401); in a trial everybody may do everything."""

    def __init__(self, token: str | None, *, trial: bool = False, public: bool = False) -> None:
        self._token, self._trial, self._public = token, trial, public

    def read(self, connection: HTTPConnection) -> None:
        """Let through who may read transcripts."""
        if not self._public:
            self.act(connection)

    def act(self, connection: HTTPConnection) -> None:
        """Let through who may change something, or read what isn't for readers."""
        if self._trial:
            return
        if self._token is None:
            raise Refused(401, "the API is closed: REFLECTOR_API_TOKEN isn't set", CHALLENGE)
        if not self._has_bearer(connection, self._token):
            raise Refused(401, "a bearer token is needed", CHALLENGE)

    def may_act(self, connection: HTTPConnection) -> bool:
        """Say whether `act` would let it through."""
        try:
            self.act(connection)
        except Refused:
            return False
        return True

    @staticmethod
    def _has_bearer(connection: HTTPConnection, token: str) -> bool:
        kind, _, given = connection.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())

"""Who calls, and whether they may: by token, session or link to a recording; everyone may read if that is public."""

import hmac
import time
from typing import NoReturn
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from domain.access import Principal, Scope
from domain.errors import TransientError
from resources.database.sessions import Session, Sessions
from resources.database.shares import Share, Shares
from resources.database.tokens import Tokens, hash_of
from service.callers import NOBODY, SETTINGS, TRIAL, caller_of, set_caller
from service.errors import Refused
from service.json_web_tokens import JsonWebTokens
from service.rules import rule_of
from service.sessions import SESSION_S, cookie_hash, cookie_of, new_cookie, share_cookie_of

CHALLENGE = {"WWW-Authenticate": "Bearer"}
# Seconds between two checks whether a listener of events may still listen.
RECHECK_S = 5.0


class Access:
    """Identifies callers and checks what they may do. A trial allows everything to everyone.

    `token` is the one in the settings. With `https`, cookies are sent over HTTPS only, whatever the connection to this
    process is.
    """

    def __init__(
        self,
        token: str | None,
        tokens: Tokens,
        sessions: Sessions,
        shares: Shares,
        *,
        trial: bool = False,
        public: bool = False,
        https: bool = False,
        recheck: float = RECHECK_S,
        web_tokens: JsonWebTokens | None = None,
    ) -> None:
        self._token, self._tokens, self._sessions, self._shares = token, tokens, sessions, shares
        self._web_tokens = web_tokens
        self.trial, self._public, self.https, self._recheck = trial, public, https, recheck

    async def identify(self, connection: HTTPConnection) -> Principal:
        """Return the caller, and remember it; raises TransientError if a token or session can't be looked up."""
        set_caller(connection, NOBODY)
        caller = await self._caller(connection)
        set_caller(connection, caller)
        return caller

    def require(self, connection: HTTPConnection, scope: Scope) -> None:
        """Raise Refused (401, or 403 for too small a scope or another site's page) unless the caller has a scope."""
        caller = caller_of(connection)
        is_read = scope is Scope.READ
        if is_read and self._public:
            return
        if is_read and _is_shared_with(caller, connection):
            caller = caller._replace(scope=scope)
        if caller.scope is None:
            self._refuse(caller)
        if not caller.may(scope):
            raise Refused(
                403,
                f"this needs a token with the scope {scope}; this one has {caller.scope}",
                {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )
        # For reading by HTTP, the browser checks which page may see the answer; for WebSockets it doesn't.
        if caller.has_session and (not is_read or connection.scope["type"] == "websocket"):
            _check_origin(connection)

    def may(self, connection: HTTPConnection, scope: Scope) -> bool:
        """Return True if `require` passes."""
        try:
            self.require(connection, scope)
        except Refused:
            return False
        return True

    async def begin_session(self, connection: HTTPConnection) -> str | None:
        """Return a cookie's value in exchange for a token, None in a trial; raises Refused, TransientError."""
        caller = caller_of(connection)
        if self.trial:
            return None
        if caller.name is None or caller.scope is None or caller.has_session:
            self._refuse(caller)
        is_stored = caller is not SETTINGS and caller.expires_at is None
        token_hash = hash_of(bearer_of(connection) or "") if is_stored else None
        left = SESSION_S if caller.expires_at is None else min(SESSION_S, caller.expires_at - time.time())
        return await self.open_session(caller, left, token_hash)

    async def open_session(self, caller: Principal, seconds: float, token_hash: str | None = None) -> str:
        """Return the cookie of a new session of a caller, which ends with the stored token that has the hash, if any.

        Raises TransientError.
        """
        assert caller.name is not None
        assert caller.scope is not None
        cookie, session = new_cookie(), Session(caller.name, caller.scope)
        expires_at = time.time() + seconds
        await run_in_threadpool(self._sessions.begin, self._hash(cookie), session, expires_at, token_hash)
        return cookie

    async def end_session(self, connection: HTTPConnection) -> None:
        """End the connection's session, if it has one; raises TransientError."""
        if cookie := cookie_of(connection):
            await run_in_threadpool(self._sessions.end, self._hash(cookie))

    async def share_of(self, connection: HTTPConnection) -> tuple[Share, str] | None:
        """Return the link whose token is sent as bearer, and the token, if there is one; raises TransientError."""
        token = bearer_of(connection) or ""
        share = await run_in_threadpool(self._shares.find, token)
        return share and (share, token)

    def watch(self, connection: HTTPConnection) -> "Watch":
        """Return a watch over whether the caller may still read."""
        return Watch(self, connection, self._recheck)

    async def _caller(self, connection: HTTPConnection) -> Principal:
        if self.trial:
            return TRIAL
        bearer, cookie, link = bearer_of(connection), cookie_of(connection), share_cookie_of(connection)
        if bearer and self._token and hmac.compare_digest(bearer.encode(), self._token.encode()):
            return SETTINGS
        if bearer and self._web_tokens and (person := self._web_tokens.find(bearer)):
            return person
        if not (bearer or cookie or link):
            return NOBODY
        return await run_in_threadpool(self._look_up, bearer, cookie, link)

    def _look_up(self, bearer: str | None, cookie: str | None, link: str | None) -> Principal:
        """Return the caller with a token, a session or a link; blocks."""
        if bearer and (token := self._tokens.find(bearer)):
            return Principal(f"token {token.name}", token.scope)
        if cookie and (session := self._sessions.find(self._hash(cookie))):
            return Principal(session.name, session.scope, has_session=True)
        for one in (bearer, link):
            if one and (share := self._shares.find(one)):
                return Principal(f"share {share.id}", has_session=one is link, recording=share.recording_id)
        return NOBODY

    def _hash(self, cookie: str) -> str:
        return cookie_hash(self._token, cookie)

    def _refuse(self, caller: Principal) -> NoReturn:
        if caller.scope is None and caller.expires_at is not None:
            raise Refused(403, "this account has no access; ask the operator of this service")
        if self._token is None:
            raise Refused(
                401,
                "a bearer token is needed: REFLECTOR_API_TOKEN isn't set, `reflector tokens create` makes others",
                CHALLENGE,
            )
        raise Refused(401, "a bearer token is needed", CHALLENGE)


class Watch:
    """Checks repeatedly whether a listener may still read: its token can be revoked, its session can end."""

    def __init__(self, access: Access, connection: HTTPConnection, seconds: float) -> None:
        self._access, self._connection, self.seconds = access, connection, seconds
        self._checked_at = time.monotonic()

    async def allows(self) -> bool:
        """Return True if the listener may read; looks it up once in `seconds`."""
        if time.monotonic() - self._checked_at < self.seconds:
            return True
        try:
            await self._access.identify(self._connection)
        except TransientError:
            # The database is down: as long as nothing is known, nothing changes.
            return True
        finally:
            self._checked_at = time.monotonic()
        return self._access.may(self._connection, Scope.READ)


def _is_shared_with(caller: Principal, connection: HTTPConnection) -> bool:
    """Return True if the caller has a link to the recording of a route that links open."""
    if caller.recording is None or not rule_of(connection).shared:
        return False
    return connection.path_params.get("id") == caller.recording


def bearer_of(connection: HTTPConnection) -> str | None:
    """Return the token that is sent as bearer, or as the WebSocket subprotocols `bearer, <token>`."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if connection.scope["type"] == "websocket" and not token:
        kind, _, token = connection.headers.get("sec-websocket-protocol", "").partition(",")
    return (token.strip() or None) if kind.strip().lower() == "bearer" else None


def _check_origin(connection: HTTPConnection) -> None:
    """Raise Refused for a request from another origin's page, which browsers send with our cookie too."""
    site = connection.headers.get("sec-fetch-site")
    # Compare hosts only: behind a proxy, the service doesn't see the scheme that the browser used.
    origin = urlsplit(connection.headers.get("origin", "")).netloc
    if site != "same-origin" if site else origin != connection.headers.get("host"):
        raise Refused(403, "with a session cookie, only this service's own pages may do this")

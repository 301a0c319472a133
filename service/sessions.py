"""Session cookies, which stand in for the token where a browser can't send one: audio, event streams, links."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from itsdangerous import BadSignature, TimestampSigner
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from domain.errors import ReflectorError
from resources.database.sessions import EndedSessions

COOKIE = "reflector_session"
SESSION_S = 30 * 86400
LEAST_ID = 20
# Seconds between two reads of the sessions that ended in other processes.
REREAD_S = 5.0

log = logging.getLogger(__name__)


class Sessions:
    """Creates, checks and ends sessions. The cookies' key is derived from the token: a new token ends all sessions.

    Sessions that ended by signing out are in the database; other processes read them every `REREAD_S` seconds.
    """

    def __init__(self, token: str, ended: EndedSessions | None = None) -> None:
        self._ended = ended
        # Until they were read once, no session is valid.
        self._known: set[str] | None = set() if ended is None else None
        self._signer = TimestampSigner(token, salt="session", key_derivation="hmac", digest_method=hashlib.sha256)

    def create(self) -> str:
        """Return the value of a new session's cookie."""
        return self._signer.sign(secrets.token_urlsafe(18)).decode()

    def is_valid(self, connection: HTTPConnection) -> bool:
        """Return True if the connection has the cookie of a session that neither expired nor ended."""
        session = self._session(connection)
        return session is not None and self._known is not None and session not in self._known

    def end(self, connection: HTTPConnection) -> None:
        """End the connection's session; blocks, raises TransientError if that can't be stored."""
        session = self._session(connection)
        if session is not None:
            if self._known is not None:
                self._known.add(session)
            if self._ended is not None:
                self._ended.add(session, time.time() + SESSION_S)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Read which sessions ended, now and repeatedly while the block lasts."""
        task = asyncio.create_task(self._follow()) if self._ended is not None else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _follow(self) -> None:
        assert self._ended is not None
        while True:
            try:
                self._known = (self._known or set()) | await run_in_threadpool(self._ended.ids)
            except ReflectorError as error:
                log.warning("sessions that ended elsewhere aren't known: %s", error)
            await asyncio.sleep(REREAD_S)

    def _session(self, connection: HTTPConnection) -> str | None:
        """Return the id of the session whose cookie the connection has."""
        cookie = connection.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            session = self._signer.unsign(cookie.encode("utf-8", "replace"), max_age=SESSION_S).decode()
        except BadSignature:
            return None
        # Cookies of 0.2.0 have no id, so they can't be ended.
        return session if len(session) >= LEAST_ID else None


def set_cookie(response: Response, value: str, *, secure: bool) -> None:
    """Make the response set a session's cookie."""
    response.set_cookie(COOKIE, value, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure)


def delete_cookie(response: Response, *, secure: bool) -> None:
    """Make the response delete the session's cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)

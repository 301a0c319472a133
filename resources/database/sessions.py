"""Sessions of the pages, in the product's database; of their cookies only hashes are stored."""

import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.access import Scope
from resources.database.database import Database
from resources.database.tables import sessions, tokens
from resources.database.tokens import is_valid


class Session(NamedTuple):
    """Whose session it is, by the name in the audit log, and what it may do."""

    name: str
    scope: Scope


class Sessions(ConfigurableResource[Any]):
    """Sessions by the hash of their cookie."""

    database: Database

    def begin(self, cookie_hash: str, session: Session, expires_at: float, token_hash: str | None = None) -> None:
        """Store a session, which ends with the token that it was exchanged for, if any; times in epoch seconds."""
        row: dict[str, Any] = {
            "cookie_hash": cookie_hash,
            "token_hash": token_hash,
            "expires_at": expires_at,
            **session._asdict(),
        }
        with self.database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires_at < time.time()))
            connection.execute(sa.insert(sessions).values(row))

    def find(self, cookie_hash: str) -> Session | None:
        """Return a session that has neither ended nor expired, and whose token is valid."""
        now = time.time()
        token_ok = sa.exists().where(tokens.c.token_hash == sessions.c.token_hash, is_valid(now))
        query = sa.select(sessions.c.name, sessions.c.scope).where(
            sessions.c.cookie_hash == cookie_hash,
            sessions.c.expires_at > now,
            sa.or_(sessions.c.token_hash.is_(None), token_ok),
        )
        with self.database.begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Session(row.name, Scope(row.scope))

    def end(self, cookie_hash: str) -> None:
        """End a session; no error if there is none."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.cookie_hash == cookie_hash))

"""Tokens of the HTTP API with names and scopes, in the product's database; of the tokens only hashes are stored."""

import hashlib
import secrets
import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.access import Scope, check_name
from domain.errors import InvalidInput, NotFound
from resources.database.database import Database
from resources.database.tables import sessions, tokens

# By the prefix, scanners for secrets recognize tokens, and nothing else is looked up.
PREFIX = "reflector_"


class Token(NamedTuple):
    """A token without its secret; times in seconds since the epoch, `expires_at` None for a token that doesn't end."""

    name: str
    scope: Scope
    created_at: float
    expires_at: float | None


class Tokens(ConfigurableResource[Any]):
    """Tokens by name."""

    database: Database

    def create(self, name: str, scope: Scope, lifetime: float | None = None) -> str:
        """Create a token that ends after `lifetime` seconds, if given, and return it: it is stored nowhere.

        Raises InvalidInput if the name is taken or unusable.
        """
        token, now = PREFIX + secrets.token_urlsafe(32), time.time()
        row: dict[str, Any] = {
            "token_hash": hash_of(token),
            "name": check_name(name),
            "scope": scope,
            "created_at": now,
            "expires_at": None if lifetime is None else now + lifetime,
        }
        insert = self.database.insert(tokens).values(row).on_conflict_do_nothing()
        with self.database.begin() as connection:
            if not connection.execute(insert).rowcount:
                raise InvalidInput(
                    f"there is a token {name!r} already", hint=f"`reflector tokens revoke {name}` ends it."
                )
        return token

    def all(self) -> list[Token]:
        """Return all tokens that weren't revoked, by name, also those that expired."""
        with self.database.begin() as connection:
            return [_token(row) for row in connection.execute(sa.select(*_COLUMNS).order_by(tokens.c.name))]

    def find(self, token: str) -> Token | None:
        """Return a valid token by the secret; None if it doesn't exist, was revoked or has expired."""
        if not token.startswith(PREFIX):
            return None
        where = tokens.c.token_hash == hash_of(token)
        with self.database.begin() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(where, is_valid(time.time()))).one_or_none()
        return None if row is None else _token(row)

    def revoke(self, name: str) -> None:
        """End a token and its sessions; raises NotFound."""
        ended = sa.select(tokens.c.token_hash).where(tokens.c.name == name)
        with self.database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.token_hash.in_(ended)))
            if not connection.execute(sa.delete(tokens).where(tokens.c.name == name)).rowcount:
                raise NotFound(f"there is no token {name[:60]!r}", hint="`reflector tokens list` lists the tokens.")


def hash_of(token: str) -> str:
    """Return the hash by which a token is stored: of 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_valid(now: float) -> sa.ColumnElement[bool]:
    """Return the condition under which a row of the table is a token that hasn't expired."""
    return sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)


_COLUMNS = [tokens.c[name] for name in Token._fields]


def _token(row: sa.Row[Any]) -> Token:
    return Token(row.name, Scope(row.scope), row.created_at, row.expires_at)

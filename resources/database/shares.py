"""Links that let everyone who has them read one transcript, in the product's database; only hashes are stored."""

import secrets
import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import NotFound
from resources.database.database import Database, storable
from resources.database.tables import shares
from resources.database.tokens import hash_of

PREFIX = "share_"


class Share(NamedTuple):
    """A link without its secret; `id` names it in lists and the audit log; times in seconds since the epoch."""

    id: str
    recording_id: str
    created_by: str
    created_at: float
    expires_at: float


class Shares(ConfigurableResource[Any]):
    """Links by id."""

    database: Database

    def create(self, recording_id: str, seconds: float, created_by: str) -> tuple[Share, str]:
        """Create a link to a recording that ends after some seconds; return it and its token, which isn't stored."""
        token, now = PREFIX + secrets.token_urlsafe(32), time.time()
        share = Share(secrets.token_hex(6), recording_id, created_by, now, now + seconds)
        row: dict[str, Any] = {"share_hash": hash_of(token), **share._asdict()}
        with self.database.begin() as connection:
            connection.execute(sa.delete(shares).where(shares.c.expires_at < now))
            connection.execute(sa.insert(shares).values(row))
        return share, token

    def all(self, recording_id: str | None = None) -> list[Share]:
        """Return the links that are valid, all or those to a recording, oldest first."""
        query = sa.select(*_COLUMNS).where(shares.c.expires_at > time.time()).order_by(shares.c.created_at)
        if recording_id is not None:
            query = query.where(shares.c.recording_id == recording_id)
        with self.database.begin() as connection:
            return [Share(*row) for row in connection.execute(query)]

    def find(self, token: str) -> Share | None:
        """Return the link with a token; None if it doesn't exist, was withdrawn or has expired."""
        if not token.startswith(PREFIX):
            return None
        where = (shares.c.share_hash == hash_of(token), shares.c.expires_at > time.time())
        with self.database.begin() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(*where)).one_or_none()
        return None if row is None else Share(*row)

    def withdraw(self, share_id: str, recording_id: str | None = None) -> None:
        """End a link, of a recording if one is given; raises NotFound."""
        where = [shares.c.id == storable(share_id)]
        where += [] if recording_id is None else [shares.c.recording_id == recording_id]
        with self.database.begin() as connection:
            if not connection.execute(sa.delete(shares).where(*where)).rowcount:
                raise NotFound(f"there is no link {share_id[:40]!r}", hint="`reflector share list` lists the links.")

    def erase(self, recording_id: str) -> None:
        """Delete all links to a recording, which is itself deleted."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(shares).where(shares.c.recording_id == recording_id))


_COLUMNS = [shares.c[name] for name in Share._fields]

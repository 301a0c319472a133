"""The old system's PostgreSQL database, read only: a recording's transcript, and answers in its consent dialog."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource
from sqlalchemy.exc import DBAPIError

from domain.consent import CopiedAnswer
from domain.errors import NotFound, PermanentError, TransientError
from resources.database.database import UNAVAILABLE, first_line, parse_url

SETTING = "REFLECTOR_OLD_DATABASE_URL"
HINT = f"Check {SETTING}."
# The server refuses writes, and ends a statement that takes longer (milliseconds).
OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=15000"
OF_RECORDING = sa.text(
    "SELECT id FROM transcript WHERE recording_id = :recording_id AND deleted_at IS NULL"
    " ORDER BY created_at DESC LIMIT 1"
)
OF_TRANSCRIPT = sa.text("SELECT recording_id, action_items FROM transcript WHERE id = :id")
MEETING_NAME = sa.text("SELECT room_name FROM meeting WHERE id = :id")
CONSENTS = sa.text(
    "SELECT c.id, m.room_name, c.user_id, c.consent_given, c.consent_timestamp"
    " FROM meeting_consent c JOIN meeting m ON m.id = c.meeting_id"
    " WHERE c.consent_timestamp >= :since ORDER BY c.consent_timestamp, c.id LIMIT :limit"
)


class OnlyInDatabase(NamedTuple):
    """Daily's id of a transcript's recording, and the decisions and next steps as parsed JSON."""

    recording_id: str | None = None
    action_items: Any = None


class OldDatabase(ConfigurableResource[Any]):
    """The old system's database by its URL; an empty one stands for none."""

    url: str = ""

    @property
    def is_set(self) -> bool:
        """Return True if there is a URL."""
        return bool(self.url)

    def transcript_of(self, recording_id: str) -> str:
        """Return the id of the newest transcript of a recording; raises NotFound, and the errors of `check`."""
        with self.reading() as connection:
            found = connection.scalar(OF_RECORDING, {"recording_id": recording_id})
        if found is None:
            raise NotFound("the old system's database has no transcript of this recording")
        return str(found)

    def known_only_here(self, transcript_id: str) -> OnlyInDatabase:
        """Return what the API doesn't tell of a transcript; raises the errors of `check`."""
        with self.reading() as connection:
            found = connection.execute(OF_TRANSCRIPT, {"id": transcript_id}).one_or_none()
        return OnlyInDatabase(*found) if found else OnlyInDatabase()

    def meeting_name(self, meeting_id: str) -> str | None:
        """Return the full name of a meeting's room; None without such a meeting. Raises the errors of `check`."""
        with self.reading() as connection:
            return connection.scalar(MEETING_NAME, {"id": meeting_id})

    def consents_since(self, since: float, limit: int) -> list[CopiedAnswer]:
        """Return the answers given at this time (seconds since the epoch) or later, in order.

        The old system changes a user's answer in place. Anonymous people count as one person each: none of them can
        withdraw the denial of another.
        """
        with self.reading() as connection:
            rows = connection.execute(CONSENTS, {"since": datetime.fromtimestamp(since, UTC), "limit": limit})
            return [
                CopiedAnswer(f"old:{row[0]}:{row[4].timestamp():.6f}", row[1], row[2] or f"old:{row[0]}", row[3], at)
                for row in rows
                if row[1] and (at := row[4].timestamp())
            ]

    def check(self) -> str:
        """Read what is needed; raises TransientError if the database is down, PermanentError if it isn't usable."""
        with self.reading() as connection:
            connection.execute(OF_RECORDING, {"recording_id": ""})
            connection.execute(CONSENTS, {"since": datetime.now(UTC), "limit": 1})
            number = connection.scalar(sa.text("SELECT count(*) FROM meeting_consent"))
        return f"its database can be read ({number} answers about consent)"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Provide a read-only transaction; raises the errors of `check`."""
        url = parse_url(self.url, SETTING)
        if url.get_backend_name() != "postgresql":
            raise PermanentError("the old system's database isn't PostgreSQL", hint=HINT)
        url = url.update_query_dict({"connect_timeout": "10", **url.query})
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"options": OPTIONS}, hide_parameters=True)
        try:
            with engine.connect() as connection:
                yield connection
        except UNAVAILABLE as error:
            raise TransientError(f"the old system's database doesn't answer: {first_line(error)}", hint=HINT) from None
        except DBAPIError as error:
            raise PermanentError(f"the old system's database can't be read: {first_line(error)}", hint=HINT) from None
        finally:
            engine.dispose()

"""Messages in Zulip: each is posted once and edited later, also across crashes in between."""

import hashlib
import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import PermanentError, ReflectorError, StepTimeout, TransientError
from resources.database.database import Database
from resources.database.tables import messages
from resources.outgoing.zulip import Gone, Refused, UnknownOutcome, Zulip

# Longer than a search, an edit and a post take together; afterwards another process may take over.
LEASE_S = 60.0


class PostResult(NamedTuple):
    """A message in Zulip; `note` says why it was left unchanged, if it was."""

    message_id: int
    note: str | None = None


class MessageRecord(NamedTuple):
    """A message and its last change in epoch seconds; without an id it is unknown whether it was posted."""

    message_id: int | None
    stream: str
    topic: str
    changed_at: float


class Messages(ConfigurableResource[Any]):
    """Messages posted to Zulip, by what they are about, in the product's database."""

    database: Database
    zulip: Zulip

    def post_or_edit(
        self, key: str, stream: str, topic: str, content: str, mark: str, now: float | None = None
    ) -> PostResult:
        """Ensure that the message about `key` has this content; `mark` is the part of every content to search it by.

        An existing message is edited, and posted again only if it no longer exists in Zulip. The database row is
        written before posting; a process that finds a row without an id searches Zulip first. `now` is in seconds
        since the epoch. Raises TransientError, also while another process is posting, and PermanentError.
        """
        now = time.time() if now is None else now
        until, new = self._claim(key, stream, topic, now)
        try:
            posted, known = self._update(key, until, stream, topic, content, mark, new=new)
        except (UnknownOutcome, StepTimeout):
            # The request may still be in flight: keep the claim until it expires.
            raise
        except ReflectorError:
            self._release(key, until)
            raise
        self._keep(key, until, posted.message_id, known, claimed_until=0.0)
        return posted

    def retract(self, key: str, content: str, mark: str) -> str | None:
        """Replace the content of the message about `key`, if there is one, and forget it.

        Return what stays, if Zulip doesn't permit that. Raises TransientError, after which it can be repeated, and
        PermanentError.
        """
        if (known := self.record(key)) is None:
            return None
        until, _ = self._claim(key, known.stream, known.topic, time.time())
        note: str | None = None
        try:
            message_id = known.message_id
            if message_id is None and (found := self.zulip.find(known.stream, known.topic, mark)):
                message_id = found[0]
            if message_id is not None:
                _, _, note = self._edit(message_id, content, None, _digest(content))
        except ReflectorError:
            self._release(key, until)
            raise
        self._delete(key, until)
        return note

    def record(self, key: str) -> MessageRecord | None:
        """Return the message about `key`; None if there is none."""
        columns = [messages.c[name] for name in MessageRecord._fields]
        with self.database.begin() as connection:
            row = connection.execute(sa.select(*columns).where(messages.c.key == key)).one_or_none()
        return MessageRecord(*row) if row else None

    def _update(
        self, key: str, until: float, stream: str, topic: str, content: str, mark: str, *, new: bool
    ) -> tuple[PostResult, str | None]:
        """Post, edit or leave the message; return it, and the digest of its content."""
        row, digest = self._row(key), _digest(content)
        message_id, known = row.message_id, row.digest
        note: str | None = None
        if message_id is None and not new and (found := self.zulip.find(row.stream, row.topic, mark)):
            # An earlier attempt to post it had an unknown outcome.
            message_id, known = found[0], _digest(found[1])
        if message_id is not None and known != digest:
            message_id, known, note = self._edit(message_id, content, known, digest)
        if message_id is None:
            self._keep(key, until, None, None, stream=stream, topic=topic)
            message_id, known = self._post(key, until, stream, topic, content), digest
        return PostResult(message_id, note), known

    def _edit(
        self, message_id: int, content: str, known: str | None, digest: str
    ) -> tuple[int | None, str | None, str | None]:
        """Edit a message; return no id if it no longer exists, and a note if it stays unchanged."""
        try:
            self.zulip.edit(message_id, content)
        except Gone:
            return None, None, None
        except Refused as error:
            return message_id, known, f"message {message_id} stays as it was: {error}"
        return message_id, digest, None

    def _post(self, key: str, until: float, stream: str, topic: str, content: str) -> int:
        try:
            return self.zulip.post(stream, topic, content)
        except UnknownOutcome:
            raise
        except (TransientError, PermanentError):
            # It was certainly not posted, so no later attempt has to search for it.
            self._delete(key, until)
            raise

    def _claim(self, key: str, stream: str, topic: str, now: float) -> tuple[float, bool]:
        """Claim the message for `LEASE_S`, creating its row if new; return the lease's end and whether it is new.

        Raises TransientError while another process has the claim.
        """
        until = now + LEASE_S
        values: dict[str, Any] = {
            "key": key,
            "stream": stream,
            "topic": topic,
            "claimed_until": until,
            "changed_at": now,
        }
        with self.database.begin() as connection:
            insert = self.database.insert(messages).values(values).on_conflict_do_nothing()
            if connection.execute(insert).rowcount == 1:
                return until, True
            free = (messages.c.key == key, messages.c.claimed_until <= now)
            if connection.execute(sa.update(messages).where(*free).values(claimed_until=until)).rowcount == 1:
                return until, False
            held = connection.scalar(sa.select(messages.c.claimed_until).where(messages.c.key == key))
        wait = min(LEASE_S, max(1.0, (held or now) - now))
        raise TransientError("another process is posting this message to Zulip", retry_after=wait)

    def _row(self, key: str) -> sa.Row[Any]:
        with self.database.begin() as connection:
            return connection.execute(sa.select(messages).where(messages.c.key == key)).one()

    def _keep(self, key: str, until: float, message_id: int | None, digest: str | None, **values: object) -> None:
        with self.database.begin() as connection:
            connection.execute(
                sa.update(messages)
                .where(messages.c.key == key, messages.c.claimed_until == until)
                .values(message_id=message_id, digest=digest, changed_at=time.time(), **values)
            )

    def _release(self, key: str, until: float) -> None:
        held = (messages.c.key == key, messages.c.claimed_until == until)
        with self.database.begin() as connection:
            connection.execute(sa.update(messages).where(*held).values(claimed_until=0.0))

    def _delete(self, key: str, until: float) -> None:
        held = (messages.c.key == key, messages.c.claimed_until == until)
        with self.database.begin() as connection:
            connection.execute(sa.delete(messages).where(*held))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()

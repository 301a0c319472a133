"""The messages that stand in Zulip: each posted once, edited later, whoever dies in between."""

import hashlib
import time
from typing import NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import PermanentError, ReflectorError, StepTimeout, TransientError
from resources.database.database import Database
from resources.database.tables import messages
from resources.outgoing.zulip import Gone, Refused, UnknownOutcome, Zulip

# Longer than a lookup, an edit and a posting take together; then another process may go on.
LEASE_S = 60.0


class PostResult(NamedTuple):
    """A message that stands in Zulip; `note` says why it stands there as it was before."""

    message_id: int
    note: str | None = None


class MessageRecord(NamedTuple):
    """A message as it was last changed, in epoch seconds; without an id it isn't known whether it was posted."""

    message_id: int | None
    stream: str
    topic: str
    changed_at: float


class Messages(ConfigurableResource):
    """What was posted to Zulip, by what it is about, in the product's database."""

    database: Database
    zulip: Zulip

    def post_or_edit(
        self, key: str, stream: str, topic: str, content: str, mark: str, now: float | None = None
    ) -> PostResult:
        """See to it that the message about `key` reads so; `mark` is a part of every content by which it is found.

        What was posted before is edited where it stands, and posted anew only when Zulip says that it is gone. The
        intention is kept before it is posted: who finds it there looks in Zulip first. `now` is in seconds since the
        epoch. Raises TransientError, also while another process is at it, and PermanentError.
        """
        now = time.time() if now is None else now
        until, new = self._claim(key, stream, topic, now)
        try:
            posted, known = self._bring_up_to_date(key, until, stream, topic, content, mark, new=new)
        except (UnknownOutcome, StepTimeout):
            # The request may be under way still: nobody looks before the claim is over.
            raise
        except ReflectorError:
            self._release(key, until)
            raise
        self._keep(key, until, posted.message_id, known, claimed_until=0.0)
        return posted

    def record(self, key: str) -> MessageRecord | None:
        """The message about `key`, None when there is none."""
        columns = [messages.c[name] for name in MessageRecord._fields]
        with self.database.begin() as connection:
            row = connection.execute(sa.select(*columns).where(messages.c.key == key)).one_or_none()
        return MessageRecord(*row) if row else None

    def _bring_up_to_date(
        self, key: str, until: float, stream: str, topic: str, content: str, mark: str, *, new: bool
    ) -> tuple[PostResult, str | None]:
        """Post, edit or leave; returns what stands there now, and its digest."""
        row, digest = self._row(key), _digest(content)
        message_id, known = row.message_id, row.digest
        note: str | None = None
        if message_id is None and not new and (found := self.zulip.find(row.stream, row.topic, mark)):
            # Somebody was about to post it, and nobody knew what came of that.
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
        """Edit a message; returns no id when it is gone, and the note when it stays as it is."""
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
            # It wasn't posted, that is sure: nobody has to look for it.
            self._forget(key, until)
            raise

    def _claim(self, key: str, stream: str, topic: str, now: float) -> tuple[float, bool]:
        """Take the message for a while, or raise TransientError; says whether it is new: then its row is made."""
        until = now + LEASE_S
        values = {"key": key, "stream": stream, "topic": topic, "claimed_until": until, "changed_at": now}
        with self.database.begin() as connection:
            insert = self.database.insert(messages).values(values).on_conflict_do_nothing()
            if connection.execute(insert).rowcount == 1:
                return until, True
            free = (messages.c.key == key, messages.c.claimed_until <= now)
            if connection.execute(sa.update(messages).where(*free).values(claimed_until=until)).rowcount == 1:
                return until, False
            held = connection.scalar(sa.select(messages.c.claimed_until).where(messages.c.key == key))
        wait = min(LEASE_S, max(1.0, (held or now) - now))
        raise TransientError("another process is posting this message to Zulip just now", retry_after=wait)

    def _row(self, key: str) -> sa.Row:
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

    def _forget(self, key: str, until: float) -> None:
        held = (messages.c.key == key, messages.c.claimed_until == until)
        with self.database.begin() as connection:
            connection.execute(sa.delete(messages).where(*held))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()

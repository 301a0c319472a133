"""What arrived from Daily, in order and for good: webhooks as they came, and recordings that polling found."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.daily import DailyEvent
from domain.errors import InvalidInput, NotFound
from domain.recording import ID_PATTERN
from resources.database.database import Database, PinnedConnection, storable
from resources.database.tables import deliveries, inbox, sweep

# Stands for the reason until a replayed item is judged.
REPLAYED = "replayed"
# Before an arrival's key: the key of its delivery to the old system.
RELAY = "relay:"
# So many arrivals in one statement; SQLite allows some thirty thousand values.
AT_ONCE = 1000

State = Literal["received", "accepted", "ignored", "failed"]
Source = Literal["webhook", "poll"]


class Arrival(NamedTuple):
    """Something that came in; of two with the same key the first is kept."""

    key: str
    source: Source
    body: bytes
    event_type: str | None
    recording_id: str | None


class Item(NamedTuple):
    """A row of the inbox: times in seconds since the epoch; `ask_at` is when Daily is asked again about it."""

    seq: int
    key: str
    source: Source
    event_type: str | None
    recording_id: str | None
    state: State
    reason: str | None
    received_at: float
    settled_at: float | None
    attempts: int
    ask_at: float | None
    body: bytes


class PollPosition(NamedTuple):
    """A walk through Daily's list, newest first: what was in the inbox when it began, and the last id it read."""

    known_to: int
    after: str | None


def of_webhook(body: bytes) -> Arrival:
    """Take in a webhook's body, whatever it holds; what can't be read has its hash for a key."""
    try:
        event = DailyEvent.read(body)
    except InvalidInput:
        return Arrival(_hashed("webhook", body), "webhook", body, None, None)
    key = f"event:{event.id}" if event.id and _plain(event.id, 200) else _hashed("webhook", body)
    recording_id = event.payload.get("recording_id")
    return Arrival(key, "webhook", body, _plain(event.type, 100), _id(recording_id))


def of_poll(recording_id: str | None, body: bytes) -> Arrival:
    """Take in one entry of Daily's list of recordings."""
    known = _id(recording_id)
    return Arrival(f"recording:{known}" if known else _hashed("poll", body), "poll", body, None, known)


class Inbox(ConfigurableResource):
    """The inbox in the product's database; every call is one transaction.

    With `relays`, each webhook that is put into it is to be relayed to the old system.
    """

    database: Database
    relays: bool = False

    def put(self, arrivals: Sequence[Arrival], kept: PinnedConnection | None = None) -> int:
        """Store what isn't there yet, in this order; returns how many were new.

        On `kept`, if that is given: a connection of the caller's that stays open.
        """
        now, new = time.time(), 0
        with self.database.begin_on(kept) if kept else self.database.begin() as connection:
            mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
            for some in (arrivals[start : start + AT_ONCE] for start in range(0, len(arrivals), AT_ONCE)):
                values = [value for arrival in some for value in (*arrival, now)]
                new += connection.exec_driver_sql(_insertion(len(some), mark), tuple(values)).rowcount
                if self.relays and (relayed := [_relay(one, now) for one in some if one.source == "webhook"]):
                    connection.execute(self.database.insert(deliveries).on_conflict_do_nothing(), relayed)
        return new

    def waiting(self, limit: int) -> list[Item]:
        """Items that nobody has judged yet: webhooks, of meetings that just ended, before a backlog; oldest first."""
        waits = (inbox.c.state == "received", inbox.c.ask_at.is_(None))
        return self._items(*waits, limit=limit, order=(inbox.c.source == "poll", inbox.c.seq))

    def count_waiting(self) -> int:
        """How many items are not settled."""
        query = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.state == "received")
        with self.database.begin() as connection:
            return connection.scalar(query) or 0

    def unfinished(self, now: float, limit: int) -> list[Item]:
        """Unfinished items about which Daily is to be asked now, most urgent first."""
        due = (inbox.c.state == "received", inbox.c.ask_at <= now)
        return self._items(*due, limit=limit, order=(inbox.c.ask_at,))

    def settle(self, seqs: Iterable[int], state: State, reason: str | None = None) -> None:
        """Say what became of items."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq.in_(list(seqs)))
                .values(state=state, reason=storable(reason), settled_at=time.time(), ask_at=None)
            )

    def ask_later(self, seq: int, at: float, reason: str | None) -> None:
        """Put an unfinished item off until Daily is asked about it again."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq == seq)
                .values(ask_at=at, reason=storable(reason), attempts=inbox.c.attempts + 1)
            )

    def update_body(self, seq: int, body: bytes) -> None:
        """Keep Daily's newer description of an unfinished item, which is then judged by it."""
        with self.database.begin() as connection:
            connection.execute(sa.update(inbox).where(inbox.c.seq == seq).values(source="poll", body=body, ask_at=None))

    def replay(self, seqs: Iterable[int]) -> None:
        """Have items judged anew, as if they had just arrived, also of recordings that were taken in before."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq.in_(list(seqs)))
                .values(state="received", reason=REPLAYED, settled_at=None, ask_at=None, attempts=0)
            )

    def items(self, state: State | None = None, limit: int = 50) -> list[Item]:
        """The newest items, oldest of them first."""
        of_state = [inbox.c.state == state] if state else []
        return self._items(*of_state, limit=limit, order=(inbox.c.seq.desc(),))[::-1]

    def item(self, seq: int) -> Item:
        """One item; raises NotFound."""
        if found := self._items(inbox.c.seq == seq, limit=1):
            return found[0]
        raise NotFound(f"there is no item {seq} in the inbox", hint="`reflector inbox list` shows them.")

    def by_key(self, key: str) -> Item:
        """The item of an arrival; raises NotFound."""
        if found := self._items(inbox.c.key == key, limit=1):
            return found[0]
        raise NotFound(f"there is no item {key!r} in the inbox", hint="`reflector inbox list` shows them.")

    def of_recording(self, recording_id: str) -> list[Item]:
        """All that arrived about a recording, oldest first."""
        return self._items(inbox.c.recording_id == recording_id, limit=1000)

    def is_pending(self, recording_id: str) -> bool:
        """Say whether something that arrived about a recording is about to be judged or taken in."""
        waits = (inbox.c.recording_id == recording_id, inbox.c.state == "received", inbox.c.ask_at.is_(None))
        return bool(self._items(*waits, limit=1))

    def known(self, keys: Sequence[str], known_to: int) -> set[str]:
        """Those of the keys that arrived up to an item."""
        query = sa.select(inbox.c.key).where(inbox.c.key.in_(keys), inbox.c.seq <= known_to)
        with self.database.begin() as connection:
            return set(connection.scalars(query))

    def begin_poll(self) -> PollPosition:
        """The sweep under way, or a new one: it is kept before the first page is read, so that a kill loses nothing."""
        with self.database.begin() as connection:
            self._keep(connection)
            known_to, after = connection.execute(sa.select(sweep.c.known_to, sweep.c.after)).one()
            if known_to is None:
                known_to = connection.scalar(sa.select(sa.func.max(inbox.c.seq))) or 0
                self._keep(connection, known_to=known_to)
        return PollPosition(known_to, after)

    def save_poll(self, after: str | None) -> None:
        """Keep how far the sweep has come."""
        with self.database.begin() as connection:
            self._keep(connection, after=after)

    def end_poll(self) -> None:
        """The list was read down to what was known."""
        with self.database.begin() as connection:
            self._keep(connection, known_to=None, after=None)

    def not_before(self) -> float:
        """When Daily may be called again, in seconds since the epoch."""
        with self.database.begin() as connection:
            return connection.scalar(sa.select(sweep.c.not_before)) or 0.0

    def set_not_before(self, at: float) -> None:
        """Keep Daily's wish not to be called before."""
        with self.database.begin() as connection:
            self._keep(connection, not_before=at)

    def _keep(self, connection: sa.Connection, **values: Any) -> None:
        """Write to the one row. Its insertion comes first, which also takes SQLite's write lock before any reading."""
        connection.execute(self.database.insert(sweep).values(id=1, not_before=0.0).on_conflict_do_nothing())
        if values:
            connection.execute(sa.update(sweep).values(**values))

    def _items(self, *where: sa.ColumnElement[bool], limit: int, order: Sequence[Any] = (inbox.c.seq,)) -> list[Item]:
        columns = [inbox.c[name] for name in Item._fields]
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(*columns).where(*where).order_by(*order).limit(limit))
            return [Item(*row) for row in rows]


def _insertion(count: int, mark: str) -> str:
    """The statement that stores so many arrivals, written out: it takes the receiver's time.

    SQLAlchemy needs twice as long for it. As a statement for each, the thread would give Python's lock away and wait to
    get it again, each time.
    """
    columns = (*Arrival._fields, "received_at")
    row = f"({', '.join([mark] * len(columns))})"
    rows = ", ".join([row] * count)
    return f"INSERT INTO inbox ({', '.join(columns)}) VALUES {rows} ON CONFLICT (key) DO NOTHING"  # noqa: S608


def _relay(arrival: Arrival, now: float) -> dict[str, object]:
    """The row of a delivery that is due at once."""
    key = f"{RELAY}{arrival.key}"
    return {"key": key, "kind": "relay", "recording_id": arrival.recording_id, "created_at": now, "due_at": now}


def _hashed(source: Source, body: bytes) -> str:
    return f"{source}:{hashlib.sha256(body).hexdigest()}"


def _plain(text: str, longest: int) -> str | None:
    return text if len(text) <= longest and text.isprintable() else None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and ID_PATTERN.fullmatch(value) else None

"""The inbox: everything received from Daily, in order and permanently: raw webhooks, and recordings from polling."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.consent import DAY_S
from domain.daily import DailyEvent
from domain.errors import DELETED, InvalidInput, NotFound
from domain.recording import ID_PATTERN
from resources.database.database import Database, PinnedConnection, storable
from resources.database.tables import deliveries, inbox, sweep

# The reason of a replayed item until it is judged.
REPLAYED = "replayed"
# Prefix of an arrival's key that makes the key of its delivery to the old system.
RELAY = "relay:"
# Time between two looks for new arrivals.
LOOK_INTERVAL_S = 0.1
# Arrivals per statement; SQLite allows about thirty thousand values.
AT_ONCE = 1000

State = Literal["received", "accepted", "ignored", "failed"]
Source = Literal["webhook", "poll"]


class Arrival(NamedTuple):
    """A received webhook or polled recording; of two with the same key the first is stored."""

    key: str
    source: Source
    body: bytes
    event_type: str | None
    recording_id: str | None


class Item(NamedTuple):
    """A row of the inbox, times in seconds since the epoch; `ask_at` is when its recording is requested from Daily."""

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
    """Progress of reading Daily's list, newest first: the inbox's last number at the start, and the last id read."""

    known_to: int
    after: str | None


def of_webhook(body: bytes) -> Arrival:
    """Return the arrival of a webhook with any body; the key of an invalid body is its hash."""
    try:
        event = DailyEvent.read(body)
    except InvalidInput:
        return Arrival(_hashed("webhook", body), "webhook", body, None, None)
    key = f"event:{event.id}" if event.id and _plain(event.id, 200) else _hashed("webhook", body)
    recording_id = event.payload.get("recording_id")
    return Arrival(key, "webhook", body, _plain(event.type, 100), _id(recording_id))


def of_poll(recording_id: str | None, body: bytes) -> Arrival:
    """Return the arrival of one entry in Daily's list of recordings."""
    known = _id(recording_id)
    return Arrival(f"recording:{known}" if known else _hashed("poll", body), "poll", body, None, known)


class Inbox(ConfigurableResource[Any]):
    """The inbox in the product's database; every call is one transaction.

    With `relays`, each stored webhook is also queued for the old system.
    """

    database: Database
    relays: bool = False

    def put(self, arrivals: Sequence[Arrival], pinned: PinnedConnection | None = None) -> int:
        """Store new arrivals in this order, on the `pinned` connection if given; return how many were new."""
        now, new = time.time(), 0
        with self.database.begin_on(pinned) if pinned else self.database.begin() as connection:
            placeholder = "?" if connection.dialect.paramstyle == "qmark" else "%s"
            for some in (arrivals[start : start + AT_ONCE] for start in range(0, len(arrivals), AT_ONCE)):
                values = [value for arrival in some for value in (*arrival, now)]
                new += connection.exec_driver_sql(_insertion(len(some), placeholder), tuple(values)).rowcount
                if self.relays and (relayed := [_relay(one, now) for one in some if one.source == "webhook"]):
                    connection.execute(self.database.insert(deliveries).on_conflict_do_nothing(), relayed)
        return new

    def waiting(self, limit: int) -> list[Item]:
        """Return items to be judged, oldest first, but webhooks before polled items, which can be a backlog."""
        waits = (inbox.c.state == "received", inbox.c.ask_at.is_(None))
        return self._items(*waits, limit=limit, order=(inbox.c.source == "poll", inbox.c.seq))

    def wait(self, seconds: float, pause: Callable[[float], bool]) -> bool:
        """Return True as soon as an item waits to be judged, or False after `seconds`, or when `pause` returns False.

        `pause` sleeps for the given seconds between two looks, each of which is one statement on the same connection.
        """
        end, pinned = time.monotonic() + seconds, PinnedConnection()
        look = sa.select(sa.exists().where(inbox.c.state == "received", inbox.c.ask_at.is_(None)))
        try:
            while time.monotonic() < end:
                with self.database.begin_on(pinned) as connection:
                    if connection.scalar(look):
                        return True
                if not pause(LOOK_INTERVAL_S):
                    break
        finally:
            pinned.close()
        return False

    def count_waiting(self) -> int:
        """Return the number of items that are not settled."""
        query = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.state == "received")
        with self.database.begin() as connection:
            return connection.scalar(query) or 0

    def unfinished(self, now: float, limit: int) -> list[Item]:
        """Return unfinished items whose recordings are to be requested from Daily now, most overdue first."""
        due = (inbox.c.state == "received", inbox.c.ask_at <= now)
        return self._items(*due, limit=limit, order=(inbox.c.ask_at,))

    def settle(self, seqs: Iterable[int], state: State, reason: str | None = None) -> None:
        """Record the outcome of items."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq.in_(list(seqs)))
                .values(state=state, reason=storable(reason), settled_at=time.time(), ask_at=None)
            )

    def ask_later(self, seq: int, at: float, reason: str | None) -> None:
        """Schedule the next request to Daily about an unfinished item."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq == seq)
                .values(ask_at=at, reason=storable(reason), attempts=inbox.c.attempts + 1)
            )

    def update_body(self, seq: int, body: bytes) -> None:
        """Store Daily's newer description of an unfinished item, so that it is judged again."""
        with self.database.begin() as connection:
            # Not of an item that was erased meanwhile.
            unsettled = (inbox.c.seq == seq, inbox.c.state == "received")
            connection.execute(sa.update(inbox).where(*unsettled).values(source="poll", body=body, ask_at=None))

    def replay(self, seqs: Iterable[int]) -> None:
        """Have items judged again as if they had just arrived, even if their recording was accepted before."""
        with self.database.begin() as connection:
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.seq.in_(list(seqs)))
                .values(state="received", reason=REPLAYED, settled_at=None, ask_at=None, attempts=0)
            )

    def erase(self, recording_id: str, room: str | None = None, around: float | None = None) -> None:
        """Empty the items of a recording, whose keys stay, so that Daily's list doesn't bring it back.

        Events about people, which don't name the recording, are emptied if they are about this room (by its full name)
        within a day of the time `around`, in epoch seconds.
        """
        own = [inbox.c.recording_id == recording_id]
        with self.database.begin() as connection:
            if room and around is not None:
                near = inbox.c.received_at.between(around - DAY_S, around + 2 * DAY_S)
                query = sa.select(inbox.c.seq, inbox.c.body).where(inbox.c.recording_id.is_(None), near)
                about = [seq for seq, body in connection.execute(query) if _room(body) == room]
                own.extend(inbox.c.seq.in_(about[at : at + AT_ONCE]) for at in range(0, len(about), AT_ONCE))
            for where in own:
                connection.execute(
                    sa.update(inbox)
                    .where(where)
                    .values(
                        body=b"",
                        state="ignored",
                        reason=DELETED,
                        ask_at=None,
                        settled_at=sa.func.coalesce(inbox.c.settled_at, time.time()),
                    )
                )

    def items(self, state: State | None = None, limit: int = 50) -> list[Item]:
        """Return the newest items, in the order of arrival."""
        of_state = [inbox.c.state == state] if state else []
        return self._items(*of_state, limit=limit, order=(inbox.c.seq.desc(),))[::-1]

    def item(self, seq: int) -> Item:
        """Return one item; raises NotFound."""
        return self._one(inbox.c.seq == seq, repr(seq))

    def by_key(self, key: str) -> Item:
        """Return the item of an arrival; raises NotFound."""
        return self._one(inbox.c.key == key, repr(key))

    def _one(self, where: sa.ColumnElement[bool], name: str) -> Item:
        if found := self._items(where, limit=1):
            return found[0]
        raise NotFound(f"there is no item {name} in the inbox", hint="`reflector inbox list` lists the items.")

    def of_recording(self, recording_id: str) -> list[Item]:
        """Return all items of a recording, oldest first."""
        return self._items(inbox.c.recording_id == recording_id, limit=1000)

    def is_pending(self, recording_id: str) -> bool:
        """Return True if an item of the recording is waiting to be judged."""
        waits = (inbox.c.recording_id == recording_id, inbox.c.state == "received", inbox.c.ask_at.is_(None))
        return bool(self._items(*waits, limit=1))

    def known(self, keys: Sequence[str], known_to: int) -> set[str]:
        """Return those of the keys that arrived up to the item `known_to`."""
        query = sa.select(inbox.c.key).where(inbox.c.key.in_(keys), inbox.c.seq <= known_to)
        with self.database.begin() as connection:
            return set(connection.scalars(query))

    def begin_poll(self) -> PollPosition:
        """Return the position of an interrupted poll, or a new one, stored before the first page is read."""
        with self.database.begin() as connection:
            self._keep(connection)
            known_to, after = connection.execute(sa.select(sweep.c.known_to, sweep.c.after)).one()
            if known_to is None:
                known_to = connection.scalar(sa.select(sa.func.max(inbox.c.seq))) or 0
                self._keep(connection, known_to=known_to)
        return PollPosition(known_to, after)

    def save_poll(self, after: str | None) -> None:
        """Store the last id that the poll read."""
        with self.database.begin() as connection:
            self._keep(connection, after=after)

    def end_poll(self) -> None:
        """Record that the list was read down to the known recordings."""
        with self.database.begin() as connection:
            self._keep(connection, known_to=None, after=None)

    def not_before(self) -> float:
        """Return when Daily may be called again, in seconds since the epoch."""
        with self.database.begin() as connection:
            return connection.scalar(sa.select(sweep.c.not_before)) or 0.0

    def set_not_before(self, at: float) -> None:
        """Store when Daily may be called again."""
        with self.database.begin() as connection:
            self._keep(connection, not_before=at)

    def _keep(self, connection: sa.Connection, **values: Any) -> None:
        """Update the only row. Inserting it first also takes SQLite's write lock before any read."""
        connection.execute(self.database.insert(sweep).values(id=1, not_before=0.0).on_conflict_do_nothing())
        if values:
            connection.execute(sa.update(sweep).values(**values))

    def _items(self, *where: sa.ColumnElement[bool], limit: int, order: Sequence[Any] = (inbox.c.seq,)) -> list[Item]:
        columns = [inbox.c[name] for name in Item._fields]
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(*columns).where(*where).order_by(*order).limit(limit))
            return [Item(*row) for row in rows]


def _insertion(count: int, placeholder: str) -> str:
    """Return the INSERT of `count` arrivals as text: the receiver's throughput depends on it.

    SQLAlchemy's own takes twice as long. With one statement per arrival, the thread would release and reacquire the
    GIL each time.
    """
    columns = (*Arrival._fields, "received_at")
    row = f"({', '.join([placeholder] * len(columns))})"
    rows = ", ".join([row] * count)
    return f"INSERT INTO inbox ({', '.join(columns)}) VALUES {rows} ON CONFLICT (key) DO NOTHING"  # noqa: S608


def _relay(arrival: Arrival, now: float) -> dict[str, object]:
    """Return the row of a delivery that is due immediately."""
    key = f"{RELAY}{arrival.key}"
    return {"key": key, "kind": "relay", "recording_id": arrival.recording_id, "created_at": now, "due_at": now}


def _room(body: bytes) -> str | None:
    """Return the name of the room that an event is about."""
    try:
        payload = DailyEvent.read(body).payload
    except InvalidInput:
        return None
    return payload.get("room") or payload.get("room_name")


def _hashed(source: Source, body: bytes) -> str:
    return f"{source}:{hashlib.sha256(body).hexdigest()}"


def _plain(text: str, longest: int) -> str | None:
    return text if len(text) <= longest and text.isprintable() else None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and ID_PATTERN.fullmatch(value) else None

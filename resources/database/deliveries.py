"""What is to be delivered to others, each once, and how far it is, in the product's database."""

import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import NotFound
from resources.database.database import Database, storable
from resources.database.tables import deliveries

# Longer than an attempt can take: who has claimed a delivery and died doesn't keep it for longer.
LEASE_S = 120.0

Kind = Literal["webhook", "relay", "fallback", "comparison"]
State = Literal["waiting", "sent", "refused", "given_up", "superseded"]


class Delivery(NamedTuple):
    """One delivery; times in seconds since the epoch. `attempts` were begun, `due_at` is when the next may begin.

    `refused` is for good, `given_up` is one whose schedule is over, `superseded` one that newer content replaced.
    """

    key: str
    kind: Kind
    recording_id: str | None
    state: State
    attempts: int
    due_at: float | None
    claimed_until: float
    status_code: int | None
    reason: str | None
    created_at: float
    settled_at: float | None


class Deliveries(ConfigurableResource):
    """Deliveries by what must not be delivered twice, as an event's id. `now` is in seconds since the epoch."""

    database: Database

    def create(
        self, key: str, kind: Kind, recording_id: str | None, *, newest_only: bool = False, now: float | None = None
    ) -> Delivery:
        """Return the delivery, which waits and is due now if it is new.

        With `newest_only` it takes the place of the recording's others of its kind that still wait, and one that
        was itself replaced, since when its content is the newest again, waits anew.
        """
        now = time.time() if now is None else now
        row = {"key": key, "kind": kind, "recording_id": recording_id, "created_at": now, "due_at": now}
        anew = {"state": "waiting", "attempts": 0, "due_at": now, "status_code": None, "settled_at": None}
        table = deliveries.c
        others = (table.kind == kind, table.recording_id == recording_id, table.key != key)
        with self.database.begin() as connection:
            made = connection.execute(self.database.insert(deliveries).values(row).on_conflict_do_nothing()).rowcount
            if newest_only and recording_id is not None:
                newest = connection.scalar(sa.select(sa.func.max(table.created_at)).where(*others)) or 0.0
                mine = connection.execute(sa.select(table.created_at).where(table.key == key)).scalar_one()
                if not made and newest > mine:
                    connection.execute(
                        sa.update(deliveries)
                        .where(table.key == key)
                        .values(**anew, reason="its content is the newest again", created_at=now)
                    )
                connection.execute(
                    sa.update(deliveries)
                    .where(*others, table.state == "waiting")
                    .values(state="superseded", reason=f"replaced by {key}", due_at=None, settled_at=now)
                )
        return self.get(key)

    def claim(self, key: str, now: float | None = None) -> Delivery | None:
        """Take a delivery that is due, for one attempt, which it counts; None when it isn't, or another has it.

        Of two who claim it at once one gets it: it is one UPDATE.
        """
        now = time.time() if now is None else now
        table = deliveries.c
        due = (table.key == key, table.state == "waiting", table.due_at <= now, table.claimed_until <= now)
        with self.database.begin() as connection:
            claimed = connection.execute(
                sa.update(deliveries).where(*due).values(claimed_until=now + LEASE_S, attempts=table.attempts + 1)
            ).rowcount
        return self.get(key) if claimed else None

    def settle(
        self,
        delivery: Delivery,
        state: State,
        *,
        status_code: int | None = None,
        reason: str | None = None,
        due_at: float | None = None,
        now: float | None = None,
    ) -> Delivery:
        """Record what came of a claimed delivery; one that goes on waiting needs `due_at`.

        Nothing happens when the claim was over and another has it, or when newer content has replaced it: that it was
        sent is recorded all the same.
        """
        now = time.time() if now is None else now
        table = deliveries.c
        mine = [table.key == delivery.key, table.claimed_until == delivery.claimed_until]
        if state != "sent":
            mine.append(table.state == "waiting")
        values = {
            "state": state,
            "status_code": status_code,
            "reason": storable(reason),
            "due_at": due_at,
            "claimed_until": 0.0,
            "settled_at": None if state == "waiting" else now,
        }
        with self.database.begin() as connection:
            connection.execute(sa.update(deliveries).where(*mine).values(values))
        return self.get(delivery.key)

    def give_up(self, recording_id: str, kind: Kind, reason: str, now: float | None = None) -> None:
        """End what waits for a recording."""
        now = time.time() if now is None else now
        table = deliveries.c
        waits = (table.recording_id == recording_id, table.kind == kind, table.state == "waiting")
        values = {"state": "given_up", "reason": storable(reason), "due_at": None, "settled_at": now}
        with self.database.begin() as connection:
            connection.execute(sa.update(deliveries).where(*waits).values(values))

    def due(self, kind: Kind, now: float, limit: int) -> list[Delivery]:
        """Deliveries that may begin now and that nobody has claimed, those that have waited longest first."""
        table = deliveries.c
        where = (table.kind == kind, table.state == "waiting", table.due_at <= now, table.claimed_until <= now)
        return self._rows(*where, order=(table.due_at,), limit=limit)

    def retry(self, key_or_recording: str, now: float | None = None) -> list[Delivery]:
        """Have a delivery made anew now, by a schedule of its own; of a recording the newest of each kind.

        Raises NotFound.
        """
        now = time.time() if now is None else now
        newest: dict[str, Delivery] = {}
        for one in self.of(key_or_recording):
            newest[one.key if one.key == key_or_recording else one.kind] = one
        if not newest:
            raise NotFound(
                f"there is no delivery {key_or_recording!r}, nor one of a recording of that name",
                hint="`reflector deliveries list` shows them.",
            )
        keys = [one.key for one in newest.values()]
        values = {"state": "waiting", "attempts": 0, "due_at": now, "settled_at": None, "reason": "asked for by hand"}
        with self.database.begin() as connection:
            connection.execute(sa.update(deliveries).where(deliveries.c.key.in_(keys)).values(values))
        return [self.get(key) for key in keys]

    def of(self, key_or_recording: str) -> list[Delivery]:
        """The deliveries of a recording, or the one of a key, oldest first."""
        named = sa.or_(deliveries.c.key == key_or_recording, deliveries.c.recording_id == key_or_recording)
        return self._rows(named, order=(deliveries.c.created_at,), limit=1000)

    def get(self, key: str) -> Delivery:
        """One delivery; raises NotFound."""
        if found := self._rows(deliveries.c.key == key, limit=1):
            return found[0]
        raise NotFound(f"there is no delivery {key!r}", hint="`reflector deliveries list` shows them.")

    def newest(self, state: State | None = None, limit: int = 50) -> list[Delivery]:
        """The newest deliveries, oldest of them first."""
        of_state = [deliveries.c.state == state] if state else []
        return self._rows(*of_state, order=(deliveries.c.created_at.desc(),), limit=limit)[::-1]

    def _rows(
        self, *where: sa.ColumnElement[bool], limit: int, order: Sequence[sa.ColumnElement] = (deliveries.c.created_at,)
    ) -> list[Delivery]:
        columns = [deliveries.c[name] for name in Delivery._fields]
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(*columns).where(*where).order_by(*order).limit(limit))
            return [Delivery(*row) for row in rows]

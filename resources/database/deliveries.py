"""Deliveries to other systems, each made once, and their state, in the product's database."""

import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import NotFound
from resources.database.database import Database, storable
from resources.database.tables import deliveries

# Longer than an attempt can take; then the claim of a killed process expires.
LEASE_S = 120.0

Kind = Literal["webhook", "relay", "fallback", "comparison"]
State = Literal["waiting", "sent", "refused", "given_up", "superseded"]


class Delivery(NamedTuple):
    """One delivery; times in seconds since the epoch. `attempts` were started, the next may start at `due_at`.

    `refused` is final, `given_up` means that the retry schedule ended, `superseded` that newer content replaced it.
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


class Deliveries(ConfigurableResource[Any]):
    """Deliveries by a key of what must not be delivered twice, such as an event's id; `now` in epoch seconds."""

    database: Database

    def create(
        self, key: str, kind: Kind, recording_id: str | None, *, newest_only: bool = False, now: float | None = None
    ) -> Delivery:
        """Return the delivery with this key; a new one is due now.

        With `newest_only` it supersedes the recording's waiting deliveries of the same kind. A delivery that was
        superseded before and whose content is the newest again becomes due again.
        """
        now = time.time() if now is None else now
        row: dict[str, Any] = {"key": key, "kind": kind, "recording_id": recording_id, "created_at": now, "due_at": now}
        reset: dict[str, Any] = {
            "state": "waiting",
            "attempts": 0,
            "due_at": now,
            "status_code": None,
            "settled_at": None,
        }
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
                        .values(**reset, reason="its content is the newest again", created_at=now)
                    )
                connection.execute(
                    sa.update(deliveries)
                    .where(*others, table.state == "waiting")
                    .values(state="superseded", reason=f"replaced by {key}", due_at=None, settled_at=now)
                )
        return self.get(key)

    def claim(self, key: str, now: float | None = None) -> Delivery | None:
        """Claim a due delivery for one attempt and count the attempt; None if it isn't due or already claimed.

        A single UPDATE, so only one of several concurrent claims succeeds.
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
        """Record the outcome of a claimed delivery; `waiting` needs `due_at`.

        Has no effect if the claim expired and was taken by another process, or if newer content superseded the
        delivery; `sent` is recorded even then.
        """
        now = time.time() if now is None else now
        table = deliveries.c
        mine = [table.key == delivery.key, table.claimed_until == delivery.claimed_until]
        if state != "sent":
            mine.append(table.state == "waiting")
        values: dict[str, Any] = {
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
        """End a recording's waiting deliveries of a kind."""
        now = time.time() if now is None else now
        table = deliveries.c
        waits = (table.recording_id == recording_id, table.kind == kind, table.state == "waiting")
        values: dict[str, Any] = {"state": "given_up", "reason": storable(reason), "due_at": None, "settled_at": now}
        with self.database.begin() as connection:
            connection.execute(sa.update(deliveries).where(*waits).values(values))

    def erase(self, recording_id: str) -> int:
        """Delete a recording's deliveries; return how many webhooks were sent, or may have been."""
        mine = deliveries.c.recording_id == recording_id
        tried = (mine, deliveries.c.kind == "webhook", deliveries.c.attempts > 0)
        with self.database.begin() as connection:
            sent = connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(*tried)) or 0
            connection.execute(sa.delete(deliveries).where(mine))
        return sent

    def due(self, kind: Kind, now: float, limit: int) -> list[Delivery]:
        """Return unclaimed deliveries that are due, longest waiting first."""
        table = deliveries.c
        where = (table.kind == kind, table.state == "waiting", table.due_at <= now, table.claimed_until <= now)
        return self._rows(*where, order=(table.due_at,), limit=limit)

    def fallbacks_since(self, at: float) -> int:
        """Return how many recordings were handed to the old system since then; doesn't make or migrate the tables."""
        table = deliveries.c
        sent = (table.kind == "fallback", table.state == "sent", table.settled_at >= at)
        with self.database.begin_unmigrated() as connection:
            if not sa.inspect(connection).has_table(deliveries.name):
                return 0
            return connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(*sent)) or 0

    def retry(self, key_or_recording: str, now: float | None = None) -> list[Delivery]:
        """Make a delivery due now with a new retry schedule; for a recording, the newest of each kind.

        Raises NotFound.
        """
        now = time.time() if now is None else now
        newest: dict[str, Delivery] = {}
        for one in self.of(key_or_recording):
            newest[one.key if one.key == key_or_recording else one.kind] = one
        if not newest:
            raise NotFound(
                f"there is no delivery {key_or_recording!r}, nor one of a recording with this id",
                hint="`reflector deliveries list` lists the deliveries.",
            )
        keys = [one.key for one in newest.values()]
        values: dict[str, Any] = {
            "state": "waiting",
            "attempts": 0,
            "due_at": now,
            "settled_at": None,
            "reason": "asked for by hand",
        }
        with self.database.begin() as connection:
            connection.execute(sa.update(deliveries).where(deliveries.c.key.in_(keys)).values(values))
        return [self.get(key) for key in keys]

    def of(self, key_or_recording: str) -> list[Delivery]:
        """Return the deliveries of a recording, or the one with a key, oldest first."""
        named = sa.or_(deliveries.c.key == key_or_recording, deliveries.c.recording_id == key_or_recording)
        return self._rows(named, order=(deliveries.c.created_at,), limit=1000)

    def get(self, key: str) -> Delivery:
        """Return one delivery; raises NotFound."""
        if found := self._rows(deliveries.c.key == key, limit=1):
            return found[0]
        raise NotFound(f"there is no delivery {key!r}", hint="`reflector deliveries list` lists the deliveries.")

    def newest(self, state: State | None = None, limit: int = 50) -> list[Delivery]:
        """Return the newest deliveries, in the order of creation."""
        of_state = [deliveries.c.state == state] if state else []
        return self._rows(*of_state, order=(deliveries.c.created_at.desc(),), limit=limit)[::-1]

    def _rows(
        self, *where: sa.ColumnElement[bool], limit: int, order: Sequence[Any] = (deliveries.c.created_at,)
    ) -> list[Delivery]:
        columns = [deliveries.c[name] for name in Delivery._fields]
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(*columns).where(*where).order_by(*order).limit(limit))
            return [Delivery(*row) for row in rows]

"""The ledger: time and usage of every step of every ended run, summed by step, recording, room or month."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.costs import By, Use
from domain.rooms import base_name
from resources.database.database import Database, storable
from resources.database.positions import advance_position, read_position
from resources.database.tables import FAILED, catalogue, ended_runs, ledger, projections

ENDINGS = ("RUN_SUCCESS", "RUN_FAILURE", "RUN_CANCELED")
AMOUNTS = [ledger.c[name] for name in ("attempts", *Use._fields[3:])]


class Entry(NamedTuple):
    """One step of one ended run, all its attempts together: times in epoch seconds, amounts as in `Use`.

    `kind` is the class of the last error.
    """

    run_id: str
    step: str
    recording_id: str
    asset: str
    track: int | None
    began_at: float
    ended_at: float
    month: str
    outcome: Literal["done", "failed"]
    attempts: int
    kind: str | None
    wall_ms: int = 0
    cpu_ms: int = 0
    gpu_ms: int = 0
    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bytes_read: int = 0
    bytes_written: int = 0


class EndedRun(NamedTuple):
    """A run that ended, at a time in epoch seconds; `done` if everything that it was started for was made."""

    run_id: str
    recording_id: str
    ended_at: float
    outcome: Literal["done", "failed"]


class Ledger(ConfigurableResource[Any]):
    """The ledger in the product's database; every call is one transaction."""

    database: Database

    def position(self, ending: str) -> int:
        """Return the number of the last of Dagster's events of this kind that was read."""
        return read_position(self.database, ending)

    def put(self, ending: str, storage_id: int, runs: Sequence[tuple[EndedRun, Sequence[Entry]]]) -> None:
        """Store runs with their entries, idempotently, and that Dagster's events were read up to `storage_id`."""
        entries: list[dict[str, Any]] = [
            {**entry._asdict(), "kind": storable(entry.kind)} for _, of_run in runs for entry in of_run
        ]
        with self.database.begin() as connection:
            advance_position(self.database, connection, ending, storage_id)
            if runs:
                row = self.database.insert(ended_runs)
                changed = {name: row.excluded[name] for name in EndedRun._fields}
                put = row.on_conflict_do_update(index_elements=["run_id"], set_=changed)
                connection.execute(put, [run._asdict() for run, _ in runs])
            if entries:
                row = self.database.insert(ledger)
                changed = {name: row.excluded[name] for name in Entry._fields}
                put = row.on_conflict_do_update(index_elements=["run_id", "step"], set_=changed)
                connection.execute(put, entries)

    def used(self, by: By, *, recording_id: str | None = None, since: float | None = None) -> dict[str, Use]:
        """Return the usage of steps that ended since a time, by asset, recording, room's base name or month."""
        room = cast(sa.ColumnElement[Any], sa.func.coalesce(catalogue.c.room, sa.literal_column("''")))
        keys: dict[str, sa.ColumnElement[Any]] = {
            "step": ledger.c.asset,
            "recording": ledger.c.recording_id,
            "room": room,
            "month": ledger.c.month,
        }
        key = keys[by]
        failed = sa.case((ledger.c.outcome == "failed", ledger.c.attempts), else_=ledger.c.attempts - 1)
        attempts, *amounts = [sa.func.sum(amount) for amount in AMOUNTS]
        sums: list[sa.ColumnElement[Any]] = [sa.func.count(), attempts, sa.func.sum(failed), *amounts]
        query: sa.Select[Any] = sa.select(key, *sums).group_by(key)
        if by == "room":
            query = query.select_from(ledger.outerjoin(catalogue, catalogue.c.recording_id == ledger.c.recording_id))
        if recording_id is not None:
            query = query.where(ledger.c.recording_id == recording_id)
        if since is not None:
            query = query.where(ledger.c.ended_at >= since)
        used: dict[str, Use] = {}
        with self.database.begin() as connection:
            for name, *found in connection.execute(query):
                group = base_name(name) if by == "room" else name
                used[group] = used.get(group, Use()) + Use(*map(int, found))
        return used

    def entries(
        self, *, after: int = 0, recording_id: str | None = None, limit: int = 10_000
    ) -> list[tuple[int, Entry]]:
        """Return the entries after a number, in the order of storage, each with its own number."""
        columns = [ledger.c.seq, *(ledger.c[name] for name in Entry._fields)]
        query = sa.select(*columns).where(ledger.c.seq > after).order_by(ledger.c.seq).limit(limit)
        if recording_id is not None:
            query = query.where(ledger.c.recording_id == recording_id)
        with self.database.begin() as connection:
            return [(seq, Entry(*values)) for seq, *values in connection.execute(query)]

    def outcomes(self, after: int, limit: int) -> Sequence[sa.Row[Any]]:
        """Return the next rows after a number: seq, asset, outcome, attempts, kind, wall_ms."""
        columns = [ledger.c[name] for name in ("seq", "asset", "outcome", "attempts", "kind", "wall_ms")]
        query = sa.select(*columns).where(ledger.c.seq > after).order_by(ledger.c.seq).limit(limit)
        with self.database.begin() as connection:
            return connection.execute(query).all()

    def failed(self) -> set[str]:
        """Return the recordings whose last ended run failed."""
        later = ended_runs.alias()
        is_later = (later.c.recording_id == ended_runs.c.recording_id, later.c.ended_at > ended_runs.c.ended_at)
        query = sa.select(ended_runs.c.recording_id).where(FAILED, ~sa.exists().where(*is_later))
        with self.database.begin() as connection:
            return set(connection.scalars(query))

    def clear(self) -> None:
        """Delete all rows and read positions; the next update rebuilds the ledger from the beginning."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(projections).where(projections.c.name.in_(ENDINGS)))
            connection.execute(sa.delete(ledger))
            connection.execute(sa.delete(ended_runs))

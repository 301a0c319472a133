"""The list of recordings reads no files, and queries Dagster as often for many rows as for few."""

# pyright: basic

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from domain.overview import RecordingOverview
from reflector_assets.operations.queries import AllRecordings
from resources.database.catalogue import Catalogue, IndexedTranscript, RecordingInfo
from resources.database.database import Database
from resources.database.ledger import Ledger
from resources.store.base import LocalStore
from testing.databases import migrated
from testing.deployment import new_instance

ROOM, BEGAN = "weekly-20260323080000", 1774252800.0
STATUSES = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED, None]


class CountingStore(LocalStore):
    """Counts reads."""

    def read(self, key: str) -> bytes:
        reads.append(key)
        return super().read(key)


reads: list[str] = []


class World:
    """Recordings in a catalogue, and runs of theirs in an instance of Dagster."""

    def __init__(self, instance: dg.DagsterInstance, folder: Path) -> None:
        self.instance = instance
        database = Database(url=migrated(folder / "reflector.db"))
        self.catalogue = Catalogue(database=database)
        store = CountingStore(root=str(folder / "data"))
        self.all = AllRecordings(lambda: nullcontext(instance), store, self.catalogue, Ledger(database=database))

    def add(self, name: str, status: dg.DagsterRunStatus | None, *, finished: bool) -> None:
        self.instance.add_dynamic_partitions("recordings", [name])
        self.catalogue.add([name], "{}")
        self.catalogue.describe([RecordingInfo(name, ROOM, BEGAN, 60.0)], 1)
        if finished:
            self.catalogue.index(IndexedTranscript(name, "1", ROOM, f"About {name}", BEGAN, 60.0, "some words"))
        if status is not None:
            tags = {"dagster/partition": name}
            self.instance.run_storage.add_run(
                dg.DagsterRun(job_name="process", run_id=str(uuid.uuid4()), status=status, tags=tags)
            )

    def states(self) -> list[RecordingOverview]:
        return self.all.states(self.catalogue.search("", size=100).items)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    reads.clear()
    with new_instance(tmp_path) as instance:
        yield World(instance, tmp_path)


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Count SQL queries of all databases of this process, Dagster's included."""
    found: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            found.append(statement)

    event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(sa.Engine, "before_cursor_execute", count)


def test_neither_reads_nor_queries_grow_with_the_rows(world: World) -> None:
    counts: list[int] = []
    rows = world.states()
    for number in range(30):
        world.add(f"recording-{number}", STATUSES[number % 3], finished=number % 3 == 0)
        if number in {2, 29}:
            world.states()
            with counted_queries() as queries:
                rows = world.states()
            assert len(rows) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1] > 0
    assert reads == []
    assert [row.state for row in rows[-3:]] == ["new", "processing", "ended"]
    assert rows[-1][:5] == ("recording-0", ROOM, "ended", "About recording-0", 60.0)
    assert (rows[-1].created_at, rows[-3].title) == (BEGAN, None)


def test_failed_and_retired_recordings_are_recognized(world: World) -> None:
    world.add("failed", dg.DagsterRunStatus.FAILURE, finished=False)
    world.add("canceled", dg.DagsterRunStatus.CANCELED, finished=True)
    world.add("retired", None, finished=True)
    world.instance.delete_dynamic_partition("recordings", "retired")
    states = {row.id: (row.state, row.reason) for row in world.states()}
    assert states == {
        "failed": ("error", "no reason given"),
        "canceled": ("error", "canceled"),
        "retired": ("retired", None),
    }
    assert reads == []


def test_what_the_catalogue_does_not_describe_yet_is_read_from_the_store(world: World) -> None:
    world.instance.add_dynamic_partitions("recordings", ["new"])
    world.catalogue.add(["new"], "{}")
    world.all.store.write("recordings/new/source/recording.json", b'{"room_name": "daily", "start_ts": 5}')
    [row] = world.states()
    assert (row.state, row.room, row.created_at) == ("new", "daily", 5.0)

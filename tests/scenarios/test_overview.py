"""Where many recordings are: for a page, the same as for each alone, and counted without examining each."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from reflector_assets.eventlog.overview import recordings_overview
from reflector_assets.operations.queries import AllRecordings
from resources.database.catalogue import Catalogue, IndexedTranscript
from resources.database.database import Database
from resources.database.ledger import Ledger
from resources.store.base import LocalStore
from testing.daemon import open_instance
from testing.deployment import Deployment, new_instance
from tests.scenarios.small import Small

NAMES = [f"recording-{number}" for number in range(5)]
FAILED, MENDED, BUSY, DONE, NEW = NAMES


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """One recording of each state; MENDED failed once, and then not again."""
    with new_instance(tmp_path / "instance") as instance:
        small = Small(instance, tmp_path)
        small.add(*NAMES)
        small.broken.add("tracks")
        for name in (FAILED, MENDED):
            small.run(name, ["recording", "tracks"])
        small.broken.clear()
        for name in (MENDED, DONE):
            small.run(name, ["recording", "tracks"])
        instance.create_run_for_job(
            small.job(), tags={"dagster/partition": BUSY}, status=dg.DagsterRunStatus.NOT_STARTED
        )
        yield small


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(root=str(tmp_path / "data"))
    for name in (MENDED, DONE, "left"):
        described: dict[str, Any] = {
            "title": f"About {name}",
            "room_name": "weekly",
            "duration": 60.0,
            "created_at": None,
        }
        store.write(f"recordings/{name}/transcript.json", json.dumps(described).encode())
    return store


@pytest.mark.parametrize("page", [1, 2, 200])
def test_every_recording_is_reported_whatever_page_it_is_on(small: Small, store: LocalStore, page: int) -> None:
    rows = list(recordings_overview(small.instance, store, page=page))
    assert [(row.id, row.state) for row in rows] == [
        (NEW, "new"),
        (DONE, "ended"),
        (BUSY, "processing"),
        (MENDED, "ended"),
        (FAILED, "error"),
    ]
    assert [row.title for row in rows] == [None, f"About {DONE}", None, f"About {MENDED}", None]
    failed = rows[-1]
    assert failed.step == "tracks"
    assert "tracks is broken" in (failed.reason or "")
    # The last run of a recording that has several.
    assert rows[3].run_id == small.instance.get_runs(dg.RunsFilter(tags={"dagster/partition": MENDED}))[0].run_id
    everything = list(recordings_overview(small.instance, store, retired=True, page=page))
    assert everything[:5] == rows
    assert [(row.id, row.state, row.title) for row in everything[5:]] == [("left", "retired", "About left")]


def test_states_are_counted_also_of_what_the_catalogue_does_not_know_yet(
    small: Small, store: LocalStore, tmp_path: Path
) -> None:
    database = Database(url=f"sqlite:///{tmp_path / 'books.db'}")
    catalogue, ledger = Catalogue(database=database), Ledger(database=database)
    shown = AllRecordings(lambda: nullcontext(small.instance), store, catalogue, ledger)
    assert shown.queues().states == {"new": 4, "processing": 1, "ended": 0, "error": 0, "retired": 0}
    while not shown.catch_up():
        pass
    for name in (MENDED, DONE):
        catalogue.index(IndexedTranscript(name, "1", "weekly", f"About {name}", None, 60.0, ""))
    small.add("later", "gone")
    counted = shown.queues()
    assert counted.states == {"new": 3, "processing": 1, "ended": 2, "error": 1, "retired": 0}
    assert counted.queued == 0
    while not shown.catch_up():
        pass
    for name in (DONE, FAILED, "gone"):
        small.instance.delete_dynamic_partition("recordings", name)
    assert shown.queues().states == {"new": 2, "processing": 1, "ended": 1, "error": 0, "retired": 3}


def test_the_command_shows_the_newest_and_its_json_all(deployment: Deployment) -> None:
    assert deployment.json("list") == []
    names = [f"recording-{number:03}" for number in range(210)]
    with open_instance(deployment) as instance:
        instance.add_dynamic_partitions("recordings", names)
    listed = deployment.reflector("list")
    assert [name for name in names if name in listed.stdout] == names[-50:]
    assert "`--all`" in listed.stderr
    assert [row["id"] for row in deployment.json("list")] == names[::-1]
    assert [row["id"] for row in deployment.json("list", "--limit", "2")] == [names[-1], names[-2]]
    shown = deployment.reflector("list", "--limit", "210")
    assert all(name in shown.stdout for name in names)
    assert not shown.stderr

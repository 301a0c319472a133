"""Recordings are retired to the end whatever stops it in between, and stay as fresh or stale as they were."""

import gzip
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.errors import PermanentError, TransientError
from reflector_assets import tags
from reflector_assets.eventlog import archive
from reflector_assets.operations import archiving
from reflector_assets.operations.retention import Done, Due, Retention, delete_old_runs
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from resources.database.database import Database
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from resources.local_folder import LocalFolder
from resources.store.base import LocalStore
from sensors import retention as schedule
from testing.deployment import new_instance
from tests.scenarios.small import ALL, Small
from tests.scenarios.telling import ID, Telling

pytestmark = pytest.mark.slow(20)

NAME, OTHER = "recording-1", "recording-2"
DAY = 86400


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    with new_instance(tmp_path) as instance:
        made = Small(instance, tmp_path / "values")
        made.add(NAME, OTHER)
        yield made


def retention(instance: dg.DagsterInstance, folder: Path) -> Retention:
    """The policy over a store in which both recordings are finished."""
    store, database = LocalStore(root=str(folder / "data")), Database(url=f"sqlite:///{folder}/retention.db")
    for name in (NAME, OTHER):
        store.write(f"recordings/{name}/transcript.json", b"{}")
    settings = Settings.model_validate({"REFLECTOR_RETIRE_DAYS": 30})
    source = LocalFolder(store=store)
    return Retention(instance, store, store, source, Inbox(database=database), Ledger(database=database), settings)


def due(look: Retention) -> list[Due]:
    return list(look.due(time.time() + 31 * DAY))


def retire(look: Retention, name: str) -> Done:
    [one] = [one for one in due(look) if one.id == name]
    return look.apply(one)


def readable_runs(instance: dg.DagsterInstance, look: Retention, name: str) -> dict[str, int]:
    """The runs that a reader finds, with the number of their events."""
    return {one.run.run_id: len(one.events) for one in archive.all_runs(instance, look.store, name)}


def reported(instance: dg.DagsterInstance, name: str) -> list[int]:
    """How often each asset was materialized, by Dagster."""
    filters = [dg.AssetRecordsFilter(asset_key=dg.AssetKey(one), asset_partitions=[name]) for one in ALL]
    return [len(instance.fetch_materializations(one, limit=100).records) for one in filters]


# Where the disk fails: Dagster's file, and the statement that it refuses.
FAILURES = {
    "the ledger's position": ("retention.db", "BEFORE INSERT ON projections"),
    "an asset in the middle": ("runs/index.db", "BEFORE INSERT ON event_logs WHEN NEW.asset_key = '[\"title\"]'"),
    "a run": ("runs.db", "BEFORE DELETE ON runs"),
    "the events of a run": ("runs/index.db", "BEFORE DELETE ON event_logs"),
    "the set of retired recordings": ("runs/index.db", "BEFORE INSERT ON dynamic_partitions"),
    "the partition": ("runs/index.db", "BEFORE DELETE ON dynamic_partitions"),
}


@pytest.mark.parametrize("where", FAILURES)
def test_the_next_night_finishes_what_a_failure_stopped(small: Small, tmp_path: Path, where: str) -> None:
    small.run(NAME, ["recording", "tracks"])
    small.run(NAME)
    look = retention(small.instance, tmp_path)
    known = readable_runs(small.instance, look, NAME)
    file, event = FAILURES[where]
    path = tmp_path / file if file == "retention.db" else tmp_path / "dagster" / "history" / file
    _ = look.ledger.position("RUN_SUCCESS")
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TRIGGER refuse {event} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")

    stopped = retire(look, NAME)
    assert stopped.failed
    assert NAME in stopped.failed
    assert readable_runs(small.instance, look, NAME) == known
    assert small.stale(NAME) == {}

    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER refuse")
    assert retire(look, NAME).failed is None
    assert readable_runs(small.instance, look, NAME) == known
    assert small.instance.get_runs() == []
    assert not any((tmp_path / "dagster" / "history" / "runs" / f"{run_id}.db").exists() for run_id in known)
    assert small.stale(NAME) == {}
    assert reported(small.instance, NAME) == [1] * len(ALL)
    with closing(sqlite3.connect(tmp_path / "dagster" / "history" / "runs.db")) as database:
        assert database.execute("SELECT count(*) FROM run_tags").fetchone() == (0,)
    assert [one.id for one in due(look)] == []


def test_an_archive_that_cannot_be_written_leaves_everything(small: Small, tmp_path: Path) -> None:
    for name in (NAME, OTHER):
        small.run(name)
    look = retention(small.instance, tmp_path)
    in_the_way = tmp_path / "data" / archive.key(NAME)
    in_the_way.mkdir()
    before = [record.storage_id for record in small.instance.get_run_records()]
    done = [look.apply(one) for one in due(look)]
    assert [(one.due.id, one.failed is None) for one in done] == [(NAME, False), (OTHER, True)]
    assert archive.NAME in (done[0].failed or "")
    assert [record.storage_id for record in small.instance.get_run_records()] == before[1:]
    in_the_way.rmdir()
    assert retire(look, NAME).failed is None


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b'{"runs": [{}]}', mtime=0)], ids=range(3))
def test_a_broken_archive_is_reported_and_nothing_is_deleted(small: Small, tmp_path: Path, content: bytes) -> None:
    small.run(NAME)
    look = retention(small.instance, tmp_path)
    look.store.write(archive.key(NAME), content)
    with pytest.raises(PermanentError, match=r"events.json.gz is not an archive of events"):
        archive.read(look.store, NAME)
    assert NAME in (retire(look, NAME).failed or "")
    assert len(small.instance.get_runs()) == 1


def test_nothing_is_requested_of_a_recording_that_comes_back(small: Small, tmp_path: Path) -> None:
    for name in (NAME, OTHER):
        small.run(name)
    assert small.settle() == []
    look = retention(small.instance, tmp_path)
    assert retire(look, NAME).failed is None
    assert small.settle() == []
    small.add(NAME)
    # Without a cursor, the sensor checks every recording.
    small.cursor = None
    assert small.settle() == []
    # What really changes is computed, and what depends on it.
    small.content["words", NAME] = "other words"
    small.run(NAME, ["words"])
    assert small.settle() == [(NAME, {"topics", "summary"}), (NAME, {"document"})]


def test_a_run_that_begins_meanwhile_stops_it(small: Small, tmp_path: Path) -> None:
    small.run(NAME)
    begun = small.instance.create_run_for_job(
        small.job(), tags={tags.PARTITION: NAME}, status=dg.DagsterRunStatus.STARTED
    )
    look = retention(small.instance, tmp_path)
    with pytest.raises(TransientError, match=begun.run_id):
        archiving.retire(small.instance, look.store, look.ledger, NAME)
    assert len(small.instance.get_runs()) == 2
    assert archive.read(look.store, NAME) == []


def test_what_was_stale_stays_stale(small: Small, tmp_path: Path) -> None:
    small.run(NAME)
    small.content["words"] = "other words"
    small.run(NAME, ["words"])
    small.run(NAME, ["topics"])
    small.code["title"] = "2"
    before = small.stale(NAME)
    assert set(before) == {"title", "summary", "document"}
    assert retire(retention(small.instance, tmp_path), NAME).failed is None
    assert small.stale(NAME) == before


def test_the_age_of_its_assets_stays(small: Small, tmp_path: Path) -> None:
    """Otherwise a change of code would reach recordings that are too old for it."""
    small.run(NAME)
    before = small.instance.get_latest_materialization_event(dg.AssetKey("recording"))
    assert before is not None
    retire(retention(small.instance, tmp_path), NAME)
    made = small.instance.get_latest_materialization_event(dg.AssetKey("recording"))
    assert made is not None
    assert made.asset_materialization is not None
    assert float((made.asset_materialization.tags or {})[tags.MADE_AT]) == pytest.approx(before.timestamp, abs=0.01)


def test_runs_that_earlier_versions_left_are_archived(small: Small, tmp_path: Path) -> None:
    for name in (NAME, OTHER):
        small.run(name)
    look = retention(small.instance, tmp_path)
    known = readable_runs(small.instance, look, NAME)
    small.instance.delete_dynamic_partition(RECORDINGS, NAME)
    [found] = [one for one in due(look) if one.id == NAME]
    assert (found.what, found.reason) == ("partition", "retired earlier, and older than 30 days")
    assert look.apply(found).failed is None
    assert readable_runs(small.instance, look, NAME) == known
    assert len(small.instance.get_runs()) == 1


def test_the_events_of_a_failure_are_read_from_the_archive(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        telling = Telling(instance, tmp_path / "data")
        telling.broken["title"] = 2
        telling.run(tags={tags.WILL_RETRY: "false"})
        telling.broken.clear()
        telling.run("title", "summary", "transcript", "webhook_delivery")
        look = retention(instance, tmp_path)
        look.store.write(f"recordings/{ID}/transcript.json", b"{}")
        before = telling.log().read()
        assert [event.data["value"] for event in before if event.event == "STATUS"].count("error") == 1
        assert retire(look, ID).failed is None
        assert telling.log().read() == before


def test_the_jobs_own_old_runs_are_deleted(small: Small) -> None:
    job: Any = schedule.job
    for _ in range(5):
        small.instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
    small.run(NAME)
    runs = [run.run_id for run in small.instance.get_runs()]
    delete_old_runs(small.instance, schedule.NAME, 3)
    assert [run.run_id for run in small.instance.get_runs()] == runs[:4]

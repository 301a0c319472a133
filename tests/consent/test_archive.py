"""A retired recording leaves Dagster but for what its assets last made; its history is read from the archive."""

import gzip
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.corrections.edits import SetTitle, Write
from domain.events import Event
from reflector_assets import definitions, partitions, staleness, tags
from reflector_assets.eventlog import archive, projections
from reflector_assets.eventlog.history import History
from reflector_assets.eventlog.overview import overview_of
from reflector_assets.eventlog.reader import RecordingLog
from reflector_assets.operations.retention import Done, Retention
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from resources.database.catalogue import Catalogue
from resources.database.corrections import CorrectionHistory
from resources.database.ledger import Entry, Ledger
from sensors import consents
from testing.daemon import open_instance
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment, new_instance
from tests.consent.world import World, world
from tests.domain.finished import finished

pytestmark = pytest.mark.slow(30)

DAY = 86400
RETIRED: dict[str, Any] = {"REFLECTOR_RETIRE_DAYS": 30}
MOST_KIB = 100


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, instance=new_instance(tmp_path / "instance")) as made:
        made.inbox.settle([1], "accepted")
        yield made


def retention(over: World, settings: dict[str, Any] = RETIRED) -> Retention:
    return Retention(
        over.instance,
        over.store,
        over.bucket,
        over.resources()["source"],
        over.inbox,
        ledger(over),
        Settings.model_validate(settings),
    )


def ledger(over: World) -> Ledger:
    return Ledger(database=over.inbox.database)


def apply(over: World, what: str, days: float = 31, settings: dict[str, Any] = RETIRED) -> Done:
    """Do the only thing that is due so many days from now."""
    look = retention(over, settings)
    [one] = look.due(time.time() + days * DAY)
    assert (one.id, one.what) == (over.id, what)
    return look.apply(one)


def retire(over: World) -> None:
    assert apply(over, "partition").failed is None


def trace(over: World) -> list[Any]:
    resources = over.resources()
    sources = over.inbox, over.consents, resources["deliveries"], resources["messages"]
    return History(over.instance, over.store, *sources).of(over.id)


def events(over: World) -> list[Event]:
    return RecordingLog(over.instance, over.store, over.id, read_delay=0.0).read()


def costs(over: World) -> list[Entry]:
    return sorted(entry for _, entry in ledger(over).entries())


def stale(over: World) -> dict[str, str]:
    found = staleness.states(over.instance, definitions.graph, over.id)
    return {state.asset: state.reason for state in found if state.reason}


def archived(over: World) -> str:
    """All that the archive says."""
    return gzip.decompress(over.store.read(archive.key(over.id))).decode()


def bytes_of(over: World) -> int:
    """The bytes of Dagster's files, without the space of deleted rows, which later ones take."""
    return sum(path.stat().st_size for path in files(over, "VACUUM"))


def files(over: World, *statements: str) -> list[Path]:
    """Dagster's files after statements in each of them, without write-ahead logs, as after the end of all processes."""
    folder = over.home / "instance"
    for path in folder.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            for statement in (*statements, "PRAGMA wal_checkpoint(TRUNCATE)"):
                database.execute(statement)
    return [path for path in folder.rglob("*") if path.is_file()]


def files_of(over: World, runs: list[str]) -> list[Path]:
    return [path for path in (over.home / "instance").rglob("*") if any(run in str(path) for run in runs)]


def test_its_history_events_and_costs_are_what_they_were(here: World) -> None:
    here.gpu.fail(1, 503, "later", retry_after=0)
    assert here.run().success
    here.consents.record(here.id, "somebody", given=True)
    assert here.run(["consent_cleanup"]).success
    before, reported = trace(here), events(here)
    runs = [run.run_id for run in here.instance.get_runs()]
    assert {path.suffix for path in files_of(here, runs)} >= {".db", ".err"}, "events and what steps print"
    assert projections.follow_runs(here.instance, ledger(here), settled_after=0)
    paid = costs(here)
    assert len(paid) >= len(definitions.graph.names())

    retire(here)
    assert files_of(here, runs) == []
    assert here.instance.get_runs() == []
    assert here.instance.get_dynamic_partitions(RECORDINGS) == []
    assert trace(here) == before
    assert events(here) == reported
    assert costs(here) == paid
    assert overview_of(here.instance, here.store, here.id).state == "ended"
    assert stale(here) == {}

    catalogue = Catalogue(database=here.inbox.database)
    projections.forget(catalogue, ledger(here))
    projections.read_archives(here.store, ledger(here))
    while not projections.catch_up(here.instance, here.store, catalogue, ledger(here)):
        pass
    assert costs(here) == paid
    [row] = catalogue.search("").items
    assert (row.recording_id, row.room) == (here.id, here.room)
    assert row.version is not None


def test_a_corrected_one_stays_as_it_is(here: World) -> None:
    history = CorrectionHistory(database=here.inbox.database)
    assert here.run().success
    history.add(here.id, [Write(start=0.0, end=0.0, text="Welcome")])
    assert here.run(["corrections", "merged_words", "transcript"]).success
    # What is corrected now, the words don't read.
    history.add(here.id, [SetTitle(title="Budget")])
    assert here.run(["corrections", "title", "transcript"]).success
    before = stale(here)
    assert "merged_words" not in before
    retire(here)
    assert stale(here) == before


def test_it_takes_little_of_dagsters_data(here: World) -> None:
    ids: list[str] = [here.id, *here.more(2)]
    here.inbox.settle([2, 3], "accepted")
    sizes: list[int] = []
    # The first one has made the tables and their first pages.
    for some in (ids[:1], ids[1:]):
        for recording_id in some:
            here.id = recording_id
            assert here.run().success
            retire(here)
        sizes.append(bytes_of(here))
    assert (sizes[1] - sizes[0]) / 2 < MOST_KIB * 1024
    archives = [here.store.stat(archive.key(one)).bytes for one in ids]
    assert max(archives) < 30 * 1024


def test_what_happens_to_it_later_is_archived_too(here: World) -> None:
    assert here.run().success
    retire(here)
    [first] = archive.read(here.store, here.id)
    here.instance.add_dynamic_partitions(RECORDINGS, [here.id])
    assert stale(here) == {}
    assert here.run(["title"]).success
    [second] = here.instance.get_runs()
    before, reported = trace(here), events(here)
    assert {entry.run_id for entry in before if entry.run_id} == {first.run.run_id, second.run_id}
    retire(here)
    assert [one.run.run_id for one in archive.read(here.store, here.id)] == [first.run.run_id, second.run_id]
    assert (trace(here), events(here)) == (before, reported)
    assert stale(here) == {}


def test_it_is_retired_once_its_audio_is_deleted(here: World) -> None:
    assert here.run().success
    both = RETIRED | {"PUBLIC_DATA_RETENTION_DAYS": 90}
    assert list(retention(here, both).due(time.time() + 89 * DAY)) == []
    in_the_way = here.home / "daily" / here.keys[0]
    in_the_way.unlink()
    in_the_way.mkdir()
    assert apply(here, "audio", 91, both).failed
    in_the_way.rmdir()
    assert apply(here, "audio", 91, both).failed is None
    assert here.sound() == []
    assert apply(here, "partition", 91, both).failed is None
    assert list(retention(here, both).due(time.time() + 1e4 * DAY)) == []


def test_audio_of_retired_recordings_is_deleted_where_that_is_wanted_later(here: World) -> None:
    assert here.run().success
    retire(here)
    assert len(here.sound()) == 7
    assert apply(here, "audio", 91, {"PUBLIC_DATA_RETENTION_DAYS": 90}).objects == 7
    assert here.sound() == []
    assert archive.read(here.store, here.id), "the audio's age says nothing about the events"


def test_a_later_denial_erases_the_archive(here: World) -> None:
    assert here.run().success
    transcript = json.loads(here.store.read(here.key("transcript.json")))
    words = [transcript["title"], transcript["segments"][0]["text"][:40]]
    retire(here)
    assert all(word in archived(here) for word in words)
    # What a process left that was killed while it wrote.
    here.store.write(here.key(".writing-1.gz"), here.store.read(archive.key(here.id)))

    here.deny()
    sensor = consents.build("process", definitions.graph, Settings.model_validate({}))
    resources = {name: getattr(here, name) for name in ("consents", "daily_api", "old_meetings")}
    with dg.build_sensor_context(instance=here.instance, resources=resources) as context:
        asked: Any = sensor(context)
    assert [request.partition_key for request in asked.run_requests] == [here.id]
    here.instance.add_dynamic_partitions(RECORDINGS, [here.id])
    assert here.run(["consent_cleanup"]).success
    assert here.sound() == []
    assert [key for key in here.store.list_remnants(here.key("")) if key.endswith(".gz")] == []
    retire(here)
    assert len(archive.read(here.store, here.id)) == 1
    left = {path: path.read_bytes() for path in files(here)}
    assert [path for path, content in left.items() for word in words if word.encode() in content] == []
    assert not any(word in archived(here) for word in words)


def test_an_earlier_denial_leaves_nothing_to_archive_that_quotes_the_meeting(here: World) -> None:
    assert here.run().success
    title = json.loads(here.store.read(here.key("transcript.json")))["title"]
    here.deny()
    assert here.run(["consent_cleanup"]).success
    retire(here)
    assert len(archive.read(here.store, here.id)) == 1
    assert title not in archived(here)


def test_the_commands_go_on(deployment: Deployment) -> None:
    deployment.reflector("import", str(SAMPLE))
    deployment.reflector("run", SAMPLE_ID, "--select", "recording")
    (deployment.folder(SAMPLE_ID) / "transcript.json").write_text(finished(SAMPLE_ID).model_dump_json())
    before = [deployment.json("trace", SAMPLE_ID), deployment.json("costs", SAMPLE_ID)]
    old = {tags.MADE_AT: str(time.time() - 31 * DAY)}
    with open_instance(deployment) as instance:
        # As one that came back: its assets are as old as they were.
        instance.add_dynamic_partitions(partitions.RETIRED, [SAMPLE_ID])
        instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=SAMPLE_ID, tags=old))
    deployment.env |= {"REFLECTOR_RETIRE_DAYS": "30"}
    [due] = deployment.json("retention", "--apply")["due"]
    assert (due["id"], due["what"], due["failed"]) == (SAMPLE_ID, "partition", None)
    assert deployment.json("retention") == {"applied": False, "due": []}
    assert deployment.json("list") == []
    [row] = deployment.json("list", "--all")
    assert (row["id"], row["state"], row["run_id"]) == (SAMPLE_ID, "retired", None)
    assert deployment.json("show", SAMPLE_ID)["title"] == row["title"]
    assert [deployment.json("trace", SAMPLE_ID), deployment.json("costs", SAMPLE_ID)] == before
    assert deployment.json("costs", SAMPLE_ID, "--rebuild") == before[1]

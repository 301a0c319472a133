"""What PostgreSQL shows after something of a higher number: a writer that takes its number first and commits last."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets import tags
from reflector_assets.operations import refresh
from reflector_assets.settings.main import Settings
from resources.database.consents import Consents
from resources.database.database import Database
from sensors.changes import Cursor, changed_recordings
from testing import PATIENCE_S
from testing.daemon import until
from testing.parts.postgres import Postgres
from tests.scenarios.small import Small

pytestmark = pytest.mark.slow

EARLY, LATE = "early", "belated"
LOCK = 1
# PostgreSQL gives the number before it asks the trigger, which waits as long as another session holds the lock.
SLOW = f"""
CREATE FUNCTION be_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW::text LIKE '%{LATE}%' THEN PERFORM pg_advisory_xact_lock({LOCK}); END IF;
    RETURN NEW;
END $$;
"""
WAITS = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
TRIGGER = "CREATE TRIGGER late BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION be_late();"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def instance(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with postgres.dagster(tmp_path_factory.mktemp("dagster")) as opened:
        # Dagster makes its tables when they are first used.
        opened.get_dynamic_partitions("recordings")
        make_late(postgres, "reflector", "event_logs", "dynamic_partitions")
        yield opened


def make_late(postgres: Postgres, database: str, *tables: str) -> None:
    with closing(postgres.connect(database)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SLOW + "".join(TRIGGER.format(table=table) for table in tables))


@contextmanager
def writing(
    postgres: Postgres, database: str, write: Callable[[], object], seconds: float | None = None
) -> Iterator[None]:
    """A write that has its number and commits at the end of the block, or `seconds` after its beginning."""
    thread = threading.Thread(target=write)
    with closing(postgres.connect(database)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"SELECT pg_advisory_lock({LOCK})")

        def waits() -> bool:
            cursor.execute(WAITS)
            return cursor.rowcount > 0

        def unlock() -> None:
            cursor.execute(f"SELECT pg_advisory_unlock({LOCK})")

        thread.start()
        try:
            until(waits, what="the late write")
            timer = threading.Timer(PATIENCE_S if seconds is None else seconds, unlock)
            timer.start()
            yield
            timer.cancel()
        finally:
            unlock()
            thread.join()


def fail(instance: dg.DagsterInstance, recording_id: str) -> None:
    run = dg.DagsterRun(job_name="process", tags={tags.PARTITION: recording_id}, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.report_run_failed(run, f"{recording_id} failed")


def add(instance: dg.DagsterInstance, recording_id: str) -> None:
    instance.add_dynamic_partitions("recordings", [recording_id])


def replace(instance: dg.DagsterInstance, recording_id: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("recording", partition=recording_id))


@pytest.mark.parametrize("write", [add, fail, refresh.request, replace])
def test_the_sensor_reads_what_appears_behind_a_higher_number(
    postgres: Postgres,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    write: Callable[[dg.DagsterInstance, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However long the late write is waited for here, the sensor hasn't gone past it.
    monkeypatch.setattr("sensors.changes.COMMIT_LAG_S", PATIENCE_S)
    graph, cursor = Small(instance, tmp_path).graph(), Cursor()

    def look() -> list[str]:
        return list(changed_recordings(instance, cursor, graph, Settings.model_validate({})))

    while look():
        pass
    with writing(postgres, "reflector", lambda: write(instance, LATE)):
        write(instance, EARLY)
        assert look() == [EARLY]
    assert look() == [LATE]
    assert look() == []
    monkeypatch.setattr("sensors.changes.COMMIT_LAG_S", 0.0)
    assert look() == []
    reads = (cursor.partitions, cursor.sources, cursor.requests, *cursor.ends.values())
    assert [read.ahead for read in reads] == [[]] * len(reads)
    assert look() == []


def test_a_statement_of_consent_waits_for_one_that_has_its_number(postgres: Postgres) -> None:
    consents = Consents(database=Database(url=postgres.create_database("consents")))
    assert consents.after(0) == []
    make_late(postgres, "consents", "consents")
    # The other statement, or whoever reads, waits for it: it can't be held until the end of the block.
    with writing(postgres, "consents", lambda: consents.record(LATE, "Ada", given=False), seconds=1):
        consents.record(EARLY, "Ada", given=True)
        read = consents.after(0)
    last = max(one.seq for one in read)
    assert [one.meeting_id for one in [*read, *consents.after(last)]] == [LATE, EARLY]

"""The embedded storage: Dagster's files, few connections, safe over forks and kills."""

# pyright: basic

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine.interfaces import CacheStats

ROOT = Path(__file__).parents[2]
EMBEDDED = "{custom: {module: reflector_assets.runtime.embedded_storage, class: EmbeddedStorage, config: %s}}"
SQLITE = "{sqlite: %s}"
PARTITIONS = dg.DynamicPartitionsDefinition(name="recordings")


@dg.asset(partitions_def=PARTITIONS)
def first(context: dg.AssetExecutionContext) -> None:
    """Do nothing."""
    context.log.info("begun")


@dg.asset(partitions_def=PARTITIONS, deps=[first])
def second() -> None:
    """Do nothing after the first."""


@contextmanager
def opened(folder: Path, storage: str) -> Iterator[dg.DagsterInstance]:
    """Open an instance whose files are in a folder."""
    config = storage % f"{{base_dir: {folder / 'files'}}}"
    (folder / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\nstorage: {config}\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, key: str) -> str:
    """Materialize both assets and return the run's id."""
    instance.add_dynamic_partitions("recordings", [key])
    result = dg.materialize([first, second], instance=instance, partition_key=key)
    assert result.success
    return result.run_id


def state(instance: dg.DagsterInstance) -> dict[str, object]:
    """What the instance knows: runs with their events, partitions, materializations."""
    made = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=second.key), limit=10).records
    return {
        "runs": {
            one.run_id: [entry.event_log_entry.message for entry in instance.get_records_for_run(one.run_id).records]
            for one in instance.get_runs()
        },
        "partitions": instance.get_dynamic_partitions("recordings"),
        "made": [(record.storage_id, record.partition_key) for record in made],
    }


@pytest.mark.parametrize(("before", "after"), [(SQLITE, EMBEDDED), (EMBEDDED, SQLITE)])
def test_the_files_are_dagsters_own(tmp_path: Path, before: str, after: str) -> None:
    with opened(tmp_path, before) as instance:
        run(instance, "a")
        known = state(instance)
    with opened(tmp_path, after) as instance:
        assert state(instance) == known
        run(instance, "b")
        assert len(state(instance)["runs"]) == 2  # pyright: ignore[reportArgumentType] - a dictionary
        instance.delete_run(instance.get_runs(limit=1)[0].run_id)
        assert len(instance.get_runs()) == 1


def test_a_run_opens_few_connections(tmp_path: Path) -> None:
    made: list[object] = []
    with opened(tmp_path, EMBEDDED) as instance:
        run(instance, "a")
        event.listen(sa.Engine, "connect", lambda *one: made.append(one))
        run(instance, "b")
    assert 1 <= len(made) <= 6, "Dagster's own storage opens hundreds"


def test_a_run_compiles_no_statement_that_another_one_did(tmp_path: Path) -> None:
    compiled: list[str] = []

    def count(
        _connection: object, _cursor: object, statement: str, _values: object, context: object, _many: bool
    ) -> None:
        if getattr(context, "cache_hit", None) is CacheStats.CACHE_MISS:
            compiled.append(statement)

    with opened(tmp_path, EMBEDDED) as instance:
        run(instance, "a")
        event.listen(sa.Engine, "before_cursor_execute", count)
        try:
            # Its events are in a file of their own.
            run(instance, "b")
        finally:
            event.remove(sa.Engine, "before_cursor_execute", count)
    assert compiled == []


def test_an_instance_of_an_existing_database_reads_no_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, EMBEDDED) as instance:
        run(instance, "a")
        known = state(instance)
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: pytest.fail("it takes 40 ms of CPU time"))
    with opened(tmp_path, EMBEDDED) as instance:
        assert state(instance) == known
        assert instance.all_instigator_state() == []


@pytest.mark.parametrize("name", ["history/runs.db", "schedules/schedules.db"])
def test_a_database_that_was_left_half_made_gets_its_tables(tmp_path: Path, name: str) -> None:
    path = tmp_path / "files" / name
    path.parent.mkdir(parents=True)
    sqlite3.connect(path).execute("CREATE TABLE alembic_version (version_num VARCHAR(32))").connection.close()
    with opened(tmp_path, EMBEDDED) as instance:
        run(instance, "a")
        assert instance.all_instigator_state() == []


@pytest.mark.slow
def test_a_process_that_ends_leaves_no_write_ahead_log(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from tests.runtime.test_embedded_storage import EMBEDDED, opened, run\n"
        f"with opened(Path({str(tmp_path)!r}), EMBEDDED) as instance:\n"
        "    run(instance, 'a')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    files = [path.name for path in (tmp_path / "files").rglob("*")]
    assert "index.db" in files
    assert not [name for name in files if name.endswith(("-wal", "-shm"))]


def test_a_forked_process_opens_its_own_connections(tmp_path: Path) -> None:
    with opened(tmp_path, EMBEDDED) as instance:
        run(instance, "a")
        if (child := os.fork()) == 0:
            try:
                instance.add_dynamic_partitions("recordings", ["child"])
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        run(instance, "b")
        assert set(instance.get_dynamic_partitions("recordings")) == {"a", "b", "child"}


def test_a_run_log_that_was_left_half_made_gets_its_tables(tmp_path: Path) -> None:
    with opened(tmp_path, EMBEDDED) as instance:
        run_id = run(instance, "a")
        log = tmp_path / "files" / "history" / "runs" / f"{run_id}.db"
    for path in log.parent.glob(f"{run_id}*"):
        path.unlink()
    log.touch()
    with opened(tmp_path, EMBEDDED) as instance:
        assert instance.get_records_for_run(run_id).records == []


@pytest.mark.slow
def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """Partitions and runs that a process reported as stored are there after its SIGKILL."""
    with opened(tmp_path, EMBEDDED):
        pass
    code = (
        "import dagster as dg, itertools, sys\n"
        f"instance = dg.DagsterInstance.from_config({str(tmp_path)!r})\n"
        "for number in itertools.count():\n"
        "    instance.add_dynamic_partitions('recordings', [str(number)])\n"
        "    instance.report_engine_event(f'event {number}', run_id='0a0a0a0a', job_name='job')\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while int(line := process.stdout.readline()) < 20:
        pass
    process.send_signal(signal.SIGKILL)
    stored = max(int(line), *(int(rest) for rest in process.stdout.read().split("\n")[:-1] if rest), 0)
    process.wait()
    process.stdout.close()
    with opened(tmp_path, EMBEDDED) as instance:
        assert set(map(str, range(stored + 1))) <= set(instance.get_dynamic_partitions("recordings"))
        records = instance.get_records_for_run("0a0a0a0a").records
        messages = {logged.message for one in records if (logged := one.event_log_entry.dagster_event)}
        assert {f"event {number}" for number in range(stored + 1)} <= messages

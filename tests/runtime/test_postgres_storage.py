"""Dagster's PostgreSQL with kept connections: few are opened, broken ones are replaced, a fork takes none along."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import event

from reflector_assets.eventlog import archive
from reflector_assets.operations.archiving import retire
from resources.database.ledger import Ledger
from testing.parts.postgres import Postgres
from tests.consent.world import world
from tests.runtime.connection_jobs import QUERIES, in_process, in_worker, opened

pytestmark = pytest.mark.slow(15)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def new_instance(tmp_path: Path, postgres: Postgres) -> Iterator[Callable[[], dg.DagsterInstance]]:
    """Open the server's instance once more."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(postgres.dagster(tmp_path))


def opened_by_step(result: dg.JobExecutionResult) -> int:
    """Return how many connections the step reports."""
    [found] = [
        one.step_output_data.metadata["connections"].value
        for one in result.events_for_node("queries")
        if one.event_type == dg.DagsterEventType.STEP_OUTPUT
    ]
    return int(str(found))


def test_a_process_opens_few_connections(new_instance: Callable[[], dg.DagsterInstance]) -> None:
    first = new_instance()
    first.get_runs_count()
    with opened() as connections:
        for _ in range(QUERIES):
            assert new_instance().get_runs_count() == first.get_runs_count()
    assert len(connections) == 0


@pytest.mark.parametrize("job", [in_process, in_worker])
def test_a_step_opens_none(new_instance: Callable[[], dg.DagsterInstance], job: dg.JobDefinition) -> None:
    with dg.execute_job(dg.reconstructable(job), new_instance()) as result:
        assert result.success
        assert opened_by_step(result) == 0


def test_the_schema_is_looked_up_once_by_all_instances_of_a_process(
    new_instance: Callable[[], dg.DagsterInstance],
) -> None:
    storage: Any = new_instance().event_log_storage
    other: Any = new_instance().event_log_storage
    statements: list[str] = []
    event.listen(storage._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    found = [storage.has_table("none"), storage.has_table("event_logs"), other.has_table("event_logs")]
    assert (found, len(statements)) == ([False, True, True], 2)


def test_a_kept_connection_is_replaced_when_the_server_was_restarted(
    new_instance: Callable[[], dg.DagsterInstance], postgres: Postgres
) -> None:
    instance = new_instance()
    before = instance.get_runs_count(), instance.get_dynamic_partitions("none")
    postgres.stop(signal.SIGQUIT)
    postgres.start()
    assert (instance.get_runs_count(), instance.get_dynamic_partitions("none")) == before


def test_a_forked_process_leaves_the_connections_to_its_parent(new_instance: Callable[[], dg.DagsterInstance]) -> None:
    instance = new_instance()
    before = instance.get_runs_count()
    if (pid := os.fork()) == 0:
        with opened() as connections:
            instance.get_runs_count()
        os._exit(0 if len(connections) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with opened() as connections:
        assert instance.get_runs_count() == before
    assert connections == []


def test_a_retired_recording_takes_little_space(tmp_path: Path, postgres: Postgres) -> None:
    with world(tmp_path / "world", instance=postgres.dagster(tmp_path)) as here:
        ledger, sizes = Ledger(database=here.inbox.database), list[int]()
        # The first one has made the tables' first pages.
        ids: list[str] = [here.id, *here.more(2)]
        for recording_id in ids:
            here.id = recording_id
            assert here.run().success
            [run] = archive.live(here.instance, recording_id)
            retire(here.instance, here.store, ledger, recording_id)
            assert archive.live(here.instance, recording_id) == []
            assert [one.events for one in archive.read(here.store, recording_id)] == [run.events]
            sizes.append(bytes_of_tables(postgres))
    assert (sizes[-1] - sizes[0]) / 2 < 100 * 1024


def bytes_of_tables(postgres: Postgres) -> int:
    """Return the size of tables and indexes without the space of deleted rows, which later ones take."""
    connection = postgres.connect("reflector")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL")
        cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables")
        [size] = cursor.fetchone()
    connection.close()
    return int(size)

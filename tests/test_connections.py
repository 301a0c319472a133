"""Connections to Dagster's PostgreSQL: a run opens few, and those that are kept survive a restart of the server."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets.runtime.connection_pool import pool_connections
from testing.parts.postgres import Postgres
from tests.connection_jobs import OFTEN, in_processes, kept, opened, plain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def new_instance(tmp_path: Path, postgres: Postgres) -> Iterator[Callable[[], dg.DagsterInstance]]:
    """Open the server's instance once more: none knows what another one keeps."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(postgres.dagster(tmp_path))


def said(result: dg.JobExecutionResult) -> int:
    """How many connections the step opened, as it says."""
    [found] = [
        event.step_output_data.metadata["connections"].value
        for event in result.events_for_node("asks")
        if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    ]
    return int(str(found))


def test_a_run_opens_few_connections(new_instance: Callable[[], dg.DagsterInstance]) -> None:
    with opened() as by_dagster, dg.execute_job(dg.reconstructable(plain), new_instance()) as result:
        assert said(result) >= OFTEN
    with opened() as by_us, dg.execute_job(dg.reconstructable(kept), new_instance()) as result:
        assert said(result) == 0
    assert len(by_us) * 2 < len(by_dagster)


def test_so_does_a_step_in_a_process_of_its_own(new_instance: Callable[[], dg.DagsterInstance]) -> None:
    with dg.execute_job(dg.reconstructable(in_processes), new_instance()) as result:
        assert result.success
        assert said(result) == 0


def test_a_kept_connection_is_replaced_when_the_server_was_restarted(
    new_instance: Callable[[], dg.DagsterInstance], postgres: Postgres
) -> None:
    instance = new_instance()
    pool_connections(instance)
    with opened() as connections:
        before = instance.get_runs_count(), instance.get_dynamic_partitions("none")
        assert connections == []
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        assert (instance.get_runs_count(), instance.get_dynamic_partitions("none")) == before
        assert len(connections) == 2


def test_an_old_connection_is_replaced(
    new_instance: Callable[[], dg.DagsterInstance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reflector_assets.runtime.connection_pool.MAX_AGE_S", 0)
    instance = new_instance()
    pool_connections(instance)
    with opened() as connections:
        instance.get_runs_count()
    assert len(connections) == 1


def test_where_there_is_no_postgresql_nothing_changes(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        pool_connections(instance)
        assert instance.get_runs_count() == 0

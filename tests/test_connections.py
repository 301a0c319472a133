"""Connections to Dagster's PostgreSQL: a run opens few, and those that are kept survive a restart of the server."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets.connections import keep
from tests.connection_jobs import OFTEN, in_processes, kept, opened, plain
from tests.parts.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


class Instances:
    """Dagster instances on the server's database, one in a test for each time it asks."""

    def __init__(self, stack: ExitStack, home: Path, url: str) -> None:
        self._stack, self._home = stack, home
        text = f"telemetry: {{enabled: false}}\nstorage: {{postgres: {{postgres_url: '{url}'}}}}\n"
        (home / "dagster.yaml").write_text(text)

    def new(self) -> dg.DagsterInstance:
        return self._stack.enter_context(dg.DagsterInstance.from_config(str(self._home)))


@pytest.fixture
def instances(tmp_path: Path, postgres: Postgres) -> Iterator[Instances]:
    with ExitStack() as stack:
        yield Instances(stack, tmp_path, postgres.url)


def said(result: dg.JobExecutionResult) -> int:
    """How many connections the step opened, as it says."""
    [found] = [
        event.step_output_data.metadata["connections"].value
        for event in result.events_for_node("asks")
        if event.event_type == dg.DagsterEventType.STEP_OUTPUT
    ]
    return int(str(found))


def test_a_run_opens_few_connections(instances: Instances) -> None:
    with opened() as by_dagster, dg.execute_job(dg.reconstructable(plain), instances.new()) as result:
        assert said(result) >= OFTEN
    with opened() as by_us, dg.execute_job(dg.reconstructable(kept), instances.new()) as result:
        assert said(result) == 0
    assert len(by_us) * 2 < len(by_dagster)


def test_so_does_a_step_in_a_process_of_its_own(instances: Instances) -> None:
    with dg.execute_job(dg.reconstructable(in_processes), instances.new()) as result:
        assert result.success
        assert said(result) == 0


def test_a_kept_connection_is_replaced_when_the_server_was_restarted(instances: Instances, postgres: Postgres) -> None:
    instance = instances.new()
    keep(instance)
    with opened() as connections:
        before = instance.get_runs_count(), instance.get_dynamic_partitions("none")
        assert connections == []
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        assert (instance.get_runs_count(), instance.get_dynamic_partitions("none")) == before
        assert len(connections) == 2


def test_an_old_connection_is_replaced(instances: Instances, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reflector_assets.connections.OLDEST_S", 0)
    instance = instances.new()
    keep(instance)
    with opened() as connections:
        instance.get_runs_count()
    assert len(connections) == 1


def test_where_there_is_no_postgresql_nothing_changes(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        keep(instance)
        assert instance.get_runs_count() == 0

"""A run that had ended when its process started: the process learns it, and the run stays as it ended."""

from collections.abc import Iterator

import dagster as dg
import pytest

from reflector_assets.runtime.run_end import ended_elsewhere


@dg.job  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def empty() -> None:
    """Do nothing."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        yield instance


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_the_start_of_a_slow_process_does_not_revive_an_ended_run(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTING)
    assert not ended_elsewhere(instance, run.run_id)
    end = instance.report_run_failed if status == dg.DagsterRunStatus.FAILURE else instance.report_run_canceled
    end(run)
    began = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name, message="started too late")
    instance.report_dagster_event(began, run.run_id)
    revived = instance.get_run_by_id(run.run_id)
    assert revived
    assert revived.status == dg.DagsterRunStatus.STARTED
    assert ended_elsewhere(instance, run.run_id)
    restored = instance.get_run_by_id(run.run_id)
    assert restored
    assert restored.status == status

"""Steps in workers: reused within a run, replaced where needed, interrupted, and never left behind."""

# pyright: basic

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from reflector_assets.runtime.dagster_internals.steps import RetryMode
from reflector_assets.runtime.warm_process import ADDRESS
from reflector_assets.runtime.worker import Ended, Run, Worker
from reflector_assets.runtime.worker_executor import Workers
from testing import PATIENCE_S
from testing.daemon import until
from testing.deployment import ROOT
from testing.processes import named
from tests.runtime import worker_jobs

pytestmark = pytest.mark.slow(30)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: dg.JobDefinition) -> tuple[dg.JobExecutionResult, dict[str, int]]:
    """Execute a job; return the result and the process of each step that succeeded."""
    with dg.execute_job(dg.reconstructable(job), instance) as result:
        pids = {
            str(event.step_key): int(str(event.step_output_data.metadata["pid"].value))
            for event in result.all_events
            if event.is_successful_output and "pid" in event.step_output_data.metadata
        }
        return result, pids


def test_a_worker_executes_one_step_after_the_other(instance: dg.DagsterInstance) -> None:
    result, pids = run(instance, worker_jobs.chain)
    assert result.success
    assert len(set(pids.values())) == 1
    assert os.getpid() not in pids.values()


def test_a_worker_makes_the_job_once(instance: dg.DagsterInstance) -> None:
    # With the folder: a dependency installs a package "tests", too.
    job = dg.build_reconstructable_job(
        worker_jobs.__name__, worker_jobs.made.__name__, reconstructor_working_directory=str(ROOT)
    )
    with dg.execute_job(job, instance) as result:
        assert result.success
        outputs = [event.step_output_data for event in result.all_events if event.is_successful_output]
    counts = [output.metadata["made"].value for output in outputs if "made" in output.metadata]
    assert counts == [1, 1]


def test_a_step_wakes_its_run_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    receive = Worker.receive

    def counted(worker: Worker) -> Ended | None:
        end = receive(worker)
        ended.append(end is not None)
        return end

    monkeypatch.setattr(Worker, "receive", counted)
    result, _ = run(instance, worker_jobs.chain)
    assert result.success
    assert ended.count(True) == 3
    # With its process id, a worker is ready.
    assert ended.count(False) <= 1


def test_a_worker_that_holds_much_memory_is_replaced(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For a warm process of its own.
    monkeypatch.delenv(ADDRESS, raising=False)
    monkeypatch.setenv("REFLECTOR_WORKER_MEMORY", "400")
    result, pids = run(instance, worker_jobs.growing)
    assert result.success
    assert pids["first"] == pids["grows"] != pids["third"]


def test_a_killed_worker_costs_an_attempt_even_if_its_child_lives_on(instance: dg.DagsterInstance) -> None:
    result, _ = run(instance, worker_jobs.killed)
    try:
        assert result.success
        crashes = [
            event.message for event in result.all_events if "terminated by signal 9 (SIGKILL)" in (event.message or "")
        ]
        assert len(crashes) == 1
        [retry] = [event for event in result.all_events if event.is_step_up_for_retry]
        assert retry.step_key == "killed_once"
    finally:
        for process in left_over():
            process.kill()


def left_over() -> list[psutil.Process]:
    """Return orphans that this module's jobs have forked."""
    orphans = []
    for process in psutil.process_iter():
        try:
            if process.name() == "reflector-step" and process.ppid() == 1:
                orphans.append(process)
        except psutil.NoSuchProcess:
            pass
    return orphans


def test_a_step_that_fails_leaves_the_others_alone(instance: dg.DagsterInstance) -> None:
    result, pids = run(instance, worker_jobs.failing)
    assert not result.success
    assert set(pids) == {"first", "third"}
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "fails"
    assert "no such thing" in str(failure.step_failure_data.error)


def test_a_worker_that_ends_after_its_step_costs_nothing(instance: dg.DagsterInstance) -> None:
    result, pids = run(instance, worker_jobs.dying)
    assert result.success
    assert pids["dies_after_its_end"] != pids["third"]
    assert [event for event in result.all_events if event.is_step_up_for_retry] == []


def test_a_worker_that_is_killed_before_its_first_step_is_replaced(instance: dg.DagsterInstance) -> None:
    job = dg.reconstructable(worker_jobs.chain)
    started = Run(job, instance.create_run_for_job(worker_jobs.chain), {}, instance.get_ref(), RetryMode.ENABLED, None)
    before = set(steps_of_this())
    with Workers(started) as workers:
        workers.start_one()
        [process] = until(lambda: set(steps_of_this()) - before)
        process.kill()
        process.wait()
        taken = workers.take("any")
        assert taken.is_new
        assert taken.is_alive()
        assert until(lambda: set(steps_of_this()) - before) != {process}


def steps_of_this() -> list[psutil.Process]:
    """Return the living workers of this process."""
    return named(psutil.Process().children(recursive=True), "reflector-step")


def test_a_resource_is_initialized_once_in_a_worker_and_finalized_at_its_end(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    finalized = tmp_path / "finalized"
    config = {"resources": {"opened": {"config": {"finalized": str(finalized)}}}}
    with dg.execute_job(dg.reconstructable(worker_jobs.resourceful), instance, run_config=config) as result:
        shown = [result.output_for_node(step) for step in ("earlier", "later")]
        started = {event.step_key for event in result.all_events if event.event_type_value == "RESOURCE_INIT_STARTED"}
    assert shown[0] == shown[1]
    assert "earlier" in started
    assert "later" not in started
    until(finalized.exists)


def test_without_its_warm_process_a_run_starts_another_one(instance: dg.DagsterInstance) -> None:
    result, pids = run(instance, worker_jobs.orphaned)
    assert result.success
    assert pids["kills_all"] != pids["first"]


def test_an_interrupted_run_ends_its_steps(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    program = (
        "import dagster as dg\nfrom tests.runtime.worker_jobs import waiting\n"
        "with dg.DagsterInstance.get() as instance, dg.execute_job(dg.reconstructable(waiting), instance): pass"
    )
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    with (
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        ) as process,
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        [record] = until(instance.get_runs)
        until(
            lambda: (
                instance.all_logs(record.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
                and worker_jobs.WAITING in [entry.user_message for entry in instance.all_logs(record.run_id)]
            ),
            what="one step that has ended and one that waits",
        )
        workers = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(PATIENCE_S)
        [ended] = instance.get_runs()
        assert ended.status == dg.DagsterRunStatus.FAILURE
        failures = instance.all_logs(record.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        assert [entry.step_key for entry in failures] == ["waits"]
        assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []

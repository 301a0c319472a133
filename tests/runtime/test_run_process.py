"""The process of a run: it ends with the run, and is taken for dead only by one that would see it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets import tags
from reflector_assets.operations import orphaned_runs
from reflector_assets.runtime.process_identity import ProcessIdentity
from reflector_assets.runtime.run_process import ended_elsewhere, process_tag
from testing.deployment import new_instance


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


@pytest.fixture
def ended_process() -> ProcessIdentity:
    """A process of this host that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return ProcessIdentity.own()._replace(pid=process.pid)


ELSEWHERE = [{"host": "another"}, {"namespace": "pid:[1]"}, {"host": "another", "boot": "another"}]


def end_orphaned(folder: Path, process: ProcessIdentity, run_id: str | None = None) -> bool:
    with new_instance(folder) as instance:
        run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED)
        instance.add_run_tags(run.run_id, {tags.PROCESS: f"{run_id or run.run_id} {process}"})
        instance.report_engine_event("Executing steps", run)
        return orphaned_runs.end_orphaned(instance, instance.get_runs()) == [run.run_id]


def test_a_process_that_is_gone_ends_its_run(tmp_path: Path, ended_process: ProcessIdentity) -> None:
    assert end_orphaned(tmp_path, ended_process)


def test_a_process_that_ended_with_its_host_ends_its_run(tmp_path: Path) -> None:
    assert end_orphaned(tmp_path, ProcessIdentity.own()._replace(boot="earlier"))


def test_a_process_that_has_the_id_of_an_ended_one_is_another(tmp_path: Path) -> None:
    assert end_orphaned(tmp_path, ProcessIdentity.own()._replace(started="1"))


def test_a_process_that_lives_keeps_its_run(tmp_path: Path) -> None:
    assert not end_orphaned(tmp_path, ProcessIdentity.own())


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_process_elsewhere_keeps_its_run_until_it_is_silent(
    tmp_path: Path, ended_process: ProcessIdentity, place: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = ended_process._replace(**place)
    assert not end_orphaned(tmp_path / "at once", process)
    monkeypatch.setattr(orphaned_runs, "SILENT_S", 0.0)
    assert end_orphaned(tmp_path / "later", process)


def test_a_retry_is_not_taken_for_the_run_whose_tags_it_has(tmp_path: Path, ended_process: ProcessIdentity) -> None:
    assert not end_orphaned(tmp_path, ended_process, run_id="the run before")


def test_the_tag_names_the_process_and_the_run() -> None:
    run_id, _, process = process_tag("a-run").partition(" ")
    assert run_id == "a-run"
    assert ProcessIdentity.parse(process) == ProcessIdentity.own()
    assert ProcessIdentity.parse("1234") is None

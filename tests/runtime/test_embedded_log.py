"""Partitions and runs read from the files of Dagster's storage: the same as Dagster reads."""

# pyright: basic

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from reflector_assets.eventlog import states
from reflector_assets.eventlog.overview import DagsterLog
from reflector_assets.runtime.dagster_internals import embedded_log
from reflector_assets.runtime.dagster_internals.embedded_log import EmbeddedLog
from testing.deployment import ROOT, deploy
from tests.scenarios.small import Small

pytestmark = pytest.mark.slow(12)

NEW, DONE, AGAIN, BROKEN, KILLED, WHOLE, BUSY, CANCELED, REDUNDANT = NAMES = [
    *("new", "done", "again", "broken", "killed", "whole", "busy", "canceled", "redundant")
]


@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="recordings"))
def failing() -> None:
    """Fail as our steps do."""
    raise dg.Failure("a plain reason")


def report(instance: dg.DagsterInstance, job: dg.JobDefinition, name: str, kind: str, message: str = "") -> None:
    """Create a run that was started and then ended by Dagster's daemon."""
    run = instance.create_run_for_job(job, tags={"dagster/partition": name}, status=dg.DagsterRunStatus.STARTED)
    if message:
        instance.report_engine_event(message, run)
    instance.report_run_canceled(run) if kind == "canceled" else instance.report_run_failed(run, "the process is gone")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A recording of each state and kind of failure."""
    home = tmp_path / "instance"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        small = Small(instance, tmp_path)
        small.add(*NAMES)
        for name in (DONE, WHOLE):
            small.run(name, ["recording", "tracks"])
        small.broken.add("tracks")
        for name in (AGAIN, BROKEN):
            small.run(name, ["recording", "tracks"])
        small.broken.clear()
        small.run(AGAIN, ["recording", "tracks"])
        # Killed after its last step.
        done = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": WHOLE}))[0]
        instance.report_run_failed(done, "the process is gone")
        report(instance, small.job(), KILLED, "failed", "the step's process was terminated by signal 9 (SIGKILL).")
        report(instance, small.job(), CANCELED, "canceled")
        instance.create_run_for_job(
            small.job(), tags={"dagster/partition": BUSY}, status=dg.DagsterRunStatus.NOT_STARTED
        )
        # A second run was canceled while the first one works, and one that had not begun after the first one ended.
        instance.create_run_for_job(
            small.job(), tags={"dagster/partition": REDUNDANT}, status=dg.DagsterRunStatus.STARTED
        )
        for name in (REDUNDANT, DONE):
            report(instance, small.job(), name, "canceled")
        yield small


def test_what_the_files_say_is_what_dagster_says(small: Small, tmp_path: Path) -> None:
    files, dagster = EmbeddedLog(tmp_path / "instance" / "history"), DagsterLog(small.instance)
    for size in (1, 3, 4, 100):
        read = [name for page in files.pages(size) for name in page]
        assert read == [name for page in dagster.pages(size) for name in page] == NAMES[::-1]
    last = files.last_runs(NAMES)
    assert last == dagster.last_runs(NAMES)
    assert last[AGAIN] == dagster.last_runs([AGAIN])[AGAIN]
    assert {name: run.status for name, run in last.items()} == {
        DONE: "SUCCESS",
        AGAIN: "SUCCESS",
        BROKEN: "FAILURE",
        KILLED: "FAILURE",
        WHOLE: "FAILURE",
        BUSY: "NOT_STARTED",
        CANCELED: "CANCELED",
        REDUNDANT: "STARTED",
    }
    ran = [run.run_id for run in last.values()]
    assert [files.made_all(run) for run in ran] == [dagster.made_all(run) for run in ran]
    assert [files.failure_reason(run) for run in ran] == [dagster.failure_reason(run) for run in ran]
    assert files.made_all(last[WHOLE].run_id)
    assert not files.made_all(last[BROKEN].run_id)
    assert files.failure_reason(last[BROKEN].run_id) == ("tracks", "tracks is broken")
    assert "was killed" in files.failure_reason(last[KILLED].run_id)[1]


def test_the_reason_of_a_step_is_that_of_our_failure(small: Small, tmp_path: Path) -> None:
    dg.materialize([failing], instance=small.instance, partition_key=NEW, raise_on_error=False)
    files, dagster = EmbeddedLog(tmp_path / "instance" / "history"), DagsterLog(small.instance)
    run = files.last_runs([NEW])[NEW].run_id
    assert files.failure_reason(run) == dagster.failure_reason(run) == ("failing", "a plain reason")


def test_a_change_is_read_at_once(small: Small, tmp_path: Path) -> None:
    files, local = EmbeddedLog(tmp_path / "instance" / "history"), states.LocalFiles(tmp_path)

    def state(name: str) -> str | None:
        return next((row.state for row in states.recordings(files, local) if row.id == name), None)

    assert state(BUSY) == "processing"
    small.instance.report_run_canceled(small.instance.get_runs(dg.RunsFilter(tags={"dagster/partition": BUSY}))[0])
    assert state(BUSY) == "error"
    assert state("later") is None
    small.add("later")
    assert state("later") == "new"
    small.instance.delete_dynamic_partition("recordings", "later")
    assert state("later") is None


def test_a_closed_instance_is_read_as_well(tmp_path: Path) -> None:
    deployed = deploy(tmp_path)
    with dg.DagsterInstance.from_config(str(deployed.home / "dagster")) as instance:
        instance.add_dynamic_partitions("recordings", ["one"])
    found = embedded_log.find(deployed.home / "dagster", ROOT, tmp_path)
    assert found is not None
    assert list(found.pages(200)) == [["one"]]


@pytest.mark.parametrize(
    ("storage", "is_found"),
    [
        ({"sqlite": {"base_dir": "BASE"}}, True),
        ({"custom": {"module": "any", "class": "EmbeddedStorage", "config": {"base_dir": "BASE"}}}, True),
        ({"custom": {"module": "any", "class": "EmbeddedStorage", "config": {}}}, True),
        ({"sqlite": {"base_dir": "dagster"}}, True),
        ({"custom": {"module": "any", "class": "Other", "config": {"base_dir": "BASE"}}}, False),
        ({"sqlite": {"base_dir": {"env": "BASE"}}}, False),
        ({"sqlite": {"base_dir": "empty"}}, False),
        ({"postgres": {"postgres_url": "postgresql://localhost/dagster"}}, False),
        (None, False),
    ],
)
def test_only_sqlite_files_with_tables_are_read(tmp_path: Path, storage: object, is_found: bool) -> None:
    base = deploy(tmp_path).home / "dagster"
    written = yaml.safe_dump({"storage": storage} if storage else {}).replace("BASE", str(base))
    (base / "dagster.yaml").write_text(written)
    found = embedded_log.find(base, tmp_path, base)
    assert found == (EmbeddedLog(base / "history") if is_found else None)
    assert embedded_log.find(tmp_path, tmp_path, base) is None

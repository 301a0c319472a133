"""Dagster's own commands on this project, with its daemon running."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from testing import audio_files
from testing.daemon import Daemon, open_instance, until
from testing.deployment import Deployment, deploy

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow(90)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Return a deployment with two silent recordings, which need no model."""
    home = tmp_path_factory.mktemp("commands")
    made = deploy(home / "deployment", REFLECTOR_EXECUTOR="in_process")
    for name in ("first", "second"):
        folder = home / name
        folder.mkdir()
        audio_files.opus_track(folder / "zoe.webm", np.zeros((1, 3 * 48_000), np.float32))
        made.json("import", str(folder))
    return made


def ended(instance: dg.DagsterInstance, count: int, **tags: str) -> Sequence[dg.DagsterRun]:
    runs = instance.get_runs(dg.RunsFilter(tags=tags))
    return runs if len(runs) >= count and all(run.is_finished for run in runs) else []


def test_recordings_are_processed_automatically_and_again_by_a_backfill(deployment: Deployment) -> None:
    with Daemon(deployment), open_instance(deployment) as instance:
        requested = until(lambda: ended(instance, 2, **{"dagster/sensor_name": "keep_up_to_date"}))
        assert {run.status for run in requested} == {dg.DagsterRunStatus.SUCCESS}
        assert {row["state"] for row in deployment.json("list")} == {"ended"}

        done = deployment.run(
            "dagster", "job", "backfill", "-w", "workspace.yaml", "-j", "process", "--all", "all", "--noprompt"
        )
        assert done.returncode == 0, done.stderr[-2000:]
        until(lambda: len(instance.get_backfills()) == 1)
        (backfill,) = instance.get_backfills()
        again = until(lambda: ended(instance, 2, **{"dagster/backfill": backfill.backfill_id}))
        assert {run.status for run in again} == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.parametrize("arguments", [("list", "--json"), ("show", "nobody")])
def test_our_program_started_as_users_start_it_gives_the_same_output(
    deployment: Deployment, arguments: tuple[str, ...]
) -> None:
    """The other tests start it in a faster way, by forking."""
    slow, quick = deployment.run("reflector", *arguments), deployment.reflector(*arguments)
    assert (slow.returncode, slow.stdout, slow.stderr) == (quick.returncode, quick.stdout, quick.stderr)
    assert slow.stdout + slow.stderr


def test_definitions_are_valid_for_dagster_and_for_dg(deployment: Deployment) -> None:
    assert deployment.run("dagster", "definitions", "validate", "-w", "workspace.yaml").returncode == 0
    done = deployment.run("dg", "check", "defs")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]


def test_dg_launches_an_asset(deployment: Deployment) -> None:
    title = deployment.folder("first") / "title.json"
    title.unlink(missing_ok=True)
    done = deployment.run("dg", "launch", "--assets", "title", "--partition", "first")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    assert title.exists()


def test_without_dagster_home_the_same_instance_is_found(tmp_path: Path) -> None:
    """Plain commands in the project's folder read dagster.yaml there, whose storage is relative to it."""
    config = dg.DagsterInstance.from_config(str(Path(__file__).parent.parent)).get_ref().storage_data
    assert config is not None
    assert ".reflector/dagster" in config.config_yaml

"""Dagster's own commands on this project, and ours, started as users start them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from testing import audio_files
from testing.deployment import ROOT, Deployment, deploy

pytestmark = pytest.mark.slow(17)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Return a deployment with a recording."""
    home = tmp_path_factory.mktemp("commands")
    made = deploy(home / "deployment", REFLECTOR_EXECUTOR="in_process")
    folder = home / "first"
    folder.mkdir()
    audio_files.opus_track(folder / "zoe.webm", np.zeros((1, 3 * 48_000), np.float32))
    made.json("import", str(folder))
    return made


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
    value = deployment.folder("first") / "recording.json"
    assert not value.exists()
    done = deployment.run("dg", "launch", "--assets", "recording", "--partition", "first")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    assert value.exists()


def test_dagsters_files_are_beside_the_results_by_default(tmp_path: Path, deployment: Deployment) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    other = Deployment(tmp_path, {**deployment.env, "DAGSTER_HOME": str(home)})
    folder = tmp_path / "first"
    folder.mkdir()
    audio_files.opus_track(folder / "zoe.webm", np.zeros((1, 48_000), np.float32))
    other.json("import", str(folder))
    assert (other.data / "dagster" / "history" / "runs.db").exists()
    assert [one["id"] for one in other.json("list")] == ["first"]
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]

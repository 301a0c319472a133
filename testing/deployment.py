"""A deployment in a folder of its own, with its command line."""

# pyright: basic

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from testing import HUNG_S, programs
from testing.databases import migrated

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SAMPLE = ROOT / "samples" / "meeting"
SAMPLE_ID = "0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70"


@dataclass
class Deployment:
    """A deployment in a folder of its own, with the further settings `env`."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / "data"

    def folder(self, recording_id: str) -> Path:
        return self.data / "recordings" / recording_id

    def environment(self) -> dict[str, str]:
        ours = ("REFLECTOR_", "LLM_", "TRANSCRIPT_", "DAILY", "DAGSTER_", "ZULIP_", "PUBLIC_DATA_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **kept,
            "DAGSTER_HOME": str(self.home / "dagster"),
            "REFLECTOR_DATA_DIR": str(self.data),
            "REFLECTOR_ENV_FILE": os.devnull,
            **self.env,
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment, such as `dagster`, in the project's folder, as users start it."""
        return subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=HUNG_S,
            check=False,
        )

    def run_quickly(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program of the virtual environment like `run`, but with a faster start; "-m" runs a module."""
        program = command[0] if command[0] == "-m" else BIN / command[0]
        return programs.run([program, *command[1:]], cwd=ROOT, env=self.environment(), timeout=HUNG_S)

    def reflector(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `reflector` with a fast start."""
        return self.run_quickly("reflector", *arguments)

    def json(self, *arguments: str) -> Any:
        """Run a reporting command with --json and return its document."""
        done = self.reflector(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@cache
def _instance_tables() -> Path:
    """Create the SQLite files of an instance without runs; copying them takes a tenth of the time."""
    folder = Path(tempfile.mkdtemp(prefix="instance-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "dagster.yaml").write_text(
        f"{{telemetry: {{enabled: false}}, storage: {{sqlite: {{base_dir: {folder}}}}}}}"
    )
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.get_runs()
        instance.get_dynamic_partitions("recordings")
        instance.all_instigator_state()
    (folder / "dagster.yaml").unlink()
    return folder


def deploy(home: Path, has_tables: bool = True, /, **env: str) -> Deployment:
    """Create a deployment with an instance configured by dagster.yaml and its storage in this folder.

    Its tables exist already unless `has_tables` is False; then the first command creates them.
    """
    if has_tables:
        shutil.copytree(_instance_tables(), home / "dagster")
        migrated(home / "data" / "reflector.db")
    else:
        (home / "dagster").mkdir(parents=True)
    write_config(home / "dagster")
    return Deployment(home, {"REFLECTOR_WHISPER_MODEL": "tiny.en", **env})


def write_config(folder: Path) -> None:
    """Write the project's dagster.yaml to a folder, with the storage in the same folder."""
    config = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    config["storage"]["custom"]["config"] = {"base_dir": str(folder)}
    config["compute_logs"]["config"] = {"base_dir": str(folder / "logs")}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))


def new_instance(home: Path, tables: Path | None = None) -> dg.DagsterInstance:
    """Create an instance in a folder with a deployment's storage and, for the rest, Dagster's defaults.

    It begins as a copy of the instance below `tables`, by default of an empty one.
    """
    folder = home / "dagster"
    shutil.copytree(tables / "dagster" if tables else _instance_tables(), folder)
    storage = "module: reflector_assets.runtime.embedded_storage, class: EmbeddedStorage"
    (folder / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{custom: {{{storage}, config: {{base_dir: {folder}}}}}}}\n"
    )
    return dg.DagsterInstance.from_config(str(folder))

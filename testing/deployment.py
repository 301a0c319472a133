"""A deployment in a folder of its own, with its command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testing import PATIENCE_S, programs

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "meeting"
SAMPLE_ID = "0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70"


@dataclass
class Deployment:
    """A deployment in a folder of its own; `env` are further settings."""

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

    def run(self, *command: str, timeout: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment, such as `dagster`, in the project's folder."""
        program = Path(sys.executable).parent / command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def reflector(self, *arguments: str, timeout: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run `reflector`, as `run` does but sooner."""
        program = Path(sys.executable).parent / "reflector"
        return programs.run(program, arguments, cwd=ROOT, env=self.environment(), timeout=timeout)

    def json(self, *arguments: str) -> Any:
        """Run a reporting command with --json and return its document."""
        done = self.reflector(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def deploy(home: Path, **env: str) -> Deployment:
    """Lay out a deployment: an instance as dagster.yaml describes it, with its storage in this folder."""
    (home / "dagster").mkdir(parents=True)
    config = (ROOT / "dagster.yaml").read_text().replace(".reflector/dagster", str(home / "dagster"))
    (home / "dagster" / "dagster.yaml").write_text(config)
    # The weights are assembled once for all tests: they are the same for every deployment.
    return Deployment(home, {"REFLECTOR_WHISPER_MODEL": "tiny.en", **env})

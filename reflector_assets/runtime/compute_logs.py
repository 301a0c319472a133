"""Dagster's local compute logs without its helper processes, for `compute_logs` in dagster.yaml.

Dagster starts four processes per step, to copy what the step prints to the terminal as well. Here it goes to the same
files, and to them only.
"""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reflector_assets.runtime.dagster_internals.storage import (
    CapturedLogContext,
    ConfigurableClassData,
    LocalComputeLogManager,
    optional_string,
    redirect_to_file,
)
from reflector_assets.settings.main import dagster_folder


class FileComputeLogs(LocalComputeLogManager):
    """The compute log manager that dagster.yaml names; without `base_dir` its files are beside Dagster's history."""

    @classmethod
    def config_type(cls) -> Any:
        """Return the schema of dagster.yaml's `config`."""
        schema: Any = super().config_type()
        return {**schema, "base_dir": optional_string()}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "FileComputeLogs":
        """Make the manager from dagster.yaml's `config`."""
        given: dict[str, Any] = {"base_dir": str(dagster_folder() / "logs"), **config_value}
        return cls(inst_data=inst_data, **given)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        """Redirect what this process prints to the log's files until the block ends."""
        out = Path(self.get_captured_local_path(log_key, "out"))
        out.parent.mkdir(parents=True, exist_ok=True)
        with redirect_to_file(sys.stdout, out), redirect_to_file(sys.stderr, out.with_suffix(".err")):
            yield CapturedLogContext(log_key)
        Path(self.get_captured_local_path(log_key, "complete")).touch()

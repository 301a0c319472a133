"""The machine that a bench runs on, without names of hosts, users or folders."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from pydantic import BaseModel

from bench.measure import ROOT


class Machine(BaseModel):
    """Hardware and versions that affect the figures; `memory` in GiB, `date` and `commit` of the measurement."""

    cpu: str
    cores: int
    memory: float
    kernel: str
    python: str
    dagster: str
    pyav: str
    ffmpeg: str
    date: str
    commit: str

    @classmethod
    def current(cls) -> "Machine":
        """Describe this machine as it is now."""
        affinity = getattr(os, "sched_getaffinity", None)
        return cls(
            cpu=_cpu(),
            cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
            memory=round(psutil.virtual_memory().total / 2**30, 1),
            kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
            python=platform.python_version(),
            dagster=version("dagster"),
            pyav=version("av"),
            ffmpeg=_output("ffmpeg", "-version").removeprefix("ffmpeg version ").partition(" ")[0] or "none",
            date=datetime.now(UTC).date().isoformat(),
            commit=_output("git", "rev-parse", "--short=10", "HEAD") or "unknown",
        )

    def __str__(self) -> str:
        return (
            f"{self.date}, commit {self.commit}: {self.cores} x {self.cpu}, {self.memory:g} GiB, {self.kernel}, "
            f"Python {self.python}, Dagster {self.dagster}, PyAV {self.pyav}, ffmpeg {self.ffmpeg}"
        )


def _cpu() -> str:
    """Return the processor's model."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _output(*command: str) -> str:
    """Return the first line that a program prints; an empty string if it is missing or fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""

"""The cost of a whole process: CPU seconds, wall-clock seconds, peak memory."""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Cost(NamedTuple):
    """Seconds of CPU (user and system), seconds of wall clock, MiB of peak resident memory.

    CPU includes all child processes; memory is that of the largest process.
    """

    cpu: float
    wall: float
    rss: float


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Cost:
    """Run a program and discard its output; raise RuntimeError with its stderr if it fails.

    A small intermediate interpreter starts it, since the kernel counts the parent's memory towards a new process.
    """
    between = [sys.executable, "-I", "-S", __file__, *map(str, command)]
    done = subprocess.run(between, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} exited with status {done.returncode}: {done.stderr[-2000:]}")
    return Cost(*json.loads(done.stdout))


def python(code: str, *arguments: object) -> Cost:
    """Run code in a new interpreter, imports included."""
    return run([sys.executable, "-c", code, *map(str, arguments)])


def total(costs: Sequence[Cost]) -> Cost:
    """Return the cost of processes that ran one after another."""
    return Cost(sum(cost.cpu for cost in costs), sum(cost.wall for cost in costs), max(cost.rss for cost in costs))


def _start(command: list[str]) -> int:
    """Run a program, print its cost as a JSON list, and return its exit status."""
    if sys.platform == "linux":
        # PR_SET_CHILD_SUBREAPER: orphans of the program, such as a fork server, are reaped here.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    begin = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status = os.waitpid(child, 0)
    wall = time.perf_counter() - begin
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024]))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(abs(_start(sys.argv[1:])))

"""What a process costs as a whole: CPU seconds, wall seconds, peak memory."""

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
    """Seconds of CPU (user and system), seconds of wall clock, MiB of resident memory at the peak.

    CPU is that of all processes that it started as well, memory that of the largest one.
    """

    cpu: float
    wall: float
    rss: float


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Cost:
    """Run a program to its end; raises RuntimeError with what it said when it fails. What it prints is thrown away.

    A small interpreter in between starts it: the kernel counts the memory of who starts a program as the program's.
    """
    between = [sys.executable, "-I", "-S", __file__, *map(str, command)]
    done = subprocess.run(between, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Cost(*json.loads(done.stdout))


def python(code: str, *arguments: object) -> Cost:
    """Run code in a fresh interpreter, with all that it has to import."""
    return run([sys.executable, "-c", code, *map(str, arguments)])


def added(costs: Sequence[Cost]) -> Cost:
    """Return what processes cost that ran one after the other."""
    return Cost(sum(cost.cpu for cost in costs), sum(cost.wall for cost in costs), max(cost.rss for cost in costs))


def _start(command: list[str]) -> int:
    """Run a program and print what it cost as a list of JSON."""
    if sys.platform == "linux":
        # PR_SET_CHILD_SUBREAPER: what the program leaves behind, as a fork server, is waited for here.
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

"""What a process costs as a whole: CPU seconds, wall seconds, peak memory.

The parent must stay small: the kernel counts its memory as the child's until the child has its own program.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU (user and system, children too), seconds of wall clock, MiB of resident memory at the peak."""

    cpu: float
    wall: float
    rss: float


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> Cost:
    """Run a program to its end; raises RuntimeError with what it said when it fails."""
    read, write = os.pipe()
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            if cwd:
                os.chdir(cwd)
            os.dup2(write, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execvp(command[0], [str(part) for part in command])
        finally:
            os._exit(127)
    os.close(write)
    with os.fdopen(read, errors="replace") as said:
        complaint = said.read()
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{command[0]} ended with {code}: {complaint[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)

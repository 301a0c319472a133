"""CPU seconds and memory of a process and all below it, while they live, by what each is for."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import psutil

STEPS, POSTGRESQL = "steps", "PostgreSQL"
# The first that the command line holds decides; a run's own process is a child of the code server's.
KINDS = {
    "pginstall/bin/postgres": POSTGRESQL,
    "watch_orphans": "compute logs",
    "tail": "compute logs",
    "forkserver": STEPS,
    "resource_tracker": "runs",
    "spawn_main": "runs",
    "api grpc": "code server",
    "execute_run": "runs",
    "dagster-daemon": "daemon",
    "serve": "service",
}
EVERY_S = 0.2


@dataclass
class Family:
    """Looks at a family again and again while the block lasts, `every` seconds apart; `most` is its memory in MiB.

    CPU seconds of processes that came and went between two looks are missing, unless their parent waited for them:
    the steps' parent and PostgreSQL do.
    """

    roots: Callable[[], list[psutil.Process]]
    every: float = EVERY_S
    cpu: dict[int, tuple[str, float]] = field(default_factory=dict)
    most: float = 0.0

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._before: dict[int, float] = {}
        self._look(begin=True)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def seconds(self) -> dict[str, float]:
        """CPU seconds since the block's beginning, by kind of process."""
        found: dict[str, float] = {}
        for kind, seconds in self.cpu.values():
            found[kind] = found.get(kind, 0.0) + seconds
        return found

    def _watch(self) -> None:
        while not self._stop.wait(self.every):
            self._look()

    def _look(self, *, begin: bool = False) -> None:
        memory = 0.0
        kinds: dict[int, str] = {}
        for process in self.roots():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                kind = kinds[process.pid] = _kind(" ".join(process.cmdline()))
                times, parent = process.cpu_times(), kinds.get(process.ppid())
                seconds = times.user + times.system
                if parent == STEPS:
                    # A step, or what it started: the server that steps are forked from has waited for it.
                    seconds = 0.0
                elif kind in {STEPS, POSTGRESQL}:
                    seconds += times.children_user + times.children_system
                if begin:
                    self._before[process.pid] = seconds
                self.cpu[process.pid] = kind, seconds - self._before.get(process.pid, 0.0)
                memory += process.memory_info().rss / 2**20
        self.most = max(self.most, memory)


def _kind(command: str) -> str:
    return next((kind for mark, kind in KINDS.items() if mark in command), "other")

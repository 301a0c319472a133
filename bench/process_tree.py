"""CPU seconds and memory of processes and their descendants, by purpose."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import psutil

FORKED, STEPS, POSTGRESQL = "runs and workers", "fork server", "PostgreSQL"
# The first match in the command line decides. Forks have the command line of the process that they come from.
KINDS = {
    "pginstall/bin/postgres": POSTGRESQL,
    "reflector_assets.preload": FORKED,
    "forkserver": STEPS,
    "resource_tracker": "runs",
    "spawn_main": "runs",
    "multiprocessing-fork": "runs",
    "api grpc": "code server",
    "execute_run": "runs",
    "dagster-daemon": "daemon",
    "serve": "service",
}
# Their CPU includes that of their children that ended.
PARENTS = {FORKED, STEPS, POSTGRESQL}
INTERVAL_S = 1.0
# Reading the memory of 50 processes takes half a second of CPU: at most this share of the time of one core.
MEMORY_SHARE = 0.05


@dataclass
class ProcessTree:
    """Samples processes every `every` seconds while the block lasts: CPU, and memory in MiB by kind of process.

    Memory is proportional (PSS): what processes share counts once; `peak` is the maximum of all together. It is sampled
    less often where that takes long. The CPU of a process that starts and ends between two samples is lost, unless its
    parent waits for it, as those of runs, workers and PostgreSQL do.
    """

    processes: Callable[[], list[psutil.Process]]
    every: float = INTERVAL_S
    peak: float = 0.0
    memory: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    cpu: dict[int, tuple[str, float]] = field(default_factory=dict[int, tuple[str, float]])

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._before: dict[int, float] = {}
        # CPU seconds of living processes whose parent will count them, by kind; at the start and now.
        self._alive: dict[str, float] = {}
        self._memory_from = 0.0
        self._sample(first=True)
        self._alive_before = self._alive
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()

    def seconds(self) -> dict[str, float]:
        """Return CPU seconds since the start of the block by kind of process."""
        found: dict[str, float] = {}
        before = [(kind, -seconds) for kind, seconds in self._alive_before.items()]
        for kind, seconds in [*self.cpu.values(), *self._alive.items(), *before]:
            found[kind] = found.get(kind, 0.0) + seconds
        return found

    def _watch(self) -> None:
        while not self._stop.wait(self.every):
            self._sample()

    def _sample(self, *, first: bool = False) -> None:
        kinds: dict[int, str] = {}
        alive: dict[str, float] = {}
        found = self.processes()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                kind = kinds[process.pid] = _kind(" ".join(process.cmdline()))
                times, parent = process.cpu_times(), kinds.get(process.ppid())
                seconds = times.user + times.system
                if parent in PARENTS and kind == parent:
                    # Its parent waits for it, and counts it then.
                    alive[kind] = alive.get(kind, 0.0) + seconds
                    continue
                if kind in PARENTS:
                    seconds += times.children_user + times.children_system
                if first:
                    self._before[process.pid] = seconds
                self.cpu[process.pid] = kind, seconds - self._before.get(process.pid, 0.0)
        self._alive = alive
        if time.monotonic() >= self._memory_from:
            self._sample_memory({process: kinds[process.pid] for process in found if process.pid in kinds})

    def _sample_memory(self, kinds: Mapping[psutil.Process, str]) -> None:
        memory: dict[str, float] = {}
        began = time.thread_time()
        for process, kind in kinds.items():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                memory[kind] = memory.get(kind, 0.0) + process.memory_full_info().pss / 2**20
        self._memory_from = time.monotonic() + (time.thread_time() - began) / MEMORY_SHARE
        self.peak = max(self.peak, sum(memory.values()))
        for kind, mib in memory.items():
            self.memory.setdefault(kind, []).append(mib)


def _kind(command: str) -> str:
    return next((kind for mark, kind in KINDS.items() if mark in command), "other")

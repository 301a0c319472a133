"""Kills processes of a deployment one at a time, and starts again what nobody else does."""

import contextlib
import random
import signal
import time
from collections import Counter

import psutil

from bench.world import World
from reflector_assets import tags
from testing.processes import Processes

KINDS = {"step": 5, "run": 3, "daemon": 2, "receiver": 2}
# Dagster takes a run up again three times; more kills of one recording would end it in error.
MOST_RUNS = 3


class Killer:
    """Strikes at random; what has no supervisor on this machine is started again after some seconds."""

    def __init__(self, here: World, chance: random.Random) -> None:
        self.here, self.chance = here, chance
        self.processes = Processes(here.deployment, here.instance)
        self.kills = Counter[str]()
        self._down: dict[str, float] = {}

    def strike(self) -> str | None:
        """Kill something, and say what; None when there was no victim of that kind."""
        kind = self.chance.choices([*KINDS], [*KINDS.values()])[0]
        if self._down:
            return None
        if kind == "receiver":
            self.here.receiver.stop(signal.SIGKILL)
        elif kind == "daemon":
            self.here.daemon.kill()
        elif not (victim := self._victim(kind)):
            return None
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        if kind in {"receiver", "daemon"}:
            self._down[kind] = time.monotonic() + self.chance.uniform(0, 15)
        self.kills[kind] += 1
        return f"killed a {kind}" if kind in {"step", "run"} else f"killed the {kind}"

    def restart(self) -> None:
        """Start again what was down for long enough."""
        for kind, at in list(self._down.items()):
            if at <= time.monotonic():
                self._start(kind)

    def rest(self) -> None:
        """Start again whatever is down."""
        for kind in list(self._down):
            self._start(kind)

    def _start(self, kind: str) -> None:
        del self._down[kind]
        if kind == "receiver":
            self.here.receiver.start()
        else:
            self.here.daemon.__enter__()

    def _victim(self, kind: str) -> psutil.Process | None:
        workers = self.processes.run_workers()
        runs = Counter(run.tags.get(tags.PARTITION) for run in self.here.instance.get_runs())
        found = workers if kind == "run" else self.processes.steps(workers)
        eligible = [process for process, rid in found.items() if rid and runs[rid] < MOST_RUNS]
        return self.chance.choice(sorted(eligible, key=lambda one: one.pid)) if eligible else None

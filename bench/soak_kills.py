"""Kill random processes of a deployment one at a time, and restart those that have no supervisor here."""

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
# Dagster retries a run three times; further kills of one recording would leave it failed.
MOST_RUNS = 3


class Killer:
    """Kills random processes; restarts the daemon and the receiver after some seconds."""

    def __init__(self, here: World, chance: random.Random) -> None:
        self.here, self.chance = here, chance
        self.processes = Processes(here.deployment, here.instance)
        self.kills = Counter[str]()
        self._down: dict[str, float] = {}

    def strike(self) -> str | None:
        """Kill a process and return its kind; None if there was no process of the chosen kind."""
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
        return kind

    def restart(self, *, now: bool = False) -> None:
        """Restart what has been down for long enough, or all that is down."""
        for kind, at in list(self._down.items()):
            if now or at <= time.monotonic():
                del self._down[kind]
                if kind == "receiver":
                    self.here.receiver.start()
                else:
                    self.here.daemon.__enter__()

    def _victim(self, kind: str) -> psutil.Process | None:
        runs = Counter(run.tags.get(tags.PARTITION) for run in self.here.instance.get_runs())
        found = self.processes.runs() if kind == "run" else self.processes.steps()
        eligible = [process for process, rid in found.items() if rid and runs[rid] < MOST_RUNS]
        return self.chance.choice(sorted(eligible, key=lambda one: one.pid)) if eligible else None

"""A run whose steps all wait for a pool sleeps: Dagster's executors ask again and again without a pause.

They ask the database no more often than each second, but in between they turn in a circle and take a whole core from
the very step they wait for (measured with Dagster 1.13: four runs and one step at work, 0.8 cores). Dagster's own code
stays as it is: while nothing but waiting goes on, a timer of the process's CPU time makes it sleep.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import dagster as dg

from reflector_assets.records import ATTEMPT_BEGINS, ATTEMPT_ENDS

# In seconds: after so much CPU time it sleeps for so long.
CPU_S, SLEEP_S = 0.02, 0.25
BEGINS = ATTEMPT_BEGINS | {dg.DagsterEventType.STEP_WORKER_STARTING}


class PatientExecutor(dg.Executor):
    """Another executor, in whose runs waiting for a pool costs next to nothing."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        events: Any = self._executor.execute(plan_context, execution_plan)
        with Waiting() as waiting, closing(events):
            for event in events:
                waiting.hear(event)
                yield event


class Waiting:
    """Knows by a run's events whether all that goes on is waiting for pools, and lets the process sleep meanwhile.

    Only a program's main thread can be made to sleep so; in any other nothing happens.
    """

    def __init__(self) -> None:
        self._blocked: set[str | None] = set()
        self._working: set[str | None] = set()
        self._able = threading.current_thread() is threading.main_thread()
        self._stack = ExitStack()

    def __enter__(self) -> "Waiting":
        if self._able:
            before = signal.signal(signal.SIGVTALRM, lambda *_: time.sleep(SLEEP_S))
            self._stack.callback(signal.signal, signal.SIGVTALRM, before)
            self._stack.callback(signal.setitimer, signal.ITIMER_VIRTUAL, 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def hear(self, event: dg.DagsterEvent) -> None:
        """Take note of the run's next event."""
        was = self._waits
        if event.event_type == dg.DagsterEventType.ENGINE_EVENT:
            # Not every one has data.
            if "pool" in getattr(event.event_specific_data, "metadata", ()):
                self._blocked.add(event.step_key)
        elif event.event_type in BEGINS:
            self._blocked.discard(event.step_key)
            self._working.add(event.step_key)
        elif event.event_type in ATTEMPT_ENDS:
            self._working.discard(event.step_key)
        if self._able and self._waits != was:
            every = CPU_S if self._waits else 0
            signal.setitimer(signal.ITIMER_VIRTUAL, every, every)

    @property
    def _waits(self) -> bool:
        return bool(self._blocked) and not self._working

"""Makes a run sleep while all its steps wait for a pool: Dagster's executors busy-wait on a full core.

They query the database once a second, but loop without a pause in between, which takes CPU from the running steps that
they wait for (measured with Dagster 1.13: four runs and one running step, 0.8 cores). Dagster isn't patched: while a
run only waits, a timer of the process's CPU time makes it sleep.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import dagster as dg

from reflector_assets.records import ATTEMPT_BEGINS, ATTEMPT_ENDS
from reflector_assets.runtime.run_process import supervised

# The process sleeps for SLEEP_S after each CPU_S of CPU time.
CPU_S, SLEEP_S = 0.02, 0.25
BEGINS = ATTEMPT_BEGINS | {dg.DagsterEventType.STEP_WORKER_STARTING}


class IdleWaitExecutor(dg.Executor):
    """Wraps an executor so that its runs wait for pools without using CPU."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        events: Any = supervised(plan_context, self._executor.execute(plan_context, execution_plan))
        with IdleWait() as idle_wait, closing(events):
            for event in events:
                idle_wait.update(event)
                yield event


class IdleWait:
    """Tells from a run's events whether all its unfinished steps wait for pools, and makes the process sleep meanwhile.

    Works in the main thread only, as signals do; in other threads it has no effect.
    """

    def __init__(self) -> None:
        self._blocked: set[str | None] = set()
        self._running: set[str | None] = set()
        self._able = threading.current_thread() is threading.main_thread()
        self._stack = ExitStack()

    def __enter__(self) -> "IdleWait":
        if self._able:
            before = signal.signal(signal.SIGVTALRM, _sleep)
            self._stack.callback(signal.signal, signal.SIGVTALRM, before)
            self._stack.callback(signal.setitimer, signal.ITIMER_VIRTUAL, 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def update(self, event: dg.DagsterEvent) -> None:
        """Take the run's next event into account."""
        was_idle = self._idle
        if event.event_type == dg.DagsterEventType.ENGINE_EVENT:
            # Some engine events have no data.
            if "pool" in getattr(event.event_specific_data, "metadata", ()):
                self._blocked.add(event.step_key)
        elif event.event_type in BEGINS:
            self._blocked.discard(event.step_key)
            self._running.add(event.step_key)
        elif event.event_type in ATTEMPT_ENDS:
            self._running.discard(event.step_key)
        if self._able and self._idle != was_idle:
            interval = CPU_S if self._idle else 0
            signal.setitimer(signal.ITIMER_VIRTUAL, interval, interval)

    @property
    def _idle(self) -> bool:
        return bool(self._blocked) and not self._running


def _sleep(*_: object) -> None:
    time.sleep(SLEEP_S)

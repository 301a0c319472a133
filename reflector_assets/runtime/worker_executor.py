"""The executor whose steps run in workers: processes that execute several steps, each one at a time.

The orchestration is that of Dagster's multiprocess executor. It differs in that it waits for workers without polling,
and that a worker goes on to the run's next step: a step costs no process, no instance and no model of its own.
"""

import os
import time
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

import dagster as dg

from reflector_assets.records import ATTEMPT_ENDS
from reflector_assets.runtime.attempts import attempt, if_ended
from reflector_assets.runtime.dagster_internals.steps import (
    DagsterEvent,
    DagsterExecutionInterruptedError,
    DagsterSubprocessError,
    EngineEventData,
    InstanceConcurrencyContext,
    RetryMode,
    SerializableErrorInfo,
    get_run_crash_explanation,
    step_worker_starting,
)
from reflector_assets.runtime.run_process import supervised
from reflector_assets.runtime.warm_process import fork_worker
from reflector_assets.runtime.worker import Run, Worker, WorkerGone

# Seconds between looks for an interruption of the run, and for a free place in a pool.
INTERRUPTION_S, POOL_S = 0.5, 0.25
CRASH = "ChildProcessCrashException"
# The events of an attempt that determine what comes after it.
RESULTS = ATTEMPT_ENDS | {dg.DagsterEventType.STEP_OUTPUT}
INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}


class WorkerExecutor(dg.Executor):
    """Executes a run's steps in at most `max_concurrent` workers."""

    def __init__(self, max_concurrent: int) -> None:
        self.max_concurrent = max_concurrent

    @property
    def retries(self) -> RetryMode:
        return RetryMode.ENABLED

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[DagsterEvent]:
        return supervised(plan_context, self._execute(plan_context, execution_plan))

    def _execute(self, plan_context: Any, execution_plan: Any) -> Iterator[DagsterEvent]:
        with Workers(self._run(plan_context, execution_plan)) as workers:
            # It gets ready while the run does.
            workers.start_one()
            yield DagsterEvent.engine_event(
                plan_context,
                f"Executing steps in workers of the run's process (pid: {os.getpid()})",
                EngineEventData.multiprocess(os.getpid(), step_keys_to_execute=execution_plan.step_keys_to_execute),
            )
            with (
                InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run) as pools,
                execution_plan.start(
                    retry_mode=self.retries, max_concurrent=self.max_concurrent, instance_concurrency_context=pools
                ) as active,
            ):
                yield from Execution(self, plan_context, active, pools, workers).events()
        yield DagsterEvent.engine_event(
            plan_context, f"All steps have ended (pid: {os.getpid()})", EngineEventData.multiprocess(os.getpid())
        )

    def _run(self, context: Any, plan: Any) -> Run:
        instance, run = context.instance.get_ref(), context.dagster_run
        return Run(
            context.reconstructable_job, run, context.run_config, instance, self.retries, plan.repository_load_data
        )


class Workers:
    """A run's workers: those that execute a step, by its key, and idle ones. All are let go at the end of the block."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.busy: dict[Worker, str] = {}
        self._idle: list[Worker] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._idle, *self.busy]:
            worker.close()

    def start_one(self) -> None:
        """Start a worker before there is a step for it."""
        self._idle.append(Worker(self._run, fork_worker))

    def take(self, key: str) -> Worker:
        """Return a worker for a step: an idle one, or a new one."""
        worker = self._idle_one() or Worker(self._run, fork_worker)
        self.busy[worker] = key
        return worker

    def _idle_one(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            worker.close()
        return None

    def free(self, worker: Worker, *, keep: bool) -> None:
        """Note that a worker's step has ended; let the worker go unless it is to be kept."""
        del self.busy[worker]
        if keep:
            self._idle.append(worker)
        else:
            worker.close()


class Execution:
    """One run's execution: its active steps, and the workers that execute them."""

    def __init__(self, executor: WorkerExecutor, context: Any, active: Any, pools: Any, workers: Workers) -> None:
        self._executor, self._context, self._active, self._pools = executor, context, active, pools
        self._workers = workers
        self._errors: dict[int, SerializableErrorInfo] = {}
        self._stopping = False

    def events(self) -> Iterator[DagsterEvent]:
        """Execute all steps; raise what Dagster's executor raises if some failed or the run was interrupted."""
        try:
            while self._workers.busy or not (self._stopping or self._active.is_complete):
                yield from self._check_interruption()
                yield from self._begin_steps()
                for worker in self._wait():
                    yield from self._receive(worker)
                yield from self._active.plan_events_iterator(self._context)
        except Exception:
            self._interrupt()
            raise
        kinds = {error.cls_name for error in self._errors.values()}
        if self._stopping and kinds <= INTERRUPTIONS:
            raise DagsterExecutionInterruptedError
        if self._errors:
            listed = "\n".join(f"In process {pid}: {error.to_string()}" for pid, error in self._errors.items())
            raise DagsterSubprocessError(
                f"During the execution of steps errors occurred in worker processes:\n{listed}",
                subprocess_error_infos=list(self._errors.values()),
            )

    def _check_interruption(self) -> Iterator[DagsterEvent]:
        if self._active.check_for_interrupts():
            keys = list(self._workers.busy.values())
            message = "Received a termination signal: interrupting the active steps."
            yield DagsterEvent.engine_event(self._context, message, EngineEventData.interrupted(keys))
            self._stopping = True
            self._active.mark_interrupted()
            self._interrupt()

    def _interrupt(self) -> None:
        for worker in self._workers.busy:
            worker.interrupt()

    def _begin_steps(self) -> Iterator[DagsterEvent]:
        while not self._stopping:
            steps = self._active.get_steps_to_execute(limit=self._executor.max_concurrent - len(self._workers.busy))
            yield from self._active.concurrency_event_iterator(self._context)
            if not steps:
                return
            for step in steps:
                worker = self._workers.take(step.key)
                if worker.is_new:
                    message = f'A new worker executes "{step.key}".'
                    yield step_worker_starting(self._context.for_step(step), message, metadata={})
                worker.begin(step.key, self._active.get_known_state())

    def _wait(self) -> list[Worker]:
        """Wait until a worker has sent something or something else is due; return the workers to receive from."""
        sources = {source: worker for worker in self._workers.busy for source in worker.sources()}
        seconds = INTERRUPTION_S if sources else 0
        if self._pools.has_pending_claims():
            seconds = POOL_S
        elif interval := self._active.sleep_interval():
            # Until a step is tried again.
            seconds = min(max(interval, 0), INTERRUPTION_S)
        if not sources:
            time.sleep(seconds)
            return []
        return list(dict.fromkeys(sources[source] for source in wait(list(sources), seconds)))

    def _receive(self, worker: Worker) -> Iterator[DagsterEvent]:
        key = self._workers.busy[worker]
        try:
            ended = worker.receive()
        except WorkerGone as gone:
            self._workers.free(worker, keep=False)
            yield from self._crashed(key, gone)
            return
        if ended is None:
            return
        # First, since the next step may be executed once the end is known.
        self._workers.free(worker, keep=not ended.leaves)
        if ended.error is not None:
            self._errors[worker.pid] = ended.error
        for event in ended.events:
            yield from self._handle(event, key)
        self._active.verify_complete(self._context, key)

    def _handle(self, event: DagsterEvent, key: str) -> Iterator[DagsterEvent]:
        yield event
        self._active.handle_event(event)
        if event.is_resource_init_failure:
            yield from self._fail(key, event.engine_event_data.error)

    def _fail(self, key: str, error: Any) -> Iterator[DagsterEvent]:
        """End a step that couldn't end itself, by its retry policy."""
        context = self._context.for_step(self._active.get_step_by_key(key))
        event = self._executor.log_failure_or_retry_event_after_error(context, error, self._active.get_known_state())
        self._active.handle_event(event)
        yield event

    def _crashed(self, key: str, gone: WorkerGone) -> Iterator[DagsterEvent]:
        """End a step whose worker is gone: as it ended itself if the log says so, otherwise by its retry policy."""
        number = self._active.get_known_state().get_retry_state().get_attempt_count(key)
        if events := if_ended(attempt(self._context.instance, self._context.run_id, key, number, RESULTS)):
            for event in events:
                yield from self._handle(event, key)
            return
        prefix = f"The worker of step {key} (pid: {gone.pid})"
        what = f"{prefix} has ended." if gone.code is None else get_run_crash_explanation(prefix, gone.code)
        error = SerializableErrorInfo(f"{CRASH}: {what}", [], CRASH)
        context = self._context.for_step(self._active.get_step_by_key(key))
        yield DagsterEvent.engine_event(context, what, EngineEventData.engine_error(error))
        for event in self._fail(key, error):
            yield event
            if event.is_step_failure:
                self._errors[gone.pid] = error

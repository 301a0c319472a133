"""Dagster's Celery executor, extended to detect lost tasks.

Dagster sends each step as one Celery task and waits for its result without a time limit: it doesn't notice a killed
worker or a broker that lost its data. `Watch` detects both and reports the attempt as failed, as other executors do
when a step's process crashes; the step's retry policy then repeats it.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import dagster as dg
import kombu.pools
from celery import Celery
from celery.exceptions import TaskRevokedError
from celery.states import PENDING, READY_STATES, REVOKED, SUCCESS
from dagster import DagsterEvent, multiple_process_executor_requirements, serialize_value
from dagster_celery.executor import CELERY_CONFIG, CeleryExecutor
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.errors import PermanentError
from reflector_assets.log_entries import crash_reason
from reflector_assets.runtime.attempts import attempt, if_ended
from reflector_assets.runtime.dagster_internals.celery import (
    SerializableErrorInfo,
    execution_loop,
    make_app,
    retry_mode,
    submit_task,
)
from reflector_assets.runtime.process import CELERY
from reflector_assets.runtime.run_process import supervised
from reflector_assets.settings.main import Settings, get_settings

log = logging.getLogger(__name__)

BROKER, BACKEND = "REFLECTOR_CELERY_BROKER", "REFLECTOR_CELERY_BACKEND"
# The queue of the short steps that belong to no pool.
DEFAULT_QUEUE = "light"
# A task is lost after this many consecutive checks at which no worker knew it.
MAX_MISSES = 3
# Seconds to wait for the workers' replies.
INSPECT_TIMEOUT_S = 2.0
# Seconds for which sending a step is retried while the broker is unreachable.
BROKER_TIMEOUT_S = 600.0
HIGHEST_PRIORITY = 9
# Celery's backend raises RuntimeError when it stops reconnecting.
CONNECTION_ERRORS = (OperationalError, RedisError, OSError, RuntimeError)
T = TypeVar("T")
# The Celery application; Celery has no types.
App = Any

CONFIG: Mapping[str, Any] = {
    "task_default_queue": DEFAULT_QUEUE,
    "broker_transport_options": {"socket_keepalive": True, "health_check_interval": 25, "socket_connect_timeout": 10},
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "result_expires": 86400,
    # Results are retried for some minutes while the broker is unreachable.
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": 100, "interval_start": 0, "interval_step": 0.5, "interval_max": 3}
    },
    # A worker takes a step off its queue only when one of its processes is free.
    "worker_disable_prefetch": True,
    "worker_prefetch_multiplier": 1,
    # A message is acknowledged when its step begins; Watch detects lost steps. With late acknowledgement the broker
    # redelivers the messages of running steps after every short outage, and the worker may then hang (Celery 5.7).
    "task_acks_late": False,
    "task_track_started": True,
    "worker_redirect_stdouts": False,
}


def addresses(settings: Settings) -> tuple[str, str]:
    """Return the URLs of broker and backend; raise PermanentError if there is none."""
    if settings.celery_broker is None:
        raise PermanentError(f"REFLECTOR_EXECUTOR is celery, and {BROKER} is missing", hint="Set it to a redis:// URL.")
    broker = settings.celery_broker.get_secret_value()
    return broker, settings.celery_backend.get_secret_value() if settings.celery_backend else broker


def settings_app() -> Celery:
    """Return the Celery application for this deployment's settings, which workers load."""
    broker, backend = addresses(get_settings())
    executor: Any = CeleryExecutor
    return make_app(executor.for_cli(broker=broker, backend=backend, config_source=dict(CONFIG)).app_args())


def celery_executor(settings: Settings) -> dg.ExecutorDefinition:
    """Return the extended Celery executor, whose configuration names environment variables: Dagster's pages show it."""
    os.environ[BROKER], os.environ[BACKEND] = addresses(settings)
    return _watched.configured(
        {"broker": {"env": BROKER}, "backend": {"env": BACKEND}, "config_source": dict(CONFIG)}, name=CELERY
    )


@dg.executor(name=CELERY, config_schema=CELERY_CONFIG, requirements=multiple_process_executor_requirements())
def _watched(context: dg.InitExecutorContext) -> "WatchedCeleryExecutor":
    config: Mapping[str, Any] = context.executor_config
    options: dict[str, Any] = {name: config.get(name) for name in ("broker", "backend", "config_source", "include")}
    return WatchedCeleryExecutor(**options, retries=retry_mode(config["retries"]))


class WatchedCeleryExecutor(CeleryExecutor):
    """Dagster's Celery executor, in which lost steps fail instead of blocking the run."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Any:
        executor: Any = self
        watch = Watch(Broker(executor.app_args()), get_settings().worker_timeout / MAX_MISSES)

        def send(_: App, plan: Any, step: Any, queue: str, priority: int, known_state: Any) -> "Task":
            # Redis serves the lowest number first, Dagster the highest.
            celery_priority = max(0, HIGHEST_PRIORITY - priority)

            def fail(reason: str) -> list[DagsterEvent]:
                number = known_state.get_retry_state().get_attempt_count(step.key)
                if events := if_ended(attempt(plan.instance, plan.dagster_run.run_id, step.key, number)):
                    return events
                error = SerializableErrorInfo(f"StepCrash: {reason}", [], "StepCrash")
                return [self.log_failure_or_retry_event_after_error(plan.for_step(step), error, known_state)]

            return Task(watch, lambda app: submit_task(app, plan, step, queue, celery_priority, known_state).id, fail)

        return supervised(plan_context, execution_loop(plan_context, execution_plan, step_execution_fn=send))


class Broker:
    """A run's connection to the broker and to the task results."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._arguments = arguments
        self._app: App = make_app(arguments)

    def retry(self, call: Callable[[App], T], seconds: float = BROKER_TIMEOUT_S) -> T:
        """Make a call, repeatedly while the broker is unreachable; raise the last attempt's error after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            try:
                return call(self._app)
            except CONNECTION_ERRORS as error:
                log.warning("the broker doesn't answer: %s", type(error).__name__)
                self._reconnect()
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def once(self, call: Callable[[App], T]) -> T | None:
        """Make a call, or return None if the broker is unreachable."""
        with contextlib.suppress(*CONNECTION_ERRORS):
            return self.retry(call, seconds=0)
        return None

    def _reconnect(self) -> None:
        """Open new connections: some in Celery's process-wide pool stay broken."""
        with contextlib.suppress(*CONNECTION_ERRORS):
            self._app.close()
        pools: Any = kombu.pools
        pools.reset()
        self._app = make_app(self._arguments)


class Watch:
    """Queries all workers at an interval (seconds) for the tasks that they hold; serves all tasks of a run."""

    def __init__(self, broker: Broker, interval: float) -> None:
        self.broker, self._interval = broker, interval
        self.tasks: list[Task] = []
        self._last_check = time.monotonic()

    def check(self) -> None:
        """Check the tasks that were sent at least an interval ago; do nothing within an interval of the last check."""
        now = time.monotonic()
        if now - self._last_check < self._interval:
            return
        watched = [task for task in self.tasks if now - task.sent >= self._interval]
        if watched and (held := self.broker.once(lambda app: held_by_workers(app, watched))) is not None:
            for task in watched:
                task.record_check(task.id in held)
        self._last_check = time.monotonic()


def held_by_workers(app: App, tasks: Iterable["Task"]) -> set[str]:
    """Return the ids of those tasks that a worker is executing or has reserved."""
    ids = [task.id for task in tasks]
    replies: Mapping[str, Any] = app.control.inspect(timeout=INSPECT_TIMEOUT_S).query_task(*ids) or {}
    return {task_id for task_id in ids for reply in replies.values() if isinstance(reply, dict) and task_id in reply}


class Task:
    """A step that was sent, with the interface of the result that Dagster's loop polls."""

    def __init__(self, watch: Watch, send: Callable[[App], str], fail: Callable[[str], list[DagsterEvent]]) -> None:
        self._watch, self._broker, self._send, self._fail = watch, watch.broker, send, fail
        self._result: Mapping[str, Any] = {"status": PENDING}
        self._lost = False
        self._submit()
        watch.tasks.append(self)

    def _submit(self) -> None:
        """Send the step, and set a marker in the backend that disappears if the broker loses its data."""
        self.id = self._broker.retry(self._send)
        self._broker.retry(lambda app: app.backend.set(self._marker, b"sent"))
        self.sent, self._misses = time.monotonic(), 0

    @property
    def _marker(self) -> str:
        return f"reflector-sent-{self.id}"

    def ready(self) -> bool:
        """Return True if the attempt has ended or the task is lost."""
        self._watch.check()
        return self._lost or self._has_result()

    def get(self) -> Iterable[str]:
        """Return the attempt's events, serialized; without a result, those that the step logged or a failure."""
        self._watch.tasks.remove(self)
        status, result = self._result["status"], self._result.get("result")
        if status == SUCCESS:
            return result or []
        if status == REVOKED:
            raise TaskRevokedError(str(result))
        reason = "the worker that executed this step is gone"
        if status in READY_STATES:
            reason = crash_reason(str(result)) or f"{type(result).__name__}: {result}"
        return [serialize_value(event) for event in self._fail(reason)]

    def revoke(self) -> None:
        """Remove the step from the queue, or terminate it if it is running."""
        self._broker.once(lambda app: app.control.revoke(self.id, terminate=True))

    def record_check(self, held: bool) -> None:
        """Record whether a worker holds this task; send a lost task again if it hadn't begun, else mark it as lost."""
        queued = self._result["status"] == PENDING and self._broker.once(lambda app: app.backend.get(self._marker))
        self._misses = 0 if held or queued or self._has_result() else self._misses + 1
        if self._misses < MAX_MISSES:
            return
        if self._result["status"] == PENDING:
            log.warning("the broker has lost the task %s: sent again", self.id)
            self._submit()
        else:
            self._lost = True

    def _has_result(self) -> bool:
        meta: Mapping[str, Any] | None = self._broker.once(lambda app: app.backend.get_task_meta(self.id))
        self._result = meta or self._result
        return self._result["status"] in READY_STATES

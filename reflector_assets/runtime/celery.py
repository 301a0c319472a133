"""Steps on Celery workers: Dagster's Celery executor, with a watch over what can get lost between machines.

Dagster sends each step as one Celery task and waits for its answer, for ever: it never learns that a worker was killed
or that the broker lost its data. The watch does, and makes of it what the crash of a step's process is in any other
executor: an attempt that failed, which the step's retry policy repeats.
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
from dagster import DagsterEvent, DagsterEventType, multiple_process_executor_requirements, serialize_value
from dagster._core.execution.retries import RetryMode
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.executor import CELERY_CONFIG, CeleryExecutor, _submit_task
from dagster_celery.make_app import make_app
from dagster_shared.error import SerializableErrorInfo
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from domain.errors import PermanentError
from reflector_assets.records import ATTEMPT_BEGINS, ATTEMPT_ENDS, crash_reason
from reflector_assets.runtime.process import CELERY
from reflector_assets.settings.main import Settings, get_settings

log = logging.getLogger(__name__)

BROKER, BACKEND = "REFLECTOR_CELERY_BROKER", "REFLECTOR_CELERY_BACKEND"
# The queue of steps that belong to no pool: short, and of little work.
LIGHT = "light"
# So many looks in a row at which no worker knew of a task: then it is lost, or its worker is.
MISSES = 3
# Seconds that the workers have for their answer.
ANSWER = 2.0
# Seconds that the broker may be away while a step is sent to it.
PATIENCE = 600.0
HIGHEST_PRIORITY = 9
# A RuntimeError is what Celery's backend raises once it has given up reconnecting.
AWAY = (OperationalError, RedisError, OSError, RuntimeError)
# What a run says of its steps before they begin, and the executor about them.
AROUND = {
    DagsterEventType.ENGINE_EVENT,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}
T = TypeVar("T")

CONFIG: Mapping[str, Any] = {
    "task_default_queue": LIGHT,
    "broker_transport_options": {"socket_keepalive": True, "health_check_interval": 25, "socket_connect_timeout": 10},
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "result_expires": 86400,
    # An answer waits for some minutes while the broker is away.
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": 100, "interval_start": 0, "interval_step": 0.5, "interval_max": 3}
    },
    # A worker takes a step off its queue when one of its processes is free, and no sooner.
    "worker_disable_prefetch": True,
    "worker_prefetch_multiplier": 1,
    # A message is done with as soon as its step begins: what becomes of the step is the watch's business. Messages
    # that are kept until the end are given out again while the step goes on, whenever the broker was away for a
    # moment, and the worker that holds one may then stop for good without ending (Celery 5.7).
    "task_acks_late": False,
    "task_track_started": True,
    "worker_redirect_stdouts": False,
}


def addresses(settings: Settings) -> tuple[str, str]:
    """Return the URLs of broker and backend; raises PermanentError when there is none."""
    if settings.celery_broker is None:
        raise PermanentError(f"REFLECTOR_EXECUTOR is celery, and {BROKER} is missing", hint="Set it to a redis:// URL.")
    broker = settings.celery_broker.get_secret_value()
    return broker, settings.celery_backend.get_secret_value() if settings.celery_backend else broker


def settings_app() -> Celery:
    """Make the Celery application of this deployment's settings, as workers load it."""
    broker, backend = addresses(get_settings())
    return make_app(CeleryExecutor.for_cli(broker=broker, backend=backend, config_source=dict(CONFIG)).app_args())


def celery_executor(settings: Settings) -> dg.ExecutorDefinition:
    """Make Dagster's Celery executor, watched. Dagster shows its configuration, so the URLs stand there by name."""
    os.environ[BROKER], os.environ[BACKEND] = addresses(settings)
    return _watched.configured(
        {"broker": {"env": BROKER}, "backend": {"env": BACKEND}, "config_source": dict(CONFIG)}, name=CELERY
    )


@dg.executor(name=CELERY, config_schema=CELERY_CONFIG, requirements=multiple_process_executor_requirements())
def _watched(context: dg.InitExecutorContext) -> "WatchedCeleryExecutor":
    config = context.executor_config
    return WatchedCeleryExecutor(
        broker=config.get("broker"),
        backend=config.get("backend"),
        config_source=config.get("config_source"),
        include=config.get("include"),
        retries=RetryMode.from_config(config["retries"]),  # pyright: ignore[reportArgumentType]
    )


class WatchedCeleryExecutor(CeleryExecutor):
    """Dagster's Celery executor, whose lost steps fail instead of being waited for."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Any:
        watch = Watch(Broker(self.app_args()), get_settings().worker_timeout / MISSES)

        def send(_: Celery, plan: Any, step: Any, queue: str, priority: int, known_state: Any) -> "Task":
            # Redis serves the lowest number first, Dagster means the highest.
            urgency = max(0, HIGHEST_PRIORITY - priority)

            def crashed(what: str) -> list[DagsterEvent]:
                number = known_state.get_retry_state().get_attempt_count(step.key)
                if over := outcome(attempt(plan.instance, plan.dagster_run.run_id, step.key, number)):
                    return over
                error = SerializableErrorInfo(f"StepCrash: {what}", [], "StepCrash")
                return [self.log_failure_or_retry_event_after_error(plan.for_step(step), error, known_state)]

            return Task(watch, lambda app: _submit_task(app, plan, step, queue, urgency, known_state).id, crashed)

        return core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=send)


def begun(instance: dg.DagsterInstance, run_id: str, step_key: str, number: int) -> bool:
    """Say whether an attempt at a step, 0 for the first, has begun; it may be over."""
    return bool(attempt(instance, run_id, step_key, number, ATTEMPT_BEGINS | ATTEMPT_ENDS))


def attempt(
    instance: dg.DagsterInstance, run_id: str, step_key: str, number: int, kinds: set[DagsterEventType] | None = None
) -> list[DagsterEvent]:
    """What the event log tells of one attempt at a step; `kinds`, its ends among them, in place of everything."""
    attempts: list[list[DagsterEvent]] = [[]]
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None or event.step_key != step_key or event.event_type in AROUND:
            continue
        attempts[-1].append(event)
        if event.is_step_up_for_retry:
            attempts.append([])
    return attempts[number] if number < len(attempts) else []


def outcome(events: list[DagsterEvent]) -> list[DagsterEvent]:
    """The events of an attempt that is over; nothing when it isn't."""
    return events if any(event.event_type in ATTEMPT_ENDS for event in events) else []


class Broker:
    """A run's way to the broker and to the workers' answers."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._arguments = arguments
        self._app = make_app(arguments)

    def patiently(self, call: Callable[[Celery], T], seconds: float = PATIENCE) -> T:
        """Do something, again while the broker is away; raises what the last attempt raised."""
        end = time.monotonic() + seconds
        while True:
            try:
                return call(self._app)
            except AWAY as error:
                log.warning("the broker doesn't answer: %s", type(error).__name__)
                self._renew()
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def now(self, call: Callable[[Celery], T]) -> T | None:
        """Do something, or return None when the broker is away."""
        with contextlib.suppress(*AWAY):
            return self.patiently(call, seconds=0)
        return None

    def _renew(self) -> None:
        """Connect anew: of Celery's own connections, shared over the whole process, some stay broken."""
        with contextlib.suppress(*AWAY):
            self._app.close()
        kombu.pools.reset()
        self._app = make_app(self._arguments)


class Watch:
    """Asks all workers every so many seconds which tasks they have; one for all tasks of a run."""

    def __init__(self, broker: Broker, every: float) -> None:
        self.broker, self._every = broker, every
        self.tasks: list[Task] = []
        self._looked = time.monotonic()

    def look(self) -> None:
        """Look after tasks that have been out for a while, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._looked < self._every:
            return
        watched = [task for task in self.tasks if now - task.sent >= self._every]
        if watched and (held := self.broker.now(lambda app: held_by_workers(app, watched))) is not None:
            for task in watched:
                task.looked_after(task.id in held)
        self._looked = time.monotonic()


def held_by_workers(app: Celery, tasks: Iterable["Task"]) -> set[str]:
    """The ids of those tasks that some worker has, at work or about to begin."""
    answers = app.control.inspect(timeout=ANSWER).query_task(*(task.id for task in tasks)) or {}
    return {task_id for answer in answers.values() if isinstance(answer, dict) for task_id in answer}


class Task:
    """A step under way, in the form of the result that Dagster's loop waits for."""

    def __init__(
        self, watch: Watch, send: Callable[[Celery], str], crashed: Callable[[str], list[DagsterEvent]]
    ) -> None:
        self._watch, self._broker, self._send, self._crashed = watch, watch.broker, send, crashed
        self._answer: Mapping[str, Any] = {"status": PENDING}
        self._lost = False
        self._submit()
        watch.tasks.append(self)

    def _submit(self) -> None:
        """Send the step, and leave a mark that is gone when the broker has lost its data."""
        self.id = self._broker.patiently(self._send)
        self._broker.patiently(lambda app: app.backend.set(self._mark, b"sent"))
        self.sent, self._misses = time.monotonic(), 0

    @property
    def _mark(self) -> str:
        return f"reflector-sent-{self.id}"

    def ready(self) -> bool:
        """Say whether the step's attempt is over, in whatever way."""
        self._watch.look()
        return self._lost or self._answered()

    def get(self) -> Iterable[str]:
        """Return the events of the attempt, serialized; where there is no answer, those that the step logged itself."""
        self._watch.tasks.remove(self)
        status, result = self._answer["status"], self._answer.get("result")
        if status == SUCCESS:
            return result or []
        if status == REVOKED:
            raise TaskRevokedError(str(result))
        what = "the worker that executed this step is gone"
        if status in READY_STATES:
            what = crash_reason(str(result)) or f"{type(result).__name__}: {result}"
        return [serialize_value(event) for event in self._crashed(what)]

    def revoke(self) -> None:
        """Take the step out of the queue, and end it where it is at work already."""
        self._broker.now(lambda app: app.control.revoke(self.id, terminate=True))

    def looked_after(self, held: bool) -> None:
        """Take note whether a worker has this task; send it again or give it up when it got lost."""
        waits = self._answer["status"] == PENDING and self._broker.now(lambda app: app.backend.get(self._mark))
        self._misses = 0 if held or waits or self._answered() else self._misses + 1
        if self._misses < MISSES:
            return
        if self._answer["status"] == PENDING:
            log.warning("the broker has lost the task %s: sent again", self.id)
            self._submit()
        else:
            self._lost = True

    def _answered(self) -> bool:
        answer = self._broker.now(lambda app: app.backend.get_task_meta(self.id))
        self._answer = answer or self._answer
        return self._answer["status"] in READY_STATES

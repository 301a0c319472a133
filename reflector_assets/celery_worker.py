"""The module that a Celery worker loads; docs/deployment.md has the command.

The worker's child processes are forked after all imports, and each executes one step at a time.
"""

import json
from typing import Any

import celery.signals
import dagster as dg
from celery import Task
from celery.exceptions import Ignore
from celery.states import RECEIVED
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME

import reflector_assets.preload  # noqa: F401
from reflector_assets.runtime.attempts import has_begun
from reflector_assets.runtime.celery import App, settings_app
from reflector_assets.runtime.dagster_internals.celery import create_task

signals: Any = celery.signals


class StepOnce(Task):
    """A step's task, ignored if its attempt has begun elsewhere or its run is over.

    A step can arrive twice: sent again because the broker seemed to have lost it, or redelivered after a worker was
    killed on receiving it. The second delivery must not return a result in place of the first.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        step: Any = dg.deserialize_value(json.dumps(kwargs["execute_step_args_packed"]))
        with dg.DagsterInstance.from_ref(step.instance_ref) as instance:
            if not is_pending(instance, step):
                raise Ignore
        task: Any = super()
        return task.__call__(*args, **kwargs)


def is_pending(instance: dg.DagsterInstance, step: Any) -> bool:
    """Return True if a step's attempt, described by Dagster's ExecuteStepArgs, hasn't begun and its run goes on."""
    run = instance.get_run_by_id(step.run_id)
    if run is None or run.is_finished or run.status == dg.DagsterRunStatus.CANCELING:
        return False
    [step_key] = step.step_keys_to_execute or [""]
    number = step.known_state.get_retry_state().get_attempt_count(step_key) if step.known_state else 0
    if not has_begun(instance, step.run_id, step_key, number):
        return True
    instance.report_engine_event(
        f"A worker received attempt {number + 1} at {step_key} a second time and ignored it.", run, step_key=step_key
    )
    return False


app: App = settings_app()
execute_step = create_task(app, base=StepOnce)


@signals.task_received.connect
def record_arrival(request: Any = None, **_: Any) -> None:
    """Record that a task has left its queue: from now on a worker holds it."""
    if request.name == TASK_EXECUTE_PLAN_NAME:
        app.backend.store_result(request.id, None, RECEIVED)

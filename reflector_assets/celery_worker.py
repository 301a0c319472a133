"""What a Celery worker loads; docs/deployment.md has the command.

The worker's children are forked from a process that has everything imported, and execute one step at a time.
"""

import json
from typing import Any

import dagster as dg
from celery import Task, signals
from celery.exceptions import Ignore
from celery.states import RECEIVED
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.tasks import create_task

import reflector_assets.preload  # noqa: F401
from reflector_assets.runtime.celery import begun, settings_app


class StepOnce(Task):
    """A step's task, which doesn't begin when its attempt has begun elsewhere, or when its run is over.

    The same step can arrive twice: sent again, when the broker seemed to have lost it, or handed out again after a
    worker was killed on receiving it. No answer of the second must reach whoever waits for the first.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        wanted: Any = dg.deserialize_value(json.dumps(kwargs["execute_step_args_packed"]))
        with dg.DagsterInstance.from_ref(wanted.instance_ref) as instance:
            if not still_wanted(instance, wanted):
                raise Ignore
        return super().__call__(*args, **kwargs)


def still_wanted(instance: dg.DagsterInstance, wanted: Any) -> bool:
    """Say whether a step's attempt is still to be made; `wanted` is what Dagster sent for it (its ExecuteStepArgs)."""
    run = instance.get_run_by_id(wanted.run_id)
    if run is None or run.is_finished or run.status == dg.DagsterRunStatus.CANCELING:
        return False
    [step_key] = wanted.step_keys_to_execute or [""]
    number = wanted.known_state.get_retry_state().get_attempt_count(step_key) if wanted.known_state else 0
    if not begun(instance, wanted.run_id, step_key, number):
        return True
    instance.report_engine_event(
        f"Attempt {number + 1} at {step_key} arrived at a worker twice; left to the first.", run, step_key=step_key
    )
    return False


app = settings_app()
execute_step = create_task(app, base=StepOnce)


@signals.task_received.connect
def note_arrival(request: Any = None, **_: Any) -> None:
    """Note that a task is no longer in a queue: from here on its worker answers for it."""
    if request.name == TASK_EXECUTE_PLAN_NAME:
        app.backend.store_result(request.id, None, RECEIVED)

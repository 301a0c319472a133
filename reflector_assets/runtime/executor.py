"""The executor of steps, as the settings choose: local processes, the run's process, Celery workers or pods."""

import logging

from dagster import (
    ExecutorDefinition,
    in_process_executor,
    multiple_process_executor_requirements,
    multiprocess_executor,
)

from domain.errors import PermanentError
from reflector_assets.runtime import warm_process
from reflector_assets.runtime.idle_wait import IdleWaitExecutor
from reflector_assets.runtime.process import MULTIPROCESS, PROCESSES
from reflector_assets.runtime.worker_executor import WorkerExecutor
from reflector_assets.settings.main import Settings

log = logging.getLogger(__name__)

# The concurrent steps of one run that belong to no pool; they are short.
UNPOOLED = 2


def without_busy_wait(wrapped: ExecutorDefinition) -> ExecutorDefinition:
    """Return an executor on this machine whose runs wait for pools without using CPU."""
    create = wrapped.executor_creation_fn
    assert create is not None
    return ExecutorDefinition(
        name=wrapped.name,
        config_schema=wrapped.config_schema,  # pyright: ignore[reportArgumentType] - a resolved schema is accepted
        requirements=wrapped.get_requirements,
        executor_creation_fn=lambda context: IdleWaitExecutor(create(context)),
        description=wrapped.description,
    )


def process_executor(max_concurrent: int) -> ExecutorDefinition:
    """Return an executor of steps in workers, at most `max_concurrent` of one run at once."""
    if not warm_process.is_supported():
        log.warning("this platform has no warm process: Dagster's multiprocess executor executes the steps")
        return multiprocess(max_concurrent)

    return ExecutorDefinition(
        name=PROCESSES,
        requirements=multiple_process_executor_requirements(),
        executor_creation_fn=lambda _: WorkerExecutor(max_concurrent),
    )


def multiprocess(max_concurrent: int) -> ExecutorDefinition:
    """Return Dagster's executor with a process per step, forked from a server that has already imported everything."""
    config: dict[str, object] = {
        "start_method": {"forkserver": {"preload_modules": [warm_process.MODULE]}},
        "max_concurrent": max_concurrent,
    }
    return without_busy_wait(multiprocess_executor).configured(config, name=MULTIPROCESS)


def build(settings: Settings) -> ExecutorDefinition:
    """Return the executor that the settings choose; raise PermanentError if a package or setting for it is missing."""
    if settings.executor == "in_process":
        return without_busy_wait(in_process_executor)
    # The pools limit heavy steps; a step that waits for a GPU service or an LLM uses no core.
    at_once = sum(settings.pools().values()) + UNPOOLED
    if settings.executor == "processes":
        return process_executor(at_once)
    if settings.executor == "multiprocess":
        return multiprocess(at_once)
    try:
        if settings.executor == "celery":
            from reflector_assets.runtime.celery import celery_executor  # noqa: PLC0415

            return celery_executor(settings)
        from dagster_k8s import k8s_job_executor  # noqa: PLC0415
    except ImportError as error:
        raise PermanentError(
            f"REFLECTOR_EXECUTOR is {settings.executor}, and the package {error.name} isn't installed",
            hint=f"pip install 'reflector-assets[{settings.executor}]'",
        ) from error
    # Image, namespace, secrets and volumes are those of the run's own pod.
    return k8s_job_executor

"""The executor of steps, as the settings choose: local processes, the run's process, Celery workers or pods."""

from dagster import (
    Executor,
    ExecutorDefinition,
    InitExecutorContext,
    in_process_executor,
    multiprocess_executor,
)

from domain.errors import PermanentError
from reflector_assets.runtime.connection_pool import pool_connections
from reflector_assets.runtime.idle_wait import IdleWaitExecutor
from reflector_assets.runtime.process import PROCESSES
from reflector_assets.settings.main import Settings

PRELOAD_MODULE = "reflector_assets.preload"
# The concurrent steps of one run that belong to no pool; they are short.
UNPOOLED = 2


def wrap(executor: ExecutorDefinition, *, idle_wait: bool = False) -> ExecutorDefinition:
    """Return the executor with pooled connections to Dagster's database and, if `idle_wait`, without busy-waiting.

    Executors on other machines don't busy-wait.
    """
    create = executor.executor_creation_fn
    assert create is not None

    def pool_and_create(context: InitExecutorContext) -> Executor:
        pool_connections(context.instance)
        return IdleWaitExecutor(create(context)) if idle_wait else create(context)

    return ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # pyright: ignore[reportArgumentType] - a resolved schema is accepted
        requirements=executor.get_requirements,
        executor_creation_fn=pool_and_create,
        description=executor.description,
    )


def process_executor(max_concurrent: int) -> ExecutorDefinition:
    """Return an executor with one process per step, at most `max_concurrent` of one run at once.

    The processes are forked from a server that has already imported everything.
    """
    config: dict[str, object] = {
        "start_method": {"forkserver": {"preload_modules": [PRELOAD_MODULE]}},
        "max_concurrent": max_concurrent,
    }
    return wrap(multiprocess_executor, idle_wait=True).configured(config, name=PROCESSES)


def build(settings: Settings) -> ExecutorDefinition:
    """Return the executor that the settings choose; raise PermanentError if a package or setting for it is missing."""
    if settings.executor == "in_process":
        return wrap(in_process_executor, idle_wait=True)
    if settings.executor == "processes":
        # The pools limit heavy steps; a step that waits for a GPU service or an LLM uses no core.
        return process_executor(sum(settings.pools().values()) + UNPOOLED)
    try:
        if settings.executor == "celery":
            from reflector_assets.runtime.celery import celery_executor  # noqa: PLC0415

            return wrap(celery_executor(settings))
        from dagster_k8s import k8s_job_executor  # noqa: PLC0415
    except ImportError as error:
        raise PermanentError(
            f"REFLECTOR_EXECUTOR is {settings.executor}, and the package {error.name} isn't installed",
            hint=f"pip install 'reflector-assets[{settings.executor}]'",
        ) from error
    # Image, namespace, secrets and volumes are those of the run's own pod.
    return wrap(k8s_job_executor)

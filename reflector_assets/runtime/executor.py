"""Who executes steps: processes of this machine, the run itself, Celery workers, or pods. Only the settings choose."""

from dagster import (
    Executor,
    ExecutorDefinition,
    InitExecutorContext,
    in_process_executor,
    multiprocess_executor,
)

from domain.errors import PermanentError
from reflector_assets.runtime.connection_pool import keep
from reflector_assets.runtime.idle_wait import PatientExecutor
from reflector_assets.runtime.process import PROCESSES
from reflector_assets.settings.main import Settings

WARM_MODULE = "reflector_assets.preload"
# Steps of one run that no pool limits, at once: they are short.
UNPOOLED = 2


def adapted(executor: ExecutorDefinition, *, patient: bool = False) -> ExecutorDefinition:
    """Make the same executor, whose runs keep their connections to Dagster's database and, if `patient`, wait quietly.

    Executors of other machines wait quietly by themselves.
    """
    create = executor.executor_creation_fn
    assert create is not None

    def keep_and_create(context: InitExecutorContext) -> Executor:
        keep(context.instance)
        return PatientExecutor(create(context)) if patient else create(context)

    return ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # pyright: ignore[reportArgumentType] - one that is read already
        requirements=executor.get_requirements,
        executor_creation_fn=keep_and_create,
        description=executor.description,
    )


def warm_executor(max_concurrent: int) -> ExecutorDefinition:
    """Make the executor: a process per step, at most `max_concurrent` of one run at once.

    The process is forked from a server that has everything imported already.
    """
    config: dict[str, object] = {
        "start_method": {"forkserver": {"preload_modules": [WARM_MODULE]}},
        "max_concurrent": max_concurrent,
    }
    return adapted(multiprocess_executor, patient=True).configured(config, name=PROCESSES)


def build(settings: Settings) -> ExecutorDefinition:
    """Make the executor that the settings ask for; raises PermanentError where something for it is missing."""
    if settings.executor == "in_process":
        return adapted(in_process_executor, patient=True)
    if settings.executor == "processes":
        # The pools limit what is heavy; a step that waits for a GPU service or an LLM takes no core.
        return warm_executor(sum(settings.pools().values()) + UNPOOLED)
    try:
        if settings.executor == "celery":
            from reflector_assets.runtime.celery import celery_executor  # noqa: PLC0415

            return adapted(celery_executor(settings))
        from dagster_k8s import k8s_job_executor  # noqa: PLC0415
    except ImportError as error:
        raise PermanentError(
            f"REFLECTOR_EXECUTOR is {settings.executor}, and the package {error.name} isn't installed",
            hint=f"pip install 'reflector-assets[{settings.executor}]'",
        ) from error
    # Image, namespace, secrets and volumes are those of the run's own pod.
    return adapted(k8s_job_executor)

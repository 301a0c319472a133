"""The process that a step is executed in."""

import multiprocessing
import sys

from dagster import AssetExecutionContext, OpExecutionContext

# Names of the executors, as jobs have them.
PROCESSES, CELERY, K8S = "multiprocess", "celery", "k8s"


def has_own_process(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Say whether the step is alone in its process, so that ending the process ends nothing else.

    It takes both: the multiprocess executor's children are Python child processes, and so are whole runs in process
    that a code server has started. The children of a Celery worker execute one step at a time, and a pod only one.
    """
    executor = context.job_def.executor_def.name
    if executor == CELERY:
        billiard = sys.modules.get("billiard")
        return billiard is not None and billiard.current_process().name != "MainProcess"
    return executor == K8S or (executor == PROCESSES and multiprocessing.parent_process() is not None)


def ends_with_step(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Say whether the step's process ends with it, as one of a Celery worker doesn't."""
    return has_own_process(context) and context.job_def.executor_def.name != CELERY

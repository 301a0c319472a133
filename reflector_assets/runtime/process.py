"""The process that executes a step."""

import multiprocessing
import sys

from dagster import AssetExecutionContext, OpExecutionContext

# The executors' names.
PROCESSES, CELERY, K8S = "multiprocess", "celery", "k8s"


def has_own_process(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Return True if the step's process executes nothing else, so that it can be killed.

    The executor's name alone isn't enough: whole in-process runs that a code server started are child processes, too.
    The child processes of a Celery worker execute one step at a time, and a pod executes only one.
    """
    executor = context.job_def.executor_def.name
    if executor == CELERY:
        billiard = sys.modules.get("billiard")
        return billiard is not None and billiard.current_process().name != "MainProcess"
    return executor == K8S or (executor == PROCESSES and multiprocessing.parent_process() is not None)


def ends_with_step(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Return True if the step's process ends with the step; that of a Celery worker goes on."""
    return has_own_process(context) and context.job_def.executor_def.name != CELERY

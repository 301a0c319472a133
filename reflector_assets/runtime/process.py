"""The process that executes a step."""

import multiprocessing
import sys
from pathlib import Path

from dagster import AssetExecutionContext, OpExecutionContext

# The executors' names.
PROCESSES, MULTIPROCESS, CELERY, K8S = "processes", "multiprocess", "celery", "k8s"
# Set in a worker (worker.py).
is_worker = False


def has_own_process(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Return True if the step's process executes nothing else, so that it can be killed.

    The executor's name alone isn't enough: whole in-process runs that a code server started are child processes, too.
    The child processes of a Celery worker execute one step at a time, and a pod executes only one.
    """
    executor = context.job_def.executor_def.name
    if executor == CELERY:
        billiard = sys.modules.get("billiard")
        return billiard is not None and billiard.current_process().name != "MainProcess"
    return is_worker or executor == K8S or (executor == MULTIPROCESS and multiprocessing.parent_process() is not None)


def set_name(name: str) -> None:
    """Name this process, on Linux, as `ps` and `top` show it: at most 15 characters."""
    Path("/proc/self/comm").write_text(name)

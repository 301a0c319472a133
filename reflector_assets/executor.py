"""How steps get a process of their own: forked from a server that has everything imported already."""

import multiprocessing
import signal

from dagster import AssetExecutionContext, ExecutorDefinition, OpExecutionContext, multiprocess_executor

WARM_MODULE = "reflector_assets.warm"
NAME = "multiprocess"


def warm_executor(max_concurrent: int | None = None) -> ExecutorDefinition:
    """Make the executor: a process per step, at most `max_concurrent` at once (None: one per core)."""
    config: dict[str, object] = {"start_method": {"forkserver": {"preload_modules": [WARM_MODULE]}}}
    if max_concurrent is not None:
        config["max_concurrent"] = max_concurrent
    return multiprocess_executor.configured(config, name=NAME)


executor = warm_executor()


def has_own_process(context: AssetExecutionContext | OpExecutionContext) -> bool:
    """Say whether the step is alone in its process, so that ending the process ends nothing else.

    It takes both: the multiprocess executor's children are Python child processes, and so are whole runs in process
    that a code server has started.
    """
    return multiprocessing.parent_process() is not None and context.job_def.executor_def.name == NAME


def crash_reason(message: str) -> str | None:
    """Say plainly what an engine event tells of a step's process that was ended; None when it tells of none."""
    if "terminated by signal" not in message:
        return None
    if f"({signal.SIGALRM.name})" in message:
        return "timeout: the step could not be interrupted, so its process was ended"
    if f"({signal.SIGKILL.name})" in message:
        return "the step's process was killed, most likely for want of memory"
    return "the step's process was ended by a signal"

"""Jobs for tests/runtime/test_workers.py; workers import this module."""

# pyright: basic

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np

from reflector_assets.runtime import process
from reflector_assets.runtime.executor import process_executor

ONCE_MORE = dg.RetryPolicy(max_retries=1)
WAITING = "the step waits to be interrupted"
HELD: list[np.ndarray] = []
MADE: list[str] = []


def report(context: dg.OpExecutionContext) -> None:
    context.add_output_metadata({"pid": os.getpid()})


@dg.op
def first(context: dg.OpExecutionContext) -> int:
    report(context)
    return 1


@dg.op
def second(context: dg.OpExecutionContext, before: int) -> int:
    report(context)
    return before + 1


@dg.op
def grows(context: dg.OpExecutionContext, before: int) -> int:
    HELD.append(np.ones(60_000_000))
    report(context)
    return before + 1


@dg.op
def third(context: dg.OpExecutionContext, before: int) -> None:
    report(context)


@dg.job(executor_def=process_executor(2))
def chain() -> None:
    third(second(first()))


@dg.op
def counts_makings(context: dg.OpExecutionContext, before: int) -> int:
    context.add_output_metadata({"made": len(MADE)})
    return before


def made() -> dg.JobDefinition:
    """Return the job `counting`, which is made in every process anew."""
    MADE.append("counting")

    @dg.job(executor_def=process_executor(1))
    def counting() -> None:
        counts_makings.alias("later")(counts_makings.alias("earlier")(first()))

    return counting


@dg.job(executor_def=process_executor(2))
def growing() -> None:
    third(grows(first()))


@dg.op(retry_policy=ONCE_MORE)
def killed_once(context: dg.OpExecutionContext) -> int:
    if context.retry_number == 0:
        # The child holds the worker's channel open.
        if os.fork() == 0:
            time.sleep(3600)
        os.kill(os.getpid(), signal.SIGKILL)
    report(context)
    return 1


@dg.op
def fails(context: dg.OpExecutionContext) -> None:
    raise ValueError("no such thing")


@dg.job(executor_def=process_executor(2))
def killed() -> None:
    third(killed_once())


@dg.job(executor_def=process_executor(2))
def failing() -> None:
    fails()
    third(first())


@dg.op
def waits(context: dg.OpExecutionContext) -> None:
    context.log.info(WAITING)
    time.sleep(3600)


@dg.job(executor_def=process_executor(2))
def waiting() -> None:
    waits()
    first()


@dg.op(retry_policy=ONCE_MORE)
def kills_all(context: dg.OpExecutionContext, before: int) -> None:
    if context.retry_number == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    report(context)


@dg.job(executor_def=process_executor(1))
def orphaned() -> None:
    kills_all(first())


@dg.success_hook
def deadly(context: dg.HookContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op(retry_policy=ONCE_MORE)
def dies_after_its_end(context: dg.OpExecutionContext) -> int:
    report(context)
    return 1


@dg.job(executor_def=process_executor(1))
def dying() -> None:
    third(dies_after_its_end.with_hooks({deadly})())


@dg.resource(config_schema={"finalized": str})
def opened(context: dg.InitResourceContext) -> Iterator[object]:
    yield object()
    if process.is_worker:
        Path(context.resource_config["finalized"]).touch()


@dg.op
def names() -> str:
    return ""


@dg.op(required_resource_keys={"opened"})
def shows_its_resource(context: dg.OpExecutionContext, before: str) -> str:
    return f"{os.getpid()}: {context.resources.opened}"


@dg.job(executor_def=process_executor(1), resource_defs={"opened": opened})
def resourceful() -> None:
    shows_its_resource.alias("later")(shows_its_resource.alias("earlier")(names()))

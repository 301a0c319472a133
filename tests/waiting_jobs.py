"""Jobs with one step in a pool, for a process of its own."""

import dagster as dg

from reflector_assets.runtime.executor import process_executor, without_busy_wait


@dg.op(pool="narrow")
def waits() -> None:
    """Have its turn."""


@dg.job(executor_def=process_executor(2))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_processes() -> None:
    waits()


@dg.job(executor_def=without_busy_wait(dg.in_process_executor))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_process() -> None:
    waits()


def main(folder: str, name: str) -> int:
    """Run a job on the instance of a folder; returns the exit code."""
    job = {"in_processes": in_processes, "in_process": in_process}[name]
    with (
        dg.DagsterInstance.local_temp(folder) as instance,
        dg.execute_job(dg.reconstructable(job), instance) as result,
    ):
        return 0 if result.success else 1

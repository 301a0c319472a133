"""A chain of empty assets in one partition, and the ways to start a process for each step.

`python -m bench.overhead_chain WAY FILE` runs it once on the instance of DAGSTER_HOME and writes the run's seconds.
"""

import os
import sys
import time
from functools import cache
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    DynamicPartitionsDefinition,
    ExecutorDefinition,
    JobDefinition,
    asset,
    build_reconstructable_job,
    define_asset_job,  # pyright: ignore[reportUnknownVariableType] - PathLike without a parameter
    execute_job,
    in_process_executor,
    multiprocess_executor,
)

from reflector_assets.runtime import warm_process
from reflector_assets.runtime.executor import multiprocess, process_executor

STEPS = int(os.environ.get("BENCH_STEPS", "14"))
PARTITIONS = DynamicPartitionsDefinition(name="bench_recordings")


# Made once in a process, like the job of each.
SPAWN = multiprocess_executor.configured({"max_concurrent": 2}, name="multiprocess")
FORKSERVER, WORKERS = multiprocess(2), process_executor(2)


def in_process() -> JobDefinition:
    """All steps in the run's own process."""
    return _job(in_process_executor)


def spawn() -> JobDefinition:
    """A new interpreter for each step: Dagster's default."""
    return _job(SPAWN)


def forkserver() -> JobDefinition:
    """A fork for each step, of a server that has everything imported: `REFLECTOR_EXECUTOR=multiprocess`."""
    return _job(FORKSERVER)


def workers() -> JobDefinition:
    """The product's executor: workers that execute one step after the other."""
    return _job(WORKERS)


WAYS = {"in-process": in_process, "spawn": spawn, "forkserver, preloaded": forkserver, "workers": workers}


@cache
def _job(executor: ExecutorDefinition) -> JobDefinition:
    """Return the job, made once in a process, as that of a code location is."""
    assets = [_link(number) for number in range(STEPS)]
    jobs = [define_asset_job("chain", partitions_def=PARTITIONS)]
    return Definitions(assets=assets, jobs=jobs, executor=executor).get_job_def("chain")


def _link(number: int) -> AssetsDefinition:
    @asset(name=f"step_{number:02}", partitions_def=PARTITIONS, deps=[f"step_{number - 1:02}"] if number else [])
    def empty(context: AssetExecutionContext) -> None:
        context.log.debug(context.partition_key)

    return empty


def run(way: str) -> float:
    """Run the chain twice from this process; return the seconds of the second run, for which servers are started."""
    begin = 0.0
    # By its module's name, like the jobs of a code location: processes that have it imported don't load it again.
    job = build_reconstructable_job("bench.overhead_chain", WAYS[way].__name__)
    if way == "workers":
        os.environ[warm_process.ADDRESS] = warm_process.start("bench.overhead_warm")[1:]
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(str(PARTITIONS.name), ["one"])
        for _ in range(2):
            begin = time.perf_counter()
            with execute_job(job, instance, tags={"dagster/partition": "one"}) as result:
                assert result.success
        return time.perf_counter() - begin


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(str(run(sys.argv[1])))

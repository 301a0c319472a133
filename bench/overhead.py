"""What a step costs that does nothing: 14 chained assets of one partition, by ways to start a step's process.

Run `python -m bench.overhead`. Every figure is a whole process (start, definitions, run, exit) on SQLite in a folder of
its own; the ratio is against the in-process run of the same call.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    DagsterInstance,
    Definitions,
    DynamicPartitionsDefinition,
    ExecutorDefinition,
    JobDefinition,
    asset,
    define_asset_job,
    execute_job,
    in_process_executor,
    multiprocess_executor,
    reconstructable,
)

from reflector_assets.executor import warm_executor

STEPS = 14
PARTITIONS = DynamicPartitionsDefinition(name="bench_recordings")


def forkserver(*preload: str) -> ExecutorDefinition:
    start = {"forkserver": {"preload_modules": list(preload)}}
    return multiprocess_executor.configured({"start_method": start, "max_concurrent": 2}, name="multiprocess")


EXECUTORS = {
    "in-process": lambda: in_process_executor,
    "spawn": lambda: multiprocess_executor.configured({"max_concurrent": 2}, name="multiprocess"),
    "forkserver": lambda: forkserver("bench.overhead"),
    "forkserver + warm": lambda: warm_executor(2),
}


def chain() -> list:
    """14 assets, each from the one before."""

    def link(number: int):
        @asset(name=f"step_{number:02}", partitions_def=PARTITIONS, deps=[f"step_{number - 1:02}"] if number else [])
        def nothing(context: AssetExecutionContext) -> None:
            context.log.debug(context.partition_key)

        return nothing

    return [link(number) for number in range(STEPS)]


def job(way: str) -> JobDefinition:
    definitions = Definitions(
        assets=chain(), jobs=[define_asset_job("chain", partitions_def=PARTITIONS)], executor=EXECUTORS[way]()
    )
    return definitions.get_job_def("chain")


def in_process() -> JobDefinition:
    return job("in-process")


def spawn() -> JobDefinition:
    return job("spawn")


def forked() -> JobDefinition:
    return job("forkserver")


def warm() -> JobDefinition:
    return job("forkserver + warm")


JOBS = dict(zip(EXECUTORS, (in_process, spawn, forked, warm), strict=True))


def run(way: str) -> None:
    """Run the chain once in this process, on the instance of DAGSTER_HOME."""
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(str(PARTITIONS.name), ["one"])
        begin = time.perf_counter()
        with execute_job(reconstructable(JOBS[way]), instance, tags={"dagster/partition": "one"}) as result:
            assert result.success
        print(time.perf_counter() - begin)


def measure(way: str) -> tuple[float, float]:
    """Seconds of a whole process, and of the run within it."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        begin = time.perf_counter()
        command = [sys.executable, "-m", "bench.overhead", "--one", way]
        environment = os.environ | {"DAGSTER_HOME": home}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        return time.perf_counter() - begin, float(done.stdout.splitlines()[-1])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--one", choices=EXECUTORS, help="run once in this process")
    arguments.add_argument("--repeat", type=int, default=3, help="the median of so many")
    options = arguments.parse_args()
    if options.one:
        return run(options.one)
    base = 0.0
    print(f"{'way':20} {'process s':>10} {'run s':>8} {'s per step':>11} {'ratio':>7}")
    for way in EXECUTORS:
        whole, inner = sorted(measure(way) for _ in range(options.repeat))[options.repeat // 2]
        base = base or whole
        print(f"{way:20} {whole:10.2f} {inner:8.2f} {inner / STEPS:11.3f} {whole / base:7.2f}")
    return None


if __name__ == "__main__":
    main()

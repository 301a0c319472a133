"""Many recordings at once: how many per minute, in which order, with how much memory; on SQLite and PostgreSQL.

Each has three tracks; a GPU call takes 0.5 s and an LLM call 0.2 s, on stand-ins on 127.0.0.1. All are announced by
webhooks before the daemon starts. The clock runs from the daemon's start to the last recording's end. Steps run in the
run's own process, in workers, or in processes of Dagster's own executor, according to REFLECTOR_EXECUTOR.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from bench.process_tree import POSTGRESQL, ProcessTree
from bench.results import Cell, Chart, Result, Size, Table, Target, cli
from bench.world import World, world
from reflector_assets import tags
from reflector_assets.eventlog.steps import failure_reason
from reflector_assets.records import IN_PROGRESS

TRACKS, GPU_S, LLM_S = 3, 0.5, 0.2
IN_PROCESS, PROCESSES, MULTIPROCESS = "in_process", "processes", "multiprocess"
SQLITE = "SQLite"
# Database, executor, recordings; Dagster's own executor takes several times the CPU.
BATCHES = {
    Size.LEAST: [(SQLITE, IN_PROCESS, 2)],
    Size.SHORT: [(SQLITE, IN_PROCESS, 12), (POSTGRESQL, IN_PROCESS, 12)],
    Size.FULL: [
        (SQLITE, IN_PROCESS, 200),
        (POSTGRESQL, IN_PROCESS, 200),
        (SQLITE, PROCESSES, 200),
        (POSTGRESQL, PROCESSES, 200),
        (SQLITE, MULTIPROCESS, 20),
    ],
}
# Limit of the places by which a recording starts out of order, per concurrent run: runs that are dequeued together
# start in any order.
FAIR = 2.0
# Recordings a minute in workers.
PER_MINUTE = 20.0
# Seconds without a queued or running run after which waiting ends.
IDLE_S = 60


@dataclass(frozen=True)
class Batch:
    """The outcome of a batch of recordings; in seconds, MiB, and CPU seconds by kind of process.

    `at_once` is the instance's limit of concurrent runs, `displaced` the most places that a recording started out of
    order.
    """

    database: str
    executor: str
    recordings: int
    finished: int
    runs: int
    failed: int
    at_once: int
    gpu_calls: int
    cpu: dict[str, float]
    peak: float
    peak_first_half: float
    ends: list[float]
    displaced: int

    @property
    def name(self) -> str:
        return f"{self.database}, {self.executor}"

    @property
    def per_minute(self) -> float:
        return self.finished / self.ends[-1] * 60


def measure(database: str, executor: str, count: int) -> Batch:
    """Announce recordings, start the daemon, and wait until all are finished."""
    settings = {"REFLECTOR_POLL_INTERVAL": "3600", "REFLECTOR_EXECUTOR": executor}
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), postgres=database == POSTGRESQL, gpu_s=GPU_S, llm_s=LLM_S, settings=settings) as here,
    ):
        for _ in range(count):
            here.announce(here.record(TRACKS))
        begin = time.time()
        with here.daemon, ProcessTree(lambda: [*here.processes(), *here.database()]) as processes:
            half = _wait(here, count, processes)
        return _batch(here, database, executor, begin, processes, half)


def _wait(here: World, count: int, processes: ProcessTree) -> float:
    """Wait until all recordings are finished and no run is active; return the peak memory of the first half."""
    half, last, end = 0.0, time.monotonic(), time.monotonic() + 240 + 60 * count
    while time.monotonic() < end:
        ended = here.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        if ended * 2 <= count:
            half = processes.peak
        # A recording may have several runs, and a crashed one is retried after a delay.
        if here.instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)):
            last = time.monotonic()
        elif ended >= count or time.monotonic() > last + IDLE_S:
            return half
        time.sleep(2)
    raise RuntimeError(f"{count} recordings were not finished in time")


def _batch(here: World, database: str, executor: str, begin: float, processes: ProcessTree, half: float) -> Batch:
    records = here.instance.get_run_records()
    ends: dict[str, float] = {}
    begins: dict[str, float] = {}
    for record in records:
        recording = record.dagster_run.tags[tags.PARTITION]
        if record.dagster_run.is_success and record.end_time is not None and record.start_time is not None:
            ends[recording], begins[recording] = record.end_time - begin, record.start_time
    arrived: list[str] = [recording["id"] for recording in here.made]
    begun = sorted((one for one in arrived if one in begins), key=begins.__getitem__)
    queue = here.instance.get_concurrency_config().run_queue_config
    if queue is None:
        raise RuntimeError("the instance has no run queue")
    failed = [record.dagster_run for record in records if record.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    for run in failed:
        step, reason = failure_reason(here.instance, run.run_id)
        print(f"failed: run {run.run_id}, {step or 'no step'}: {reason}", file=sys.stderr)
    return Batch(
        database=database,
        executor=executor,
        recordings=len(arrived),
        finished=sum(here.store.exists(f"recordings/{one}/transcript.json") for one in ends),
        runs=len(records),
        failed=len(failed),
        at_once=queue.max_concurrent_runs,
        gpu_calls=len(here.gpu.requests),
        cpu=processes.seconds(),
        peak=processes.peak,
        peak_first_half=half,
        ends=sorted(ends.values()),
        displaced=max((abs(begun.index(one) - arrived.index(one)) for one in begun), default=0),
    )


def bench(size: Size) -> Result:
    """Measure one batch after another."""
    return result([measure(*batch) for batch in BATCHES[size]])


def result(found: Sequence[Batch]) -> Result:
    """Return the tables, targets and chart of the measured batches."""
    kinds = sorted({kind for batch in found for kind in batch.cpu})
    speeds = {(batch.database, batch.executor): batch.per_minute for batch in found}
    most = max(batch.recordings for batch in found)
    marks = range(0, most, max(1, most // 20))
    counts = ["runs at once", "recordings", "finished", "runs", "failed runs", "GPU calls"]
    speed = ["seconds", "per minute", "ratio to in_process", "CPU s each", "peak memory MiB"]
    return Result(
        name="throughput",
        title="Throughput",
        how=f"Recordings of {TRACKS} tracks are announced by webhooks, then the daemon starts. A GPU call takes "
        f"{GPU_S:g} s and an LLM call {LLM_S:g} s, on stand-ins on the same machine. `executor` is "
        "`REFLECTOR_EXECUTOR`: steps run in the run's process (`in_process`), in the product's workers (`processes`), "
        "or in processes that Dagster's own executor starts (`multiprocess`).",
        tables=[
            Table(
                title=f"Recordings of {TRACKS} tracks at once",
                columns=["database", "executor", *counts, *speed, "places out of order"],
                rows=[
                    [
                        *(batch.database, batch.executor, batch.at_once, batch.recordings, batch.finished, batch.runs),
                        *(batch.failed, batch.gpu_calls, batch.ends[-1], batch.per_minute, _against(batch, speeds)),
                        *(sum(batch.cpu.values()) / batch.recordings, batch.peak, batch.displaced),
                    ]
                    for batch in found
                ],
                note="Memory is the sum over all processes, stand-ins excluded; shared memory counts once (PSS).",
            ),
            Table(
                title="CPU seconds per recording, by process",
                columns=["database", "executor", *kinds],
                rows=[
                    [
                        batch.database,
                        batch.executor,
                        *(batch.cpu.get(kind, 0.0) / batch.recordings for kind in kinds),
                    ]
                    for batch in found
                ],
            ),
        ],
        targets=[target for batch in found for target in _targets(batch)],
        charts=[
            Chart(
                name="throughput",
                title=f"{most} recordings at once",
                x_label="finished recordings",
                y_label="seconds from the start",
                x=[at + 1 for at in marks],
                values={
                    batch.name: [batch.ends[min(at, len(batch.ends) - 1)] for at in marks]
                    for batch in found
                    if batch.recordings == most
                },
            )
        ],
    )


def _against(batch: Batch, speeds: dict[tuple[str, str], float]) -> Cell:
    """Return the ratio to steps in the run's process on the same database, if that was measured."""
    base = speeds.get((batch.database, IN_PROCESS))
    return batch.per_minute / base if base else ""


def _targets(batch: Batch) -> list[Target]:
    limits: dict[str, tuple[float, float]] = {
        "unfinished recordings": (batch.recordings - batch.finished, 0),
        "runs beyond one per recording": (batch.runs - batch.recordings, 0),
        "GPU calls beyond one per track": (batch.gpu_calls - batch.recordings * TRACKS, 0),
        "peak memory / that of the first half": (batch.peak / (batch.peak_first_half or batch.peak), 1.1),
        "places out of order per concurrent run": (batch.displaced / batch.at_once, FAIR),
    }
    targets = [
        Target(what=f"{batch.name}: {what}", found=found, limit=limit) for what, (found, limit) in limits.items()
    ]
    if batch.executor == PROCESSES:
        speed = f"{batch.name}: {batch.recordings} at once, recordings a minute"
        targets.append(Target(what=speed, found=batch.per_minute, limit=PER_MINUTE, at_most=False))
    return targets


if __name__ == "__main__":
    cli("throughput", __doc__, bench)

"""Recordings that come all at once: how many a minute, in which order, with how much memory; on SQLite and PostgreSQL.

Each has three tracks; a GPU call takes 0.5 s and one of the LLM 0.2 s, on stand-ins on 127.0.0.1. All are announced by
webhooks before the daemon is started. The clock runs from the daemon's start to the last recording's end. Steps run in
the run's own process, or each in a process of its own, as REFLECTOR_EXECUTOR says.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from bench.family import POSTGRESQL, Family
from bench.results import Cell, Chart, Result, Size, Table, Target, cli
from bench.world import World, world
from reflector_assets import tags
from reflector_assets.eventlog.steps import why
from reflector_assets.operations.runs import IN_PROGRESS

TRACKS, GPU_S, LLM_S = 3, 0.5, 0.2
IN_PROCESS, PROCESSES = "in_process", "processes"
SQLITE = "SQLite"
# Database, executor, and how many recordings: in processes of their own steps take several times the CPU.
BATCHES = {
    Size.LEAST: [(SQLITE, PROCESSES, 2)],
    Size.SHORT: [(SQLITE, IN_PROCESS, 12), (POSTGRESQL, IN_PROCESS, 12)],
    Size.FULL: [
        (SQLITE, IN_PROCESS, 200),
        (POSTGRESQL, IN_PROCESS, 200),
        (SQLITE, PROCESSES, 20),
        (POSTGRESQL, PROCESSES, 20),
    ],
}
# So many times as many places a recording may begin before or after its turn as there are runs at once: those are taken
# out of the queue together, and begin in any order among them.
FAIR = 2.0
# After so many seconds without a run at work or in the queue nothing more is waited for.
IDLE_S = 60


@dataclass(frozen=True)
class Batch:
    """What became of recordings that came at once; seconds, MiB, and CPU seconds by kind of process.

    `at_once` is how many runs Dagster's instance lets work at once, `displaced` the most places that a recording began
    before or after its turn.
    """

    database: str
    executor: str
    recordings: int
    finished: int
    runs: int
    failed: int
    at_once: int
    gpu_calls: int
    seconds: float
    cpu: dict[str, float]
    peak: float
    peak_first_half: float
    ends: list[float]
    displaced: float

    @property
    def name(self) -> str:
        return f"{self.database}, {self.executor}"

    @property
    def per_minute(self) -> float:
        return self.finished / self.seconds * 60


def measure(database: str, executor: str, many: int) -> Batch:
    """Announce recordings, start the daemon, and wait for all of them."""
    settings = {"REFLECTOR_POLL_INTERVAL": "3600", "REFLECTOR_EXECUTOR": executor}
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), postgres=database == POSTGRESQL, gpu_s=GPU_S, llm_s=LLM_S, settings=settings) as here,
    ):
        for _ in range(many):
            here.announce(here.record(TRACKS))
        begin = time.time()
        with here.daemon, Family(lambda: [*here.processes(), *here.database()], every=1.0) as family:
            half = _wait(here, many, family)
        return _batch(here, database, executor, begin, family, half)


def _wait(here: World, many: int, family: Family) -> float:
    """Wait until all recordings are finished and nothing goes on any more; returns the most memory until half were."""
    half, last, end = 0.0, time.monotonic(), time.monotonic() + 240 + 60 * many
    while time.monotonic() < end:
        ended = here.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        if ended * 2 <= many:
            half = family.most
        # A recording may have several runs, and what crashed is tried again after a while.
        if here.instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)):
            last = time.monotonic()
        elif ended >= many or time.monotonic() > last + IDLE_S:
            return half
        time.sleep(2)
    raise RuntimeError(f"{many} recordings were not finished in time")


def _batch(here: World, database: str, executor: str, begin: float, family: Family, half: float) -> Batch:
    records = here.instance.get_run_records()
    ends: dict[str, float] = {}
    begins: dict[str, float] = {}
    for record in records:
        recording = record.dagster_run.tags[tags.PARTITION]
        if record.dagster_run.is_success and record.end_time is not None and record.start_time is not None:
            ends[recording], begins[recording] = record.end_time - begin, record.start_time
    arrived = [recording["id"] for recording in here.made]
    begun = sorted((one for one in arrived if one in begins), key=begins.__getitem__)
    displaced = [abs(begun.index(one) - arrived.index(one)) for one in begun]
    queue = here.instance.get_concurrency_config().run_queue_config
    if queue is None:
        raise RuntimeError("the instance has no queue of runs")
    failed = [record.dagster_run for record in records if record.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    for run in failed:
        step, reason = why(here.instance, run.run_id)
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
        seconds=max(ends.values()),
        cpu=family.seconds(),
        peak=family.most,
        peak_first_half=half,
        ends=sorted(ends.values()),
        displaced=max(displaced, default=0),
    )


def bench(size: Size) -> Result:
    """Measure one batch after the other."""
    return result([measure(*batch) for batch in BATCHES[size]])


def result(found: Sequence[Batch]) -> Result:
    """Lay out what was measured."""
    kinds = sorted({kind for batch in found for kind in batch.cpu})
    speeds = {(batch.database, batch.executor): batch.per_minute for batch in found}
    rows = Table(
        title=f"Recordings of {TRACKS} tracks at once",
        columns=[
            "database",
            "steps",
            "runs at once",
            "recordings",
            "finished",
            "runs",
            "failed runs",
            "GPU calls",
            "s in all",
            "a minute",
            "against the other steps",
            "CPU s each",
            "most memory MiB",
            "begun out of turn, places",
        ],
        rows=[
            [
                batch.database,
                batch.executor,
                batch.at_once,
                batch.recordings,
                batch.finished,
                batch.runs,
                batch.failed,
                batch.gpu_calls,
                batch.seconds,
                batch.per_minute,
                _against(batch, speeds),
                sum(batch.cpu.values()) / batch.recordings,
                batch.peak,
                batch.displaced,
            ]
            for batch in found
        ],
        note="Memory is the sum of what all processes hold; what they share is counted for each.",
    )
    where = Table(
        title="CPU seconds per recording, by process",
        columns=["database", "steps", *kinds],
        rows=[
            [
                batch.database,
                batch.executor,
                *(batch.cpu.get(kind, 0.0) / batch.recordings for kind in kinds),
            ]
            for batch in found
        ],
    )
    targets = [target for batch in found for target in _targets(batch)]
    most = max(batch.recordings for batch in found)
    large = [batch for batch in found if batch.recordings == most]
    steps = range(0, most, max(1, most // 20))
    chart = Chart(
        name="throughput",
        title=f"{most} recordings at once",
        x_label="finished recordings",
        y_label="seconds from the start",
        x=[at + 1 for at in steps],
        values={batch.name: [batch.ends[min(at, len(batch.ends) - 1)] for at in steps] for batch in large},
    )
    return Result(
        name="throughput",
        title="Throughput",
        how=f"Recordings of {TRACKS} tracks are announced by webhooks, then the daemon starts. A GPU call takes "
        f"{GPU_S:g} s and an LLM call {LLM_S:g} s, on stand-ins that share the machine. `steps` is "
        "`REFLECTOR_EXECUTOR`: in the run's process, or each in a process of its own.",
        tables=[rows, where],
        targets=targets,
        charts=[chart],
    )


def _against(batch: Batch, speeds: dict[tuple[str, str], float]) -> Cell:
    """The ratio to the same database with the other executor, where both were measured."""
    others = [
        speed
        for (database, executor), speed in speeds.items()
        if database == batch.database and executor != batch.executor
    ]
    return batch.per_minute / others[0] if others else ""


def _targets(batch: Batch) -> list[Target]:
    growth = batch.peak / batch.peak_first_half if batch.peak_first_half else 1.0
    return [
        Target(what=f"{batch.name}: not finished", found=batch.recordings - batch.finished, limit=0),
        Target(what=f"{batch.name}: runs beyond one a recording", found=batch.runs - batch.recordings, limit=0),
        Target(
            what=f"{batch.name}: GPU calls beyond one a track",
            found=batch.gpu_calls - batch.recordings * TRACKS,
            limit=0,
        ),
        Target(what=f"{batch.name}: memory of the whole / of the first half", found=growth, limit=1.1),
        Target(
            what=f"{batch.name}: places out of turn, for each run at once",
            found=batch.displaced / batch.at_once,
            limit=FAIR,
        ),
    ]


if __name__ == "__main__":
    cli("throughput", __doc__, bench)

"""Recordings that come all at once: how many a minute, in which order, with how much memory; on SQLite and PostgreSQL.

Each has three tracks; a GPU call takes 0.5 s and one of the LLM 0.2 s, on stand-ins on 127.0.0.1. All are announced by
webhooks before the daemon is started. The clock runs from the daemon's start to the last recording's end.
"""

import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dagster as dg

from bench.family import Family
from bench.results import Chart, Result, Size, Table, Target, cli
from bench.world import World, world

TRACKS, GPU_S, LLM_S = 3, 0.5, 0.2
MANY = {Size.LEAST: 2, Size.SHORT: 12, Size.FULL: 200}
# Of all recordings, so many begin and end earlier than one that came before them, by as many places at most.
FAIR = 0.05


@dataclass(frozen=True)
class Batch:
    """What became of recordings that came at once; seconds, MiB, and CPU seconds by kind of process."""

    recordings: int
    finished: int
    failed: int
    runs: int
    gpu_calls: int
    seconds: float
    cpu: dict[str, float]
    peak: float
    peak_first_half: float
    ends: list[float]
    displaced: float

    @property
    def per_minute(self) -> float:
        return self.finished / self.seconds * 60


def measure(many: int, *, postgres: bool) -> Batch:
    """Announce recordings, start the daemon, and wait for all of them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), postgres=postgres, gpu_s=GPU_S, llm_s=LLM_S, REFLECTOR_POLL_INTERVAL="3600") as here,
    ):
        for _ in range(many):
            recording = here.record(TRACKS)
            if (status := here.announce(recording)) != 200:
                raise RuntimeError(f"a webhook was answered {status}")
        begin = time.time()
        with here.daemon, Family(here.processes, every=1.0) as family:
            half = _wait(here, many, family)
        return _batch(here, begin, family, half)


def _wait(here: World, many: int, family: Family) -> float:
    """Wait until all runs have ended; returns the most memory until half of them had."""
    half, end = 0.0, time.monotonic() + 60 + 30 * many
    while True:
        ended = here.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        if ended * 2 <= many:
            half = family.most
        stopped = here.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        if ended + stopped >= many:
            return half
        if time.monotonic() > end:
            raise RuntimeError(f"only {ended} of {many} recordings were finished in time")
        time.sleep(2)


def _batch(here: World, begin: float, family: Family, half: float) -> Batch:
    records = here.instance.get_run_records()
    ends: dict[str, float] = {}
    begins: dict[str, float] = {}
    for record in records:
        recording = record.dagster_run.tags["dagster/partition"]
        if record.dagster_run.is_success and record.end_time is not None and record.start_time is not None:
            ends[recording], begins[recording] = record.end_time - begin, record.start_time
    arrived = [recording["id"] for recording in here.made]
    begun = sorted((one for one in arrived if one in begins), key=begins.__getitem__)
    displaced = [abs(begun.index(one) - arrived.index(one)) for one in begun]
    failed = Counter(record.dagster_run.status for record in records)[dg.DagsterRunStatus.FAILURE]
    return Batch(
        recordings=len(arrived),
        finished=sum(here.store.exists(f"recordings/{one}/transcript.json") for one in ends),
        failed=failed,
        runs=len(records),
        gpu_calls=len(here.gpu.requests),
        seconds=max(ends.values()),
        cpu=family.seconds(),
        peak=family.most,
        peak_first_half=half,
        ends=sorted(ends.values()),
        displaced=max(displaced, default=0),
    )


def bench(size: Size) -> Result:
    """Measure both databases, of the least size SQLite alone."""
    many = MANY[size]
    databases = ["SQLite"] if size is Size.LEAST else ["SQLite", "PostgreSQL"]
    found = {name: measure(many, postgres=name == "PostgreSQL") for name in databases}
    kinds = sorted({kind for batch in found.values() for kind in batch.cpu})
    rows = Table(
        title=f"{many} recordings of {TRACKS} tracks at once",
        columns=[
            "database",
            "finished",
            "failed runs",
            "runs",
            "GPU calls",
            "s in all",
            "recordings a minute",
            "CPU s per recording",
            "most memory MiB",
            "s between two ends, median",
            "most places out of turn",
        ],
        rows=[
            [
                name,
                batch.finished,
                batch.failed,
                batch.runs,
                batch.gpu_calls,
                batch.seconds,
                batch.per_minute,
                sum(batch.cpu.values()) / batch.recordings,
                batch.peak,
                statistics.median(b - a for a, b in pairwise(batch.ends)) if len(batch.ends) > 1 else 0.0,
                batch.displaced,
            ]
            for name, batch in found.items()
        ],
        note="Memory is the sum of what all processes hold, shared pages counted for each.",
    )
    where = Table(
        title="CPU seconds per recording, by process",
        columns=["database", *kinds],
        rows=[
            [name, *(batch.cpu.get(kind, 0.0) / batch.recordings for kind in kinds)] for name, batch in found.items()
        ],
    )
    targets = [
        target
        for name, batch in found.items()
        for target in (
            Target(what=f"{name}: recordings that aren't finished", found=many - batch.finished, limit=0),
            Target(what=f"{name}: GPU calls beyond one a track", found=batch.gpu_calls - many * TRACKS, limit=0),
            Target(
                what=f"{name}: memory of the second half / of the first",
                found=batch.peak / batch.peak_first_half if batch.peak_first_half else 1.0,
                limit=1.1,
            ),
            Target(what=f"{name}: places out of turn / recordings", found=batch.displaced / many, limit=FAIR),
        )
    ]
    steps = range(0, many, max(1, many // 20))
    chart = Chart(
        name="throughput",
        title="Finished recordings",
        x_label="recordings",
        y_label="seconds from the start",
        x=[at + 1 for at in steps],
        values={name: [batch.ends[at] for at in steps if at < len(batch.ends)] for name, batch in found.items()},
    )
    return Result(
        name="throughput",
        title="Throughput",
        how=f"{many} recordings of {TRACKS} tracks are announced by webhooks, then the daemon starts. A GPU call takes "
        f"{GPU_S:g} s and an LLM call {LLM_S:g} s, on stand-ins that share the machine.",
        tables=[rows, where],
        targets=targets,
        charts=[chart],
    )


if __name__ == "__main__":
    cli("throughput", __doc__, bench)

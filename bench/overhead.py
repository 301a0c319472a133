"""The cost of an empty step, by the way its process is started: `python -m bench.overhead`."""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.measure import ROOT, run
from bench.overhead_chain import WAYS
from bench.results import Chart, Result, Size, Table, Target, cli
from testing.deployment import write_config

BASE, DEFAULT, OURS = "in-process", "spawn", "workers"
# Steps, rounds of all ways, and rounds of the two that take little more than the steps, whose times vary more than they
# differ. The least omits the ways that are only there to be compared with.
SIZES = {Size.LEAST: (2, 0, 1), Size.SHORT: (14, 1, 4), Size.FULL: (14, 3, 12)}
AGAINST_SPAWN, AGAINST_BASE = 0.5, 1.5
"""Limits of the time of a step in a worker: the share of one with Dagster's default, and the multiple of in-process."""


class Run(NamedTuple):
    """The cost of a whole process, and the seconds of the run within it."""

    cpu: float
    whole: float
    rss: float
    inner: float


def measure(way: str, steps: int) -> Run:
    """Run the chain in a new process, on SQLite in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        write_config(Path(home))
        seconds = Path(home, "seconds")
        environment = os.environ | {"DAGSTER_HOME": home, "PYTHONPATH": str(ROOT), "BENCH_STEPS": str(steps)}
        cost = run([sys.executable, "-m", "bench.overhead_chain", way, seconds], env=environment)
        return Run(*cost, float(seconds.read_text()))


def bench(size: Size) -> Result:
    """Run the chain each way, in turns."""
    steps, repeat, more = SIZES[size]
    rounds = [{way: measure(way, steps) for way in ways} for ways in [list(WAYS)] * repeat + [[BASE, OURS]] * more]
    by_way = {way: [one[way] for one in rounds if way in one] for way in rounds[0]}
    found = {way: Run(*map(statistics.median, zip(*runs, strict=True))) for way, runs in by_way.items()}
    base = found[BASE]
    targets: list[Target] = []
    if DEFAULT in found:
        share = statistics.median(one[OURS].inner / one[DEFAULT].inner for one in rounds[:repeat])
        what = "a step in a worker, as a share of one with Dagster's default (spawn)"
        targets.append(Target(what=what, found=share, limit=AGAINST_SPAWN))
        share = statistics.median(one[OURS].inner / one[BASE].inner for one in rounds)
        targets.append(Target(what="a step in a worker / in process", found=share, limit=AGAINST_BASE))
    times = ["process s", "CPU s", "peak MiB", "run s", "s per step", "process s / in-process", "CPU s / in-process"]
    return Result(
        name="overhead",
        title="Overhead per step",
        how=f"A chain of {steps} empty assets in one partition, on the embedded storage. A process is "
        "measured from start to exit, with two runs and its children. The seconds are those of the second run, for "
        "which servers of steps are started already, and from which those per step are "
        f"computed. The peak is that of the largest process. Medians, in turns, of {repeat}; of {repeat + more} for "
        f"{BASE} and {OURS}. The product runs its steps in workers.",
        tables=[
            Table(
                title="Ways to start a step's process",
                columns=["way", *times],
                rows=[
                    [
                        *(way, one.whole, one.cpu, round(one.rss), one.inner, one.inner / steps),
                        *(one.whole / base.whole, one.cpu / base.cpu),
                    ]
                    for way, one in found.items()
                ],
            )
        ],
        targets=targets,
        charts=[
            Chart(
                name="overhead",
                title="Seconds per empty step",
                x_label="way",
                y_label="s",
                x=list(found),
                values={"s per step": [one.inner / steps for one in found.values()]},
                kind="bar",
            )
        ],
    )


if __name__ == "__main__":
    cli("overhead", __doc__, bench)

"""What a step costs that does nothing, by ways to start a step's process: `python -m bench.overhead`."""

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.chain import WAYS
from bench.measure import ROOT, run
from bench.results import Chart, Result, Size, Table, Target, cli

# The least leaves out those ways that only show what ours is better than.
SIZES = {
    Size.LEAST: (["in-process", "forkserver, warm"], 2, 1),
    Size.SHORT: (list(WAYS), 14, 1),
    Size.FULL: (list(WAYS), 14, 3),
}
AGAINST_SPAWN = 0.5
"""What a step in a process of its own may take, as a share of what it takes by Dagster's default."""


class Run(NamedTuple):
    """What a whole process cost, and the seconds of the run within it."""

    cpu: float
    whole: float
    rss: float
    inner: float


def measure(way: str, steps: int) -> Run:
    """Run the chain in a new process, on SQLite in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        seconds = Path(home, "seconds")
        environment = os.environ | {"DAGSTER_HOME": home, "PYTHONPATH": str(ROOT), "BENCH_STEPS": str(steps)}
        cost = run([sys.executable, "-m", "bench.chain", way, seconds], env=environment)
        return Run(*cost, float(seconds.read_text()))


def bench(size: Size) -> Result:
    """Run the chain by each way, in turns."""
    ways, steps, repeat = SIZES[size]
    rounds = [{way: measure(way, steps) for way in ways} for _ in range(repeat)]
    found = {way: Run(*map(statistics.median, zip(*(one[way] for one in rounds), strict=True))) for way in ways}
    base = found["in-process"]
    targets: list[Target] = []
    if "spawn" in found:
        share = statistics.median(one["forkserver, warm"].inner / one["spawn"].inner for one in rounds)
        what = "a step in the warm forkserver, as a share of one by Dagster's default (spawn)"
        targets.append(Target(what=what, found=share, limit=AGAINST_SPAWN))
    return Result(
        name="overhead",
        title="What a step costs",
        how=f"{steps} chained assets of one partition that do nothing, with SQLite in a folder of their own. A process "
        "is measured from its start to its exit, with all that it started; the run is the part between, from which the "
        f"seconds per step are; the peak is the largest process's. Medians of {repeat}, in turns. The product runs its "
        "steps in the warm forkserver.",
        tables=[
            Table(
                title="Ways to start a step's process",
                columns=[
                    "way",
                    "process s",
                    "CPU s",
                    "peak MiB",
                    "run s",
                    "s per step",
                    "times in-process",
                    "CPU, times",
                ],
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
                title="Seconds per step that does nothing",
                x_label="way",
                y_label="s",
                x=list(ways),
                values={"s per step": [one.inner / steps for one in found.values()]},
                kind="bar",
            )
        ],
    )


if __name__ == "__main__":
    cli("overhead", __doc__, bench)

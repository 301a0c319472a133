"""One recording from its appearance to its end, against the time it spends waiting for GPU and LLM.

GPU and LLM calls take a fixed time, on stand-ins on 127.0.0.1, so the rest of the wall time is overhead, divided into
named parts. The baselines are the sum of the same calls, Dagster's own executor, and steps in the run's process.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process_tree import ProcessTree
from bench.results import Chart, Result, Size, Table, Target, cli
from bench.whole_run_timeline import PARTS, SENSOR, SERVICES, Timeline, timeline
from bench.world import World, world
from testing.hosts.gpu_host import Call
from testing.hosts.host import Request

WORKERS, OTHERS = "processes", ("in_process", "multiprocess")
# Numbers of tracks, repeats, seconds of a GPU call and of an LLM call.
SIZES = {Size.LEAST: ([1], 1, 0.5, 0.1), Size.SHORT: ([1, 3], 3, 5.0, 0.5), Size.FULL: ([1, 3, 6, 12], 5, 5.0, 0.5)}
# The number of tracks that executors are compared and goals are set for.
COMPARED = 3
OVERHEAD_S, CPU_S, FIRST_STEP_S = 5.0, 6.0, 2.0
SECONDS, WORDS = 60.0, 2000


@dataclass(frozen=True)
class Run:
    """A recording's timeline, the sum of its calls in seconds, and CPU seconds of all processes."""

    timeline: Timeline
    serial: float
    cpu: float

    @property
    def overhead(self) -> float:
        return self.timeline.seconds - self.timeline.parts[SERVICES]


def answer(tracks: int) -> Callable[[Call], list[dict[str, Any]]]:
    """Return a transcriber that answers each track with an equal share of the meeting's words."""
    share = WORDS // tracks
    each = SECONDS / share

    def words(_: Call) -> list[dict[str, Any]]:
        return [{"word": f" word{n}.", "start": n * each, "end": (n + 0.9) * each} for n in range(share)]

    return words


def process(here: World, tracks: int) -> Run:
    """Process one recording, and divide its time."""
    here.gpu.words = answer(tracks)
    recording = here.record(tracks, SECONDS)
    gpu_calls, llm_calls = len(here.gpu.requests), len(here.llm.requests)
    clock = time.time() - time.monotonic()
    with ProcessTree(here.processes) as processes:
        appeared = time.time()
        here.announce(recording)
        here.wait_for_end(recording["id"])
    calls: list[Request] = [*here.gpu.requests[gpu_calls:], *here.llm.requests[llm_calls:]]
    spans = [(call.at + clock, call.ended + clock) for call in calls]
    return Run(
        timeline(here.instance, recording["id"], appeared, spans),
        sum(end - begin for begin, end in spans),
        sum(processes.seconds().values()),
    )


def measure(executor: str, counts: Sequence[int], size: Size) -> dict[int, list[Run]]:
    """Return runs by their number of tracks, after a first one that warms up."""
    _, repeat, gpu_s, llm_s = SIZES[size]
    settings = {
        "REFLECTOR_EXECUTOR": executor,
        # Identical recordings must not share answers.
        "REFLECTOR_CALL_CACHE_BYTES": "0",
        "REFLECTOR_POLL_INTERVAL": "3600",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), gpu_s=gpu_s, llm_s=llm_s, settings=settings) as here,
        here.daemon,
    ):
        if size is not Size.LEAST:
            process(here, 1)
        return {tracks: [process(here, tracks) for _ in range(repeat)] for tracks in counts}


def median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(map(figure, runs))


def bench(size: Size) -> Result:
    """Measure recordings of several numbers of tracks, and one number with each executor."""
    counts, repeat, gpu_s, llm_s = SIZES[size]
    found = {(WORKERS, tracks): runs for tracks, runs in measure(WORKERS, counts, size).items()}
    if COMPARED in counts:
        found |= {(name, COMPARED): measure(name, [COMPARED], size)[COMPARED] for name in OTHERS}
    middle = {key: sorted(runs, key=lambda run: run.timeline.seconds)[len(runs) // 2] for key, runs in found.items()}
    whole = ["executor", "tracks", "sum of the calls", "waiting for them", "appearance to end", "ratio to the sum"]
    return Result(
        name="whole_run",
        title="One recording",
        how=f"One recording of {SECONDS:g} s and {WORDS} words at a time, announced by a webhook, with a real daemon "
        f"and its code server. A GPU call takes {gpu_s:g} s and an LLM call {llm_s:g} s. Medians of {repeat}. "
        "`executor` is REFLECTOR_EXECUTOR: `processes` are the product's workers, `multiprocess` is Dagster's own.",
        tables=[
            Table(
                title="Seconds",
                columns=[*whole, "overhead", "until the run is requested", "until the first step", "CPU s"],
                rows=[
                    [
                        *(*key, median(runs, lambda run: run.serial)),
                        median(runs, lambda run: run.timeline.parts[SERVICES]),
                        median(runs, lambda run: run.timeline.seconds),
                        median(runs, lambda run: run.timeline.seconds / run.serial),
                        median(runs, lambda run: run.overhead),
                        median(runs, lambda run: run.timeline.parts[SENSOR]),
                        median(runs, lambda run: run.timeline.first_step),
                        median(runs, lambda run: run.cpu),
                    ]
                    for key, runs in found.items()
                ],
            ),
            Table(
                title="Where every second goes",
                columns=["executor", "tracks", *PARTS],
                rows=[[*key, *(run.timeline.parts[part] for part in PARTS)] for key, run in middle.items()],
                note="Of the median run. Each moment counts once, for the first part that covers it: the work of a "
                "step while another waits for the GPU is not overhead.",
            ),
        ],
        targets=_targets(found[WORKERS, COMPARED]) if COMPARED in counts else [],
        charts=[
            Chart(
                name="whole-run",
                title="Where a recording's seconds go",
                x_label="tracks",
                y_label="seconds",
                x=[str(tracks) for name, tracks in middle if name == WORKERS],
                values={
                    part: [run.timeline.parts[part] for (name, _), run in middle.items() if name == WORKERS]
                    for part in PARTS
                },
                kind="stack",
            )
        ],
    )


def _targets(runs: Sequence[Run]) -> list[Target]:
    limits = {
        "s of overhead": (median(runs, lambda run: run.overhead), OVERHEAD_S),
        "CPU s": (median(runs, lambda run: run.cpu), CPU_S),
        "s from the webhook to the first step": (median(runs, lambda run: run.timeline.first_step), FIRST_STEP_S),
    }
    return [
        Target(what=f"a recording of {COMPARED} tracks in workers: {what}", found=found, limit=limit)
        for what, (found, limit) in limits.items()
    ]


if __name__ == "__main__":
    cli("whole_run", __doc__, bench)

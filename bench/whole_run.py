"""One recording from its appearance to its end, against the time it spends waiting for GPU and LLM.

GPU and LLM calls take a fixed time, on stand-ins on 127.0.0.1, so the rest of the wall time is overhead, divided into
named parts. The baseline is the sum of the same calls.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process_tree import ProcessTree
from bench.results import Chart, Result, Size, Table, cli
from bench.whole_run_timeline import PARTS, SENSOR, SERVICES, Timeline, timeline
from bench.world import World, world
from testing.daemon import until
from testing.hosts.gpu_host import Call
from testing.hosts.host import Request

# Numbers of tracks, repeats, seconds of a GPU call and of an LLM call.
SIZES = {Size.LEAST: ([1], 1, 0.5, 0.1), Size.SHORT: ([1, 3], 1, 5.0, 0.5), Size.FULL: ([1, 3, 6, 12], 3, 5.0, 0.5)}
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

        def ended() -> bool:
            runs = here.runs(recording["id"])
            return bool(runs) and all(run.dagster_run.is_finished for run in runs)

        until(ended, 300, recording["id"])
    calls: list[Request] = [*here.gpu.requests[gpu_calls:], *here.llm.requests[llm_calls:]]
    spans = [(call.at + clock, call.ended + clock) for call in calls]
    return Run(
        timeline(here.instance, recording["id"], appeared, spans),
        sum(end - begin for begin, end in spans),
        sum(processes.seconds().values()),
    )


def measure(size: Size) -> dict[int, list[Run]]:
    """Return runs by their number of tracks, after a first one that warms up."""
    counts, repeat, gpu_s, llm_s = SIZES[size]
    # Identical recordings must not share answers.
    settings = {"REFLECTOR_CALL_CACHE_BYTES": "0", "REFLECTOR_POLL_INTERVAL": "3600"}
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), gpu_s=gpu_s, llm_s=llm_s, settings=settings) as here,
        here.daemon,
    ):
        if size is not Size.LEAST:
            process(here, 1)
        return {tracks: [process(here, tracks) for _ in range(repeat)] for tracks in counts}


def bench(size: Size) -> Result:
    """Measure recordings of several numbers of tracks."""
    found = {
        tracks: sorted(runs, key=lambda run: run.timeline.seconds)[len(runs) // 2]
        for tracks, runs in measure(size).items()
    }
    _, repeat, gpu_s, llm_s = SIZES[size]
    overhead = statistics.median(run.overhead for run in found.values())
    whole = ["tracks", "sum of the calls", "waiting for them", "appearance to end", "ratio to the sum", "overhead"]
    return Result(
        name="whole_run",
        title="One recording",
        how=f"One recording of {SECONDS:g} s and {WORDS} words at a time, announced by a webhook, with a real daemon. "
        f"A GPU call takes {gpu_s:g} s and an LLM call {llm_s:g} s. Median of {repeat}; median overhead "
        f"{overhead:.1f} s.",
        tables=[
            Table(
                title="Seconds",
                columns=[*whole, "of it until the run is requested", "CPU s"],
                rows=[
                    [
                        *(tracks, run.serial, run.timeline.parts[SERVICES], run.timeline.seconds),
                        *(run.timeline.seconds / run.serial, run.overhead, run.timeline.parts[SENSOR], run.cpu),
                    ]
                    for tracks, run in found.items()
                ],
            ),
            Table(
                title="Where every second goes",
                columns=["tracks", *PARTS],
                rows=[[tracks, *(run.timeline.parts[part] for part in PARTS)] for tracks, run in found.items()],
                note="Each moment counts once, for the first part that covers it: the work of a step while another "
                "waits for the GPU is not overhead.",
            ),
        ],
        charts=[
            Chart(
                name="whole-run",
                title="Where a recording's seconds go",
                x_label="tracks",
                y_label="seconds",
                x=[str(tracks) for tracks in found],
                values={part: [run.timeline.parts[part] for run in found.values()] for part in PARTS},
                kind="stack",
            )
        ],
    )


if __name__ == "__main__":
    cli("whole_run", __doc__, bench)

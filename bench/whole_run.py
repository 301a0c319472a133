"""One recording from its appearance to its end, against the time for which it had to wait for GPU and LLM anyway.

A GPU call takes 5 s and one of the LLM 0.5 s, on stand-ins on 127.0.0.1, so what is left of the wall time is ours, and
every second of it has a name. The baseline in the same table is the same calls one after the other.
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.family import Family
from bench.results import Chart, Result, Size, Table, cli
from bench.timeline import PARTS, SENSOR, SERVICES, Timeline, timeline
from bench.world import World, world
from testing.daemon import until
from testing.hosts.gpu_host import Call

TRACKS = {Size.LEAST: (1,), Size.SHORT: (1, 3), Size.FULL: (1, 3, 6, 12)}
REPEAT = {Size.LEAST: 1, Size.SHORT: 1, Size.FULL: 3}
GPU_S, LLM_S = 5.0, 0.5
SECONDS, WORDS = 60.0, 2000


@dataclass(frozen=True)
class Run:
    """A recording's way: its timeline, the sum of its calls in seconds, and CPU seconds of all processes."""

    timeline: Timeline
    serial: float
    cpu: float

    @property
    def overhead(self) -> float:
        return self.timeline.seconds - self.timeline.parts[SERVICES]


def talk(tracks: int) -> Any:
    """Say an equal share of the meeting's words on each track."""
    share = WORDS // tracks
    each = SECONDS / share

    def words(_: Call) -> list[dict[str, Any]]:
        return [{"word": f" word{n}.", "start": n * each, "end": (n + 0.9) * each} for n in range(share)]

    return words


def one(here: World, tracks: int) -> Run:
    """Process a recording alone, and cut up its time."""
    here.gpu.words = talk(tracks)
    recording = here.record(tracks, SECONDS)
    calls = len(here.gpu.requests), len(here.llm.requests)
    clock = time.time() - time.monotonic()
    with Family(here.processes) as family:
        appeared = time.time()
        here.announce(recording)

        def ended() -> bool:
            runs = here.runs(recording["id"])
            return bool(runs) and all(run.dagster_run.is_finished for run in runs)

        until(ended, 300, recording["id"])
    asked = [*here.gpu.requests[calls[0] :], *here.llm.requests[calls[1] :]]
    spans = [(call.at + clock, call.ended + clock) for call in asked]
    return Run(
        timeline(here.instance, recording["id"], appeared, spans),
        sum(end - begin for begin, end in spans),
        sum(family.seconds().values()),
    )


def measure(size: Size) -> dict[int, list[Run]]:
    """Runs by their number of tracks, after one that only shows that all is up."""
    with (
        tempfile.TemporaryDirectory() as folder,
        world(
            Path(folder),
            gpu_s=GPU_S,
            llm_s=LLM_S,
            # Each recording is paid for: its answers aren't another's.
            settings={"REFLECTOR_CALL_CACHE_BYTES": "0", "REFLECTOR_POLL_INTERVAL": "3600"},
        ) as here,
        here.daemon,
    ):
        if size is not Size.LEAST:
            one(here, 1)
        return {tracks: [one(here, tracks) for _ in range(REPEAT[size])] for tracks in TRACKS[size]}


def bench(size: Size) -> Result:
    """Measure recordings of several numbers of tracks."""
    found = {
        tracks: sorted(runs, key=lambda run: run.timeline.seconds)[len(runs) // 2]
        for tracks, runs in measure(size).items()
    }
    whole = Table(
        title="Seconds",
        columns=[
            "tracks",
            "calls one after the other",
            "waiting for them",
            "from appearance to end",
            "ratio to one after the other",
            "overhead",
            "of it until the run is asked for",
            "CPU s",
        ],
        rows=[
            [
                tracks,
                run.serial,
                run.timeline.parts[SERVICES],
                run.timeline.seconds,
                run.timeline.seconds / run.serial,
                run.overhead,
                run.timeline.parts[SENSOR],
                run.cpu,
            ]
            for tracks, run in found.items()
        ],
    )
    parts = Table(
        title="Where every second goes",
        columns=["tracks", *PARTS],
        rows=[[tracks, *(run.timeline.parts[part] for part in PARTS)] for tracks, run in found.items()],
        note="Each moment counts once, for the first of these parts that goes on: what a step does while another waits "
        "for the GPU is not overhead.",
    )
    chart = Chart(
        name="whole-run",
        title="Where a recording's seconds go",
        x_label="tracks",
        y_label="seconds",
        x=[str(tracks) for tracks in found],
        values={part: [run.timeline.parts[part] for run in found.values()] for part in PARTS},
        kind="stack",
    )
    spread = statistics.median(run.overhead for run in found.values())
    return Result(
        name="whole_run",
        title="One recording",
        how=f"One recording of {SECONDS:g} s and {WORDS} words at a time, announced by a webhook, for a real daemon. "
        f"A GPU call takes {GPU_S:g} s and an LLM call {LLM_S:g} s. Median of {REPEAT[size]}; median overhead "
        f"{spread:.1f} s.",
        tables=[whole, parts],
        charts=[chart],
    )


if __name__ == "__main__":
    cli("whole_run", __doc__, bench)

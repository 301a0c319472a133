"""Seconds from a recording's appearance to its first step, on a real daemon: `python -m bench.latency`.

A recording appears when its id is added, which is the last thing that an import does. The parts are told apart by the
times of Dagster's own events; every recording comes when all is idle, at some moment of the sensor's five seconds.
"""

import itertools
import random
import re
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import dagster as dg

from bench.results import Cell, Chart, Result, Size, Table, Target, cli
from reflector_assets import tags
from resources.local_folder import LocalFolder
from resources.store.base import LocalStore
from testing.audio_files import babble, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import Deployment, deploy
from testing.hosts.gpu_host import GPUHost

# Each part ends with an event; the first begins when the recording appears.
PARTS = {
    "sensor: the run is requested": dg.DagsterEventType.RUN_ENQUEUED,
    "queue: it is taken out": dg.DagsterEventType.RUN_STARTING,
    "run worker: its process executes the run": dg.DagsterEventType.RUN_START,
    "first step: its process executes `recording`": dg.DagsterEventType.STEP_START,
}
OURS, THEIRS = "dagster.yaml", "Dagster's defaults"
# So many recordings under each of the settings; one more before them shows that all is up, but for the least.
SIZES = {Size.LEAST: (1, [OURS]), Size.SHORT: (3, [OURS]), Size.FULL: (10, [OURS, THEIRS])}
SEED = 1
"""Of the moments at which recordings appear."""
SHARE = 0.83
"""What it may take at most of what it takes with Dagster's defaults: 5.4 s of 6.5 s, as measured at first."""
HOW = (
    "Recordings of one short track appear one after the other, each when all is idle, at a random moment of the five "
    "seconds that Dagster's sensor loop takes; a real daemon on SQLite starts their runs. Seconds of the wall clock, "
    "by the times of Dagster's events."
)


def parts(instance: dg.DagsterInstance, recording_id: str) -> list[float]:
    """Add a recording, wait for its run to end, and return the seconds of each part."""
    begin = time.time()
    instance.add_dynamic_partitions("recordings", [recording_id])

    def ended() -> dg.DagsterRun | None:
        runs = instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
        return next((run for run in runs if run.is_finished), None)

    run = until(ended, 300, recording_id)
    if not run.is_success:
        raise RuntimeError(f"run {run.run_id} of {recording_id} failed")
    times = [begin]
    for event in PARTS.values():
        records = instance.get_records_for_run(run.run_id, of_type=event).records
        entries = [record.event_log_entry for record in records]
        if event == dg.DagsterEventType.STEP_START:
            entries = [entry for entry in entries if entry.step_key == "recording"]
        times.append(entries[0].timestamp)
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def measure(repeat: int, warm_up: int, settings: str) -> list[list[float]]:
    """Return the parts of `repeat` recordings that appear one after the other."""
    chance = random.Random(SEED)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gpu = stack.enter_context(GPUHost())
        deployment = deploy(home, **gpu.env)
        if settings == THEIRS:
            by_default(deployment)
        source = LocalFolder(store=LocalStore(root=str(deployment.data)))
        (home / "source").mkdir()
        opus_track(home / "source" / "person.webm", babble(2.0))
        # Opened before the daemon: only one process may make the database.
        instance = stack.enter_context(open_instance(deployment))
        stack.enter_context(Daemon(deployment))
        found: list[list[float]] = []
        for number in range(repeat + warm_up):
            recording_id = f"recording-{number}"
            source.import_folder(home / "source", recording_id=recording_id)
            if warm_up:
                time.sleep(chance.uniform(2, 7))
            found.append(parts(instance, recording_id))
        return found[warm_up:]


def by_default(deployment: Deployment) -> None:
    """Leave the queue and the sensors to Dagster's own settings."""
    file = deployment.home / "dagster" / "dagster.yaml"
    text, changed = re.subn(r"^(?:run_queue|sensors): .*\n", "", file.read_text(), flags=re.M)
    if changed != 2:
        raise RuntimeError("dagster.yaml has run_queue and sensors no more, each on a line of its own")
    file.write_text(text)


def bench(size: Size) -> Result:
    """Measure under our settings, and for the full size under Dagster's."""
    repeat, compared = SIZES[size]
    found = {settings: measure(repeat, int(size != Size.LEAST), settings) for settings in compared}
    whole = {settings: statistics.median(map(sum, rounds)) for settings, rounds in found.items()}
    targets: list[Target] = []
    if THEIRS in whole:
        what = "median time to the first step, as a share of that with Dagster's defaults"
        targets.append(Target(what=what, found=whole[OURS] / whole[THEIRS], limit=SHARE))
    return Result(
        name="latency",
        title="From a recording to its first step",
        how=HOW,
        tables=[
            Table(
                title=f"With {settings}, recordings: {repeat}",
                columns=["part", "median s", "least s", "most s"],
                rows=rows(rounds),
            )
            for settings, rounds in found.items()
        ],
        targets=targets,
        charts=[
            Chart(
                name="latency",
                title="Median seconds to the first step, by part",
                x_label="part",
                y_label="s",
                x=[name.partition(":")[0] for name in PARTS],
                values={
                    settings: [statistics.median(part) for part in zip(*rounds, strict=True)]
                    for settings, rounds in found.items()
                },
                kind="bar",
            )
        ],
    )


def rows(rounds: list[list[float]]) -> list[list[Cell]]:
    """Return a row for each part, and one for the whole."""
    columns = dict(zip(PARTS, zip(*rounds, strict=True), strict=True))
    columns["**from the recording to its first step**"] = tuple(sum(parts) for parts in rounds)
    return [[name, statistics.median(part), min(part), max(part)] for name, part in columns.items()]


if __name__ == "__main__":
    cli("latency", __doc__, bench)

"""Seconds from a recording's appearance to its first step, on a real daemon: run `python -m bench.latency`.

A recording appears when its id is added, which is the last thing that an import does. The parts are told apart by the
times of Dagster's own events; every recording comes when all is idle, at some moment of the sensor's five seconds.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import dagster as dg

from reflector_assets import tags
from resources.local_folder import LocalFolder
from resources.store import LocalStore
from tests.conftest import deploy
from tests.daemon import Daemon, open_instance, until
from tests.domain.audio_files import babble, opus_track
from tests.hosts.gpu_host import GPUHost

# Each part ends with an event; the first begins when the recording appears.
PARTS = {
    "sensor: the run is requested": dg.DagsterEventType.RUN_ENQUEUED,
    "queue: it is taken out": dg.DagsterEventType.RUN_STARTING,
    "run worker: its process executes the run": dg.DagsterEventType.RUN_START,
    "first step: its process executes `recording`": dg.DagsterEventType.STEP_START,
}


def one(instance: dg.DagsterInstance, recording_id: str) -> list[float]:
    """Add a recording, wait for its run to end, and return the seconds of each part."""
    begin = time.time()
    instance.add_dynamic_partitions("recordings", [recording_id])

    def ended() -> dg.DagsterRun | None:
        runs = instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
        return next((run for run in runs if run.is_finished), None)

    run = until(ended, 300, recording_id)
    if not run.is_success:
        sys.exit(f"run {run.run_id} of {recording_id} failed")
    times = [begin]
    for event in PARTS.values():
        records = instance.get_records_for_run(run.run_id, of_type=event).records
        entries = [record.event_log_entry for record in records]
        if event == dg.DagsterEventType.STEP_START:
            entries = [entry for entry in entries if entry.step_key == "recording"]
        times.append(entries[0].timestamp)
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def measure(repeat: int, seed: int) -> list[list[float]]:
    """The parts of `repeat` recordings, one after the other."""
    chance = random.Random(seed)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gpu = stack.enter_context(GPUHost())
        deployment = deploy(home, TRANSCRIPT_BACKEND="modal", TRANSCRIPT_URL=gpu.url, TRANSCRIPT_MODAL_API_KEY=gpu.key)
        source = LocalFolder(store=LocalStore(root=str(deployment.data)))
        opus_track(home / "person.webm", babble(2.0))
        (home / "source").mkdir()
        (home / "person.webm").rename(home / "source" / "person.webm")
        # Opened before the daemon: only one process may make the database.
        instance = stack.enter_context(open_instance(deployment))
        stack.enter_context(Daemon(deployment))
        found: list[list[float]] = []
        # The first only shows that all is up.
        for number in range(repeat + 1):
            recording_id = f"recording-{number}"
            source.import_folder(home / "source", recording_id=recording_id)
            time.sleep(chance.uniform(2, 7))
            found.append(one(instance, recording_id))
        return found[1:]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeat", type=int, default=10, help="so many recordings")
    arguments.add_argument("--seed", type=int, default=1, help="of the moments at which they appear")
    arguments.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = arguments.parse_args()
    found = measure(options.repeat, options.seed)
    print("| part | median s | least s | most s |\n| --- | ---: | ---: | ---: |")
    columns = {name: [parts[at] for parts in found] for at, name in enumerate(PARTS)}
    for name, column in {
        **columns,
        "**from the recording to its first step**": [sum(parts) for parts in found],
    }.items():
        print(f"| {name} | {statistics.median(column):.2f} | {min(column):.2f} | {max(column):.2f} |")
    if options.json:
        options.json.write_text(json.dumps({"parts": list(PARTS), "seconds": found}, indent=1))


if __name__ == "__main__":
    main()

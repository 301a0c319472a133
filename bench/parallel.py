"""Wall time of a recording against the sum of its calls, one after the other: run `python -m bench.parallel`.

A GPU host that takes 10 s for a track and an LLM host that takes 1 s for a call, both on 127.0.0.1, and a run by a real
daemon. From the run's own events: how long the tracks took from the first one's beginning to the last one's end, and
the same of everything that asks the LLM; the rest of the run is its fixed overhead.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from reflector_assets import tags
from resources.local_folder import LocalFolder
from resources.store import LocalStore
from tests.conftest import deploy
from tests.daemon import Daemon, open_instance, until
from tests.domain.audio_files import babble, opus_track
from tests.hosts.gpu_host import Call, GPUHost
from tests.hosts.llm_host import LLMHost

TRACK_S, CALL_S = 10.0, 1.0
TRACKS, WORDS = 6, 5000
SECONDS = 60.0
LLM_STEPS = ("topics", "title", "summary", "action_items")


def talk(_: Call) -> list[dict[str, Any]]:
    """An equal share of the meeting's words for each track."""
    share = WORDS // TRACKS
    each = SECONDS / share
    return [{"word": f" word{n}.", "start": n * each, "end": (n + 0.9) * each} for n in range(share)]


@dataclass(frozen=True)
class Timeline:
    """A run: its whole seconds, and when each step began and ended, in seconds from its beginning."""

    seconds: float
    steps: dict[str, tuple[float, float]]

    def span(self, names: Collection[str]) -> float:
        """Seconds from the first beginning of these steps to their last end."""
        times = [time for step, both in self.steps.items() if step.split("[")[0] in names for time in both]
        return max(times) - min(times)


def timeline(instance: dg.DagsterInstance, run: dg.RunRecord) -> Timeline:
    """Read a run's own events."""
    assert run.start_time is not None
    assert run.end_time is not None
    times: dict[str, list[float]] = {}
    for kind in (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS):
        for record in instance.get_records_for_run(run.dagster_run.run_id, of_type=kind).records:
            entry = record.event_log_entry
            if entry.step_key:
                times.setdefault(entry.step_key.split(".")[-1], []).append(entry.timestamp - run.start_time)
    return Timeline(run.end_time - run.start_time, {step: (min(at), max(at)) for step, at in times.items()})


def one(instance: dg.DagsterInstance, source: LocalFolder, folder: Path, recording_id: str) -> Timeline:
    """Process a recording."""
    source.import_folder(folder, recording_id=recording_id)
    instance.add_dynamic_partitions("recordings", [recording_id])

    def ended() -> dg.RunRecord | None:
        found = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
        return next((record for record in found if record.dagster_run.is_finished), None)

    record = until(ended, 300, recording_id)
    if not record.dagster_run.is_success:
        sys.exit(f"run {record.dagster_run.run_id} of {recording_id} failed")
    return timeline(instance, record)


def measure(repeat: int) -> tuple[list[Timeline], int]:
    """The runs of `repeat` recordings, and how many LLM calls one takes."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gpu = stack.enter_context(GPUHost(latency=TRACK_S, words=talk))
        llm = stack.enter_context(LLMHost(latency=CALL_S))
        deployment = deploy(
            home / "deployment",
            TRANSCRIPT_BACKEND="modal",
            TRANSCRIPT_URL=gpu.url,
            TRANSCRIPT_MODAL_API_KEY=gpu.key,
            LLM_URL=llm.url,
            LLM_API_KEY=llm.key,
            LLM_MODEL=llm.model,
            # Each recording is paid for: its answers aren't another's.
            REFLECTOR_CALL_CACHE_BYTES="0",
        )
        if deployment.reflector("pools").returncode:
            sys.exit("the pools could not be set")
        source = LocalFolder(store=LocalStore(root=str(deployment.data)))
        folder = home / "source"
        folder.mkdir()
        for number in range(TRACKS):
            opus_track(folder / f"person-{number}.webm", babble(SECONDS, seed=number))
        instance = stack.enter_context(open_instance(deployment))
        stack.enter_context(Daemon(deployment))
        found = [one(instance, source, folder, f"recording-{number}") for number in range(repeat + 1)][1:]
        return found, len(llm.requests) // (repeat + 1)


def table(found: Sequence[Timeline], calls: int) -> str:
    """Markdown: serial sum against wall time of the fastest run, and its steps."""
    best = min(found, key=lambda run: run.seconds)
    rows = [
        ("tracks", f"{TRACKS} x {TRACK_S:g} s", TRACKS * TRACK_S, best.span({"transcribe_track"})),
        ("topics, title, summary, action items", f"{calls} x {CALL_S:g} s", calls * CALL_S, best.span(LLM_STEPS)),
        ("the whole run", "", TRACKS * TRACK_S + calls * CALL_S, best.seconds),
    ]
    lines = ["| part | calls | one after the other s | took s | ratio |", "| --- | --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {what} | {serial:.0f} | {took:.1f} | {took / serial:.2f} |" for name, what, serial, took in rows
    ]
    lines += ["", "| step | begins s | ends s |", "| --- | ---: | ---: |"]
    lines += [f"| {step} | {begin:.1f} | {end:.1f} |" for step, (begin, end) in best.steps.items()]
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeat", type=int, default=2, help="so many recordings, after one that warms up")
    arguments.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = arguments.parse_args()
    found, calls = measure(options.repeat)
    print(table(found, calls))
    if options.json:
        options.json.write_text(json.dumps({"runs": [asdict(run) for run in found], "llm_calls": calls}, indent=1))


if __name__ == "__main__":
    main()

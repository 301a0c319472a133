"""Processes are killed at random moments: every recording still ends finished, and hardly a GPU call is paid twice.

`REFLECTOR_KILL_SEED` repeats the kills of an earlier run, as far as the machine's timing allows.
"""

import contextlib
import io
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import psutil
import pyarrow.parquet as pq
import pytest

from reflector_assets import staleness, tags
from reflector_assets.domain.words import from_parquet
from reflector_assets.overview import recordings_overview
from reflector_assets.runs import IN_PROGRESS
from resources.local_folder import LocalFolder
from resources.store import LocalStore
from tests.conftest import Deployment, deploy
from tests.daemon import Daemon, open_instance, until
from tests.domain.audio_files import babble, decode, opus_track
from tests.hosts.gpu_host import GPUHost
from tests.hosts.llm_host import LLMHost
from tests.scenarios.processes import Processes

TRACKS = 3
LATENCY = 0.4
# Seconds between a call's answer and its place in the call cache, on a busy machine.
STORING = 1.0
# A run is taken up again at most so often (dagster.yaml); a recording that is killed more often stays failed.
MOST_RUNS = 4
PLAN = Counter(
    {
        "step": 7,
        "step in a call": 6,
        "worker": 4,
        "worker in a call": 3,
        "worker at its end": 2,
        "daemon": 4,
        "machine": 1,
    }
)


class Kill(NamedTuple):
    """One round: what was killed, when (monotonic clock), and the recordings that it hit."""

    kind: str
    at: float
    recordings: frozenset[str]


class Scenario:
    """Recordings on their way through a real daemon, and somebody who kills."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance, gpu: GPUHost, seed: int) -> None:
        self.deployment, self.instance, self.gpu = deployment, instance, gpu
        self.chance = random.Random(seed)
        self.store = LocalStore(root=str(deployment.data))
        self.processes = Processes(deployment, instance)
        self.daemon = Daemon(deployment)
        self.recordings: list[str] = []
        self.kills: list[Kill] = []

    def add(self) -> None:
        """Import a recording of its own sound, as `reflector import` does."""
        recording_id = f"meeting-{len(self.recordings)}"
        folder = self.deployment.home / "sources" / recording_id
        folder.mkdir(parents=True)
        for track in range(TRACKS):
            sound = babble(2.0 + 0.4 * track, seed=len(self.recordings) * TRACKS + track)
            opus_track(folder / f"person-{track}.webm", sound, start=0.3 * track)
        LocalFolder(store=self.store).import_folder(folder, recording_id=recording_id)
        self.instance.add_dynamic_partitions("recordings", [recording_id])
        self.recordings.append(recording_id)

    def unfinished(self) -> list[str]:
        """Recordings that the list of recordings doesn't show as ended, with their state."""
        rows = recordings_overview(self.instance, self.store)
        return [f"{row.id}: {row.state} {row.reason or ''}" for row in rows if row.state != "ended"]

    def round(self, kind: str) -> Kill:
        """Kill at some moment, as soon as there is somebody to kill; a killed daemon is started again."""
        time.sleep(self.chance.uniform(0.2, 4.0))
        victims, recordings = until(lambda: self._keep_busy() and self._victims(kind), 120, f"nobody to kill: {kind}")
        at = time.monotonic()
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        kill = Kill(kind, at, frozenset(recordings))
        self.kills.append(kill)
        if kind in {"daemon", "machine"}:
            assert self.daemon.process is not None
            self.daemon.process.wait()
            time.sleep(self.chance.uniform(0, 2))
            self.daemon.__enter__()
        return kill

    def _keep_busy(self) -> bool:
        """Have four recordings on their way, as many as there are runs at once."""
        if len(self.unfinished()) < 4:
            self.add()
        return True

    def _victims(self, kind: str) -> tuple[list[psutil.Process], Iterable[str]] | None:
        busy = {run.tags[tags.PARTITION] for run in self.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS))}
        if kind == "daemon":
            assert self.daemon.process is not None
            return [psutil.Process(self.daemon.process.pid)], ()
        runs = Counter(run.tags[tags.PARTITION] for run in self.instance.get_runs())
        tired = {recording for recording, count in runs.items() if count >= MOST_RUNS}
        if kind == "machine":
            return (self.processes.all(), busy) if busy and not busy & tired else None
        if kind.endswith("in a call"):
            eligible = {recording_of(call.name) for call in list(self.gpu.requests) if call.status == 0}
        elif kind.endswith("at its end"):
            eligible = {recording for recording in busy if self.store.exists(f"recordings/{recording}/transcript.json")}
        else:
            eligible = busy
        if kind.startswith("step"):
            found: dict[psutil.Process, str | None] = {**self.processes.steps()}
        else:
            found = {p: r for p, r in self.processes.run_workers().items() if r not in tired and (r or not tired)}
        found = {p: r for p, r in found.items() if r in eligible or (r is None and kind == "worker")}
        if not found:
            return None
        victim = self.chance.choice(sorted(found, key=lambda process: process.pid))
        return [victim], [r for r in [found[victim]] if r]


def test_what_a_killed_process_was_writing_goes_in_the_end(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path))
    with store.new_file("a/audio.mp3") as path:
        (path.parent / ".writing-killed.mp3").write_bytes(b"half")
        (path.parent / ".writing-at-work.mp3").write_bytes(b"half")
    yesterday = time.time() - 86400
    os.utime(tmp_path / "a" / ".writing-killed.mp3", (yesterday, yesterday))
    store.write("a/title.json", b"{}")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {".writing-at-work.mp3", "audio.mp3", "title.json"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_is_killed_every_recording_ends_finished(tmp_path: Path) -> None:
    seed = int(os.environ.get("REFLECTOR_KILL_SEED") or random.randrange(10**6))
    print(f"\nREFLECTOR_KILL_SEED={seed}")
    with GPUHost(latency=LATENCY) as gpu, LLMHost(pause=0.1) as llm:
        deployment = deploy(
            tmp_path,
            TRANSCRIPT_BACKEND="modal",
            TRANSCRIPT_URL=gpu.url,
            TRANSCRIPT_MODAL_API_KEY=gpu.key,
            LLM_URL=llm.url,
            LLM_API_KEY=llm.key,
            LLM_MODEL=llm.model,
            REFLECTOR_RETRY_DELAY="0.2",
        )
        # The test's own process makes the database, before the daemon opens it.
        with open_instance(deployment) as instance:
            scenario = Scenario(deployment, instance, gpu, seed)
            try:
                kill_and_recover(scenario)
            finally:
                for process in scenario.processes.all():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
            check_steps(instance, scenario.kills)
            check_files(scenario)
            check_calls(gpu, scenario)
            assert {call.status for call in llm.calls} <= {0, 200}


def kill_and_recover(scenario: Scenario) -> None:
    begin = time.monotonic()
    for _ in range(8):
        scenario.add()
    scenario.daemon.__enter__()
    rounds = list(PLAN.elements())
    scenario.chance.shuffle(rounds)
    for number, kind in enumerate(rounds, 1):
        kill = scenario.round(kind)
        print(f"{kill.at - begin:6.1f} s  round {number}: {kind} {' '.join(sorted(kill.recordings))}", flush=True)
    assert len(scenario.kills) >= 25
    try:
        until(lambda: not scenario.unfinished(), 300, "recordings that don't end")
    finally:
        print(f"{time.monotonic() - begin:6.1f} s  not finished: {scenario.unfinished()}", flush=True)


def check_steps(instance: dg.DagsterInstance, kills: list[Kill]) -> None:
    """Every trouble of a step was that its process was killed: nobody read half a file, or used what wasn't there."""
    retried = 0
    for run in instance.get_runs():
        for event in instance.all_logs(run.run_id):
            told = event.dagster_event
            if told is None or not (told.is_step_failure or told.is_step_up_for_retry):
                continue
            assert told.is_step_up_for_retry, f"{told.step_key} of {run.run_id}: {event.message} {told}"
            error = told.step_retry_data.error
            assert error is not None
            assert error.cls_name == "ChildProcessCrashException", error
            retried += 1
    steps = sum(kill.kind.startswith("step") for kill in kills)
    print(f"{steps} steps killed, {retried} tried again by their retry policy")
    assert retried <= steps


def check_calls(gpu: GPUHost, scenario: Scenario) -> None:
    """A track is transcribed once, and once more only for a kill that hit its recording during the call."""
    calls = gpu.calls
    assert len(calls) == TRACKS * len(scenario.recordings)
    lost = 0
    for name in calls:
        made = [call for call in gpu.requests if call.name == name]
        for call in made[:-1]:
            window = (call.at, call.at + LATENCY + STORING)
            hits = [k for k in scenario.kills if recording_of(name) in k.recordings and window[0] <= k.at <= window[1]]
            assert hits, f"{name} was transcribed again, though nothing was killed during its call"
            lost += 1
    print(
        f"{sum(calls.values())} GPU calls for {len(calls)} tracks, {lost} of them lost to {len(scenario.kills)} kills"
    )
    assert lost <= len(scenario.kills)


def check_files(scenario: Scenario) -> None:
    """Every file of a recording is whole, and says what it would say without kills."""
    from reflector_assets.definitions import graph

    left_over = 0
    for recording_id in scenario.recordings:
        folder = scenario.deployment.folder(recording_id)
        found = staleness.states(scenario.instance, graph, recording_id)
        assert [state.asset for state in found if state.record is None] == []
        for path in folder.rglob("*"):
            left_over += path.name.startswith(".writing-")
            if path.is_dir() or path.name.startswith(".writing-"):
                continue
            if path.suffix == ".json":
                assert ".writing-" not in json.dumps(json.loads(path.read_bytes()))
            elif path.suffix == ".parquet":
                assert pq.read_table(io.BytesIO(path.read_bytes())).num_rows > 0
            elif path.suffix in {".webm", ".mp3"}:
                assert decode(path).shape[1] > 0
        said = from_parquet((folder / "words.parquet").read_bytes())
        assert set(said["word"]) == {"this", "is", "speaking", *map(str, range(TRACKS))}
        assert len(said) == 4 * TRACKS
        document = json.loads((folder / "transcript.json").read_text())
        assert len({segment["speaker"] for segment in document["segments"]}) == TRACKS
    print(f"{left_over} files were left half-written, and none of them was read")
    assert not any(".writing-" in call.name for call in scenario.gpu.requests)


def recording_of(track: str) -> str:
    """The recording that a track's path belongs to."""
    return Path(track).parent.parent.name

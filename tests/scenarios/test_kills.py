"""Processes are killed at random moments: every recording still ends finished, and hardly a GPU call is paid twice.

There are 28 kills with `make test-kills`, and four times as many with `make test-long`.
`REFLECTOR_KILL_SEED` repeats the kills of an earlier run, as far as the machine's timing allows.
"""

import contextlib
import io
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pandas as pd
import psutil
import pytest

from domain.text.words import from_parquet
from reflector_assets import staleness, tags
from reflector_assets.eventlog.overview import recordings_overview
from reflector_assets.records import IN_PROGRESS
from resources.local_folder import LocalFolder
from resources.store.base import LocalStore
from testing import PATIENCE_S
from testing.audio_files import babble, decode, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import Deployment, deploy
from testing.hosts.gpu_host import GPUHost
from testing.hosts.llm_host import LLMHost
from testing.processes import Processes
from tests.examples import examples

pytestmark = pytest.mark.slow(200)
TRACKS = 3
# Of a GPU call, in seconds.
LATENCY = 0.8
# So many runs are at work at once (dagster.yaml).
AT_ONCE = 4
# Seconds between a call's answer and its place in the call cache, on a busy machine.
STORING = 2.0
# A run is taken up again at most so often (dagster.yaml), and a step tried again; more kills would be one too many.
MOST_RUNS = 4
MOST_STEPS = 3
KINDS = {
    "step": 5,
    "step in a call": 5,
    "run": 3,
    "run in a call": 3,
    "run at its end": 2,
    "warm process": 3,
    "starter": 2,
    "code server": 2,
    "daemon": 2,
    "machine": 1,
}
PLAN = Counter({kind: examples(count, 4 * count) for kind, count in KINDS.items()})
RARE = {kind for kind in PLAN if kind.endswith(("in a call", "at its end"))}


class Kill(NamedTuple):
    """One round: what was killed, when (monotonic clock), and the recordings that it hit."""

    kind: str
    at: float
    recordings: frozenset[str]


class Scenario:
    """Recordings on their way through a real daemon, and somebody who kills."""

    def __init__(
        self, deployment: Deployment, instance: dg.DagsterInstance, gpu: GPUHost, llm: LLMHost, seed: int
    ) -> None:
        self.deployment, self.instance, self.gpu, self.llm = deployment, instance, gpu, llm
        self.chance = random.Random(seed)
        self.store = LocalStore(root=str(deployment.data))
        self.processes = Processes(deployment, instance)
        self.daemon = Daemon(deployment)
        self.recordings: list[str] = []
        self.kills: list[Kill] = []
        self.left_behind: list[str] = []

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

    def round(self, kinds: Sequence[str]) -> Kill:
        """Kill at some moment, in the first way that finds a victim; only rare moments are taken out of turn."""
        time.sleep(self.chance.uniform(0.2, 3.0))
        kind, victims, recordings = until(lambda: self._chosen(kinds), what=f"nobody to kill: {kinds}")
        at = time.monotonic()
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        kill = Kill(kind, at, frozenset(recordings))
        self.kills.append(kill)
        if kind in {"daemon", "code server", "machine"}:
            psutil.wait_procs(victims)
            time.sleep(self.chance.uniform(0, 2))
            self.daemon.__enter__()
        return kill

    def _chosen(self, kinds: Sequence[str]) -> tuple[str, list[psutil.Process], Iterable[str]] | None:
        all_runs = self.instance.get_runs()
        runs = Counter(run.tags[tags.PARTITION] for run in all_runs)
        busy = {run.tags[tags.PARTITION] for run in all_runs if run.status in IN_PROGRESS}
        made = {r for r in self.recordings if self.store.exists(f"recordings/{r}/transcript.json")}
        if len(self.recordings) - len(made - busy) < AT_ONCE:
            self.add()
        tired = {recording for recording, count in runs.items() if count >= MOST_RUNS}
        executing = self.processes.runs()
        steps = self.processes.steps()
        executing = {p: r for p, r in executing.items() if r not in tired and (r or not tired)}
        turn = next((kind for kind in kinds if kind not in RARE), None)
        for kind in dict.fromkeys(kind for kind in kinds if kind in RARE or kind == turn):
            if kind in {"daemon", "code server"}:
                process = self.daemon.process if kind == "daemon" else self.daemon.code
                assert process is not None
                return kind, [psutil.Process(process.pid)], ()
            if kind == "machine" and busy and not busy & tired:
                return kind, self.processes.all(), busy
            if kind == "warm process" and (warm := self.processes.warm()):
                return kind, warm, ()
            if kind == "starter" and not busy & tired and (starters := self.processes.starters()):
                return kind, [self.chance.choice(starters)], busy
            eligible = self._eligible(kind, busy, made)
            found: dict[psutil.Process, str | None] = {**(steps if kind.startswith("step") else executing)}
            found = {p: r for p, r in found.items() if r in eligible or (r is None and kind == "run")}
            if found:
                victim = self.chance.choice(sorted(found, key=lambda process: process.pid))
                return kind, [victim], [r for r in [found[victim]] if r]
        return None

    def _eligible(self, kind: str, busy: set[str], made: set[str]) -> set[str]:
        """The recordings of which a process may be killed in this way now."""
        eligible = busy if kind.startswith(("step", "run")) else set[str]()
        if kind.endswith("in a call"):
            eligible = {recording_of(call.name) for call in list(self.gpu.requests) if call.status == 0}
        elif kind.endswith("at its end"):
            eligible = busy & made
        if kind.startswith("step"):
            killed = Counter(r for kill in self.kills if kill.kind.startswith("step") for r in kill.recordings)
            eligible = {recording for recording in eligible if killed[recording] < MOST_STEPS}
        return eligible


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """Recordings that all came to their end, though processes were killed all the time; nothing runs any more."""
    seed = int(os.environ.get("REFLECTOR_KILL_SEED") or random.randrange(10**6))
    print(f"\nREFLECTOR_KILL_SEED={seed}")
    with GPUHost(latency=LATENCY) as gpu, LLMHost(latency=0.1) as llm:
        home = tmp_path_factory.mktemp("kills")
        (home / "tmp").mkdir()
        settings = {"REFLECTOR_RETRY_DELAY": "0.2", "TMPDIR": str(home / "tmp")}
        deployment = deploy(home, **settings, **gpu.env, **llm.env)
        # The test's own process makes the database, before the daemon opens it.
        with open_instance(deployment) as instance:
            scenario = Scenario(deployment, instance, gpu, llm, seed)
            try:
                kill_and_recover(scenario)
            finally:
                for process in scenario.processes.all():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
            yield scenario


def kill_and_recover(scenario: Scenario) -> None:
    begin = time.monotonic()
    for _ in range(2 * AT_ONCE):
        scenario.add()
    scenario.daemon.__enter__()
    left = list(PLAN.elements())
    scenario.chance.shuffle(left)
    while left:
        kill = scenario.round(left)
        left.remove(kill.kind)
        print(f"{kill.at - begin:6.1f} s  {kill.kind} {' '.join(sorted(kill.recordings))}", flush=True)
    try:
        until(lambda: not scenario.unfinished(), 600, "recordings that don't end")
    finally:
        print(f"{time.monotonic() - begin:6.1f} s  not finished: {scenario.unfinished()}", flush=True)
    scenario.daemon.__exit__()
    # Workers whose run was killed end by themselves.
    _, left = psutil.wait_procs(scenario.processes.all(), timeout=PATIENCE_S)
    scenario.left_behind = [" ".join(process.cmdline()) for process in left]


def test_whatever_is_killed_every_recording_ends_finished(killed: Scenario) -> None:
    assert Counter(kill.kind for kill in killed.kills) == PLAN
    assert PLAN.total() >= examples(25, 100)
    assert killed.unfinished() == []


def test_nothing_is_left_behind(killed: Scenario) -> None:
    assert killed.left_behind == []
    assert list((killed.deployment.home / "tmp").iterdir()) == []


def test_a_step_had_no_trouble_but_that_its_process_was_killed(killed: Scenario) -> None:
    """Nobody read half a file, or used what wasn't there."""
    retried = 0
    for run in killed.instance.get_runs():
        for event in killed.instance.all_logs(run.run_id):
            reported = event.dagster_event
            if reported is None or not (reported.is_step_failure or reported.is_step_up_for_retry):
                continue
            error = reported.step_failure_data.error if reported.is_step_failure else reported.step_retry_data.error
            if _was_interrupted(killed, run, error):
                continue
            assert reported.is_step_up_for_retry, f"{reported.step_key} of {run.run_id}: {event.message} {reported}"
            assert error is not None
            assert error.cls_name == "ChildProcessCrashException", error
            retried += 1
    steps = sum(kill.kind.startswith("step") for kill in killed.kills)
    print(f"{steps} steps killed, {retried} tried again by their retry policy")
    assert retried <= steps


def _was_interrupted(killed: Scenario, run: dg.DagsterRun, error: Any) -> bool:
    """Say whether a step ended because its run's own process was gone: whoever forked it tells it so."""
    hit = (kill for kill in killed.kills if run.tags[tags.PARTITION] in kill.recordings or not kill.recordings)
    causes: list[str | None] = []
    while error is not None:
        causes.append(error.cls_name)
        error = error.cause
    return "DagsterExecutionInterruptedError" in causes and any(not kill.kind.startswith("step") for kill in hit)


def test_a_track_is_transcribed_again_only_for_a_kill_that_hit_its_recording_during_the_call(killed: Scenario) -> None:
    calls = killed.gpu.calls
    assert len(calls) == TRACKS * len(killed.recordings)
    lost = 0
    for name in calls:
        made = [call for call in killed.gpu.requests if call.name == name]
        for call in made[:-1]:
            window = (call.at, call.at + LATENCY + STORING)
            hits = [k for k in killed.kills if recording_of(name) in k.recordings and window[0] <= k.at <= window[1]]
            assert hits, f"{name} was transcribed again, though nothing was killed during its call"
            lost += 1
    print(f"{sum(calls.values())} GPU calls for {len(calls)} tracks, {lost} of them lost to {len(killed.kills)} kills")
    assert lost <= len(killed.kills)


def test_the_llm_was_asked_nothing_wrong(killed: Scenario) -> None:
    assert {call.status for call in killed.llm.requests} <= {0, 200}
    assert killed.llm.refused == []


def test_every_file_is_whole_and_says_what_it_would_without_kills(killed: Scenario) -> None:
    from reflector_assets.definitions import graph

    left_over = 0
    for recording_id in killed.recordings:
        folder = killed.deployment.folder(recording_id)
        found = staleness.states(killed.instance, graph, recording_id)
        # A recording that nobody corrected needs no record of that, and a kill may have prevented it.
        assert {state.asset for state in found if state.record is None} <= {"corrections"}
        for path in folder.rglob("*"):
            left_over += path.name.startswith(".writing-")
            if path.is_dir() or path.name.startswith(".writing-"):
                continue
            if path.suffix == ".json":
                assert ".writing-" not in json.dumps(json.loads(path.read_bytes()))
            elif path.suffix == ".parquet":
                assert len(pd.read_parquet(io.BytesIO(path.read_bytes()))) > 0
            elif path.suffix in {".webm", ".mp3"}:
                assert decode(path).shape[1] > 0
        said = from_parquet((folder / "words.parquet").read_bytes())
        assert set(said["word"]) == {"this", "is", "speaking", *map(str, range(TRACKS))}
        assert len(said) == 4 * TRACKS
        document = json.loads((folder / "transcript.json").read_text())
        assert len({segment["speaker"] for segment in document["segments"]}) == TRACKS
    print(f"{left_over} files were left half-written, and none of them was read")
    assert not any(".writing-" in call.name for call in killed.gpu.requests)


def test_what_a_killed_process_was_writing_goes_in_the_end(tmp_path: Path) -> None:
    store = LocalStore(root=str(tmp_path))
    with store.new_file("a/audio.mp3") as path:
        (path.parent / ".writing-killed.mp3").write_bytes(b"half")
        (path.parent / ".writing-at-work.mp3").write_bytes(b"half")
    yesterday = time.time() - 86400
    os.utime(tmp_path / "a" / ".writing-killed.mp3", (yesterday, yesterday))
    store.write("a/title.json", b"{}")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {".writing-at-work.mp3", "audio.mp3", "title.json"}


def recording_of(track: str) -> str:
    """The recording that a track's path belongs to."""
    return Path(track).parent.parent.name

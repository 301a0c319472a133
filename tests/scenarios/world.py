"""A deployment with a real daemon, a GPU host and an LLM host that count calls by recording."""

import json
import re
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster import EventLogRecord

from domain.overview import RecordingOverview
from domain.recording import value_key
from domain.results import Transcript
from reflector_assets import tags
from reflector_assets.eventlog.overview import recordings_overview
from reflector_assets.eventlog.steps import StepEvent, step_events
from reflector_assets.records import IN_PROGRESS
from resources.local_folder import LocalFolder
from resources.store.base import LocalStore
from sensors.keep_up_to_date import SENSOR
from testing import PATIENCE_S
from testing.audio_files import RATE, babble, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import Deployment, deploy
from testing.hosts import gpu_host, llm_host
from testing.hosts.chat_contract import asked, example, plausible

SECONDS = 2.0
# From one subject to the next, muted but for the first SECONDS: a topic lasts more than a minute.
SUBJECT_S = 100.0
# Recordings are named so, and say their name aloud: that tells whose call it is.
NAME = re.compile(r"\broom-[a-z]+\b")
# Of the LLM's pool in Dagster when the daemon starts, as other settings have left it.
OUTDATED_LIMIT = 1
# With two subjects: the subjects, per subject details and a paragraph, and the recap.
SUMMARY = {"SubjectsAnswer": 1, "QuotedDetailsAnswer": 2, "ParagraphAnswer": 2, "RecapAnswer": 1}


def llm_calls(chunks: int = 1) -> dict[str, int]:
    """The calls that a recording of so many chunks takes, once."""
    return {"QuotedTopicAnswer": chunks, "TitleAnswer": 1, **SUMMARY, "QuotedActionItemsAnswer": 1}


class LLM(llm_host.LLMHost):
    """Names the recording in all that it answers; `editions` has it answer anew, `held` lets answers wait."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.editions: dict[tuple[str, str], int] = {}
        self.held: dict[str, threading.Event] = {}

    def says(self, call: llm_host.Call) -> str:
        name = recording_of(call.text)
        if name in self.held:
            self.held[name].wait(PATIENCE_S)
        schema = asked(call.body)[2]
        made = example(schema, plausible(self.editions.get((name, call.schema), 1), call.quote))
        return json.dumps(made).replace("Plausible", name)


def recording_of(text: str) -> str:
    """The recording that a prompt or a path is about; every one names exactly one."""
    names = set(NAME.findall(text))
    assert len(names) == 1, names
    return names.pop()


def _with_mutes(_: int, at: int) -> int:
    """Return the time of a packet, in samples: after SECONDS of sound the rest of SUBJECT_S is muted."""
    return at + at // round(SECONDS * RATE) * round((SUBJECT_S - SECONDS) * RATE)


class World:
    """The deployment; use as a context manager. `limit` is the time limit of a track's transcription, in seconds."""

    def __init__(self, home: Path, executor: str = "processes", limit: float = PATIENCE_S) -> None:
        self.home = home
        self.gpu = gpu_host.GPUHost(words=self._said)
        self.llm = LLM()
        self.words: dict[str, tuple[int, int]] = {}
        self.prompts = home / "prompts.toml"
        self.title_prompt("first")
        self.deployment: Deployment = deploy(
            home / "deployment",
            **self.gpu.env,
            **self.llm.env,
            LLM_REQUEST_TIMEOUT=str(PATIENCE_S),
            REFLECTOR_RETRY_DELAY="0.2",
            REFLECTOR_CORRECTIONS_QUIET="1",
            REFLECTOR_EXECUTOR=executor,
            # A test fills all slots of this pool.
            REFLECTOR_GPU_STEPS="2",
            REFLECTOR_PROMPTS=str(self.prompts),
            REFLECTOR_STEP_TIMEOUTS=json.dumps({"transcribe_track": limit}),
        )
        self.daemon = Daemon(self.deployment, forked=True)
        self.began = time.time()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.gpu)
        self._open.enter_context(self.llm)
        self.instance = self._open.enter_context(open_instance(self.deployment))
        self._open.callback(self.stop)
        self.instance.event_log_storage.set_concurrency_slots("llm", OUTDATED_LIMIT)
        self.daemon.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _said(self, call: gpu_host.Call) -> list[dict[str, Any]]:
        """The recording's name, then numbered words; each subject after the first is announced."""
        name = recording_of(call.name)
        count, subjects = self.words[name]
        if not count:
            return []
        said = [name, *(f"w{n}" for n in range(1, count))]
        of_each, each = count // subjects, SECONDS * subjects / count
        for begin in range(of_each, of_each * subjects, of_each):
            said[begin - 1] += "."
            said[begin : begin + 2] = ["Next", "topic."]
        starts = [n // of_each * SUBJECT_S + n % of_each * each for n in range(count)]
        return [
            {"word": f" {word}", "start": start, "end": start + 0.9 * each}
            for word, start in zip(said, starts, strict=True)
        ]

    def title_prompt(self, version: str) -> None:
        """Change the prompt for titles, and with it the code version of `title`; a restart reads it."""
        self.prompts.write_text(f'title = "Find a title ({version} way of asking): $topics"\n')

    def stop(self) -> None:
        self.daemon.__exit__()

    def restart(self, **env: str) -> None:
        """Restart the daemon and its code server, with further settings."""
        self.stop()
        self.deployment.env |= env
        self.daemon = Daemon(self.deployment, forked=True).__enter__()

    def folder(self, name: str, tracks: int = 1, words: int = 12, subjects: int = 1) -> Path:
        """Write a folder of tracks; each says the recording's name and so many words, on so many subjects."""
        self.words[name] = words, subjects
        folder = self.home / "folders" / name
        folder.mkdir(parents=True)
        for n in range(tracks):
            sound = babble(SECONDS * subjects, seed=zlib.crc32(f"{name} {n}".encode()))
            opus_track(folder / f"{name} {n}.webm", sound, stamp=_with_mutes)
        return folder

    def record(self, name: str, tracks: int = 1, words: int = 12, subjects: int = 1) -> str:
        """Import a recording, as `reflector import` does."""
        source = LocalFolder(store=LocalStore(root=str(self.deployment.data)))
        source.import_folder(self.folder(name, tracks, words, subjects), recording_id=name)
        self.instance.add_dynamic_partitions("recordings", [name])
        return name

    def forget(self, *names: str) -> None:
        """Remove recordings, so that changes of code don't reach them."""
        for name in names:
            self.instance.delete_dynamic_partition("recordings", name)

    def gpu_calls(self, name: str) -> dict[int, int]:
        """How often each track was sent to the GPU host."""
        return {
            int(Path(path).stem): count for path, count in sorted(self.gpu.calls.items()) if recording_of(path) == name
        }

    def llm_calls(self, name: str) -> dict[str, int]:
        """How often the LLM host was asked, by the kind of answer."""
        with self.llm.lock:
            calls = list(self.llm.requests)
        return Counter(call.schema for call in calls if recording_of(call.text) == name)

    def runs(self, name: str) -> list[dg.RunRecord]:
        """A recording's runs, oldest first."""
        found = self.instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: name}))
        return sorted(found, key=lambda run: run.storage_id)

    def statuses(self, name: str) -> list[str]:
        return [run.dagster_run.status.value for run in self.runs(name)]

    def ended(self, name: str, runs: int = 1) -> dg.RunRecord:
        """Wait until a recording's runs ended, so many of them, and return the last one."""

        def reached() -> list[dg.RunRecord]:
            found = self.runs(name)
            over = [run for run in found if run.dagster_run.is_finished]
            return found if len(over) == len(found) and len(found) >= runs else []

        return until(reached, what=f"{runs} runs of {name}")[-1]

    def ticks(self, count: int = 2) -> None:
        """Wait until the sensor was evaluated `count` times from now on, and nothing is at work."""
        now = time.time()
        # A tick that repeats the one before replaces it.
        seen: set[int] = set()

        def reached() -> bool:
            if self.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS), limit=1):
                return False
            seen.update(tick.tick_id for tick in self.looks(now) if tick.is_completed)
            return len(seen) >= count

        until(reached, what=f"{count} ticks")

    def looks(self, since: float) -> Sequence[Any]:
        """The sensor's ticks that began after a time."""
        states = [state for state in self.instance.all_instigator_state() if state.name == SENSOR]
        return [
            tick
            for state in states
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id, after=since)
        ]

    def lose_cursor(self) -> None:
        """Have the sensor forget all that it has seen."""
        command = ("dagster", "sensor", "cursor", SENSOR, "--delete", "-w", str(self.daemon.workspace))
        done = self.deployment.run_quickly(*command)
        assert done.returncode == 0, done.stderr

    def steps(self, run: dg.RunRecord) -> list[StepEvent]:
        return list(step_events(self._records(run)))

    def made(self, run: dg.RunRecord) -> set[str]:
        """The assets that a run materialized."""
        records = self._records(run, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return {key.to_user_string() for record in records if (key := record.asset_key)}

    def overlaps(self) -> list[str]:
        """Recordings of which two runs were at work at once."""
        spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for run in self.instance.get_run_records():
            if run.start_time and run.end_time:
                spans[run.dagster_run.tags[tags.PARTITION]].append((run.start_time, run.end_time))
        return [
            name
            for name, found in spans.items()
            if any(after[0] < before[1] for before, after in zip(sorted(found), sorted(found)[1:], strict=False))
        ]

    def overview(self, name: str) -> RecordingOverview:
        """What `reflector list` says of a recording."""
        store = LocalStore(root=str(self.deployment.data))
        return next(row for row in recordings_overview(self.instance, store) if row.id == name)

    @property
    def store(self) -> LocalStore:
        return LocalStore(root=str(self.deployment.data))

    def transcript(self, name: str) -> Transcript:
        """A recording's finished document."""
        return Transcript.model_validate_json(self.store.read(value_key("transcript", name)))

    def _records(self, run: dg.RunRecord, kind: dg.DagsterEventType | None = None) -> Sequence[EventLogRecord]:
        return self.instance.get_records_for_run(run.dagster_run.run_id, of_type=kind).records


def of(name: str, track: int) -> Callable[[gpu_host.Call], bool]:
    """Pick the GPU calls of one track."""
    return lambda call: call.name.endswith(f"/{name}/tracks/{track}.webm")

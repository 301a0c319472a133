"""The states of recordings, derived from Dagster's runs and the store; they aren't stored anywhere.

Loads neither Dagster nor the stores: `reflector list` doesn't need them where everything is in files of this machine.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from domain.errors import NotFound, PermanentError
from domain.overview import RecordingOverview
from domain.recording import check_recording_id, folder, value_key
from reflector_assets.log_entries import CANCELED, FAILED, IN_PROGRESS, Run

# Recordings that are read from the store in parallel, and that are in one query to Dagster.
AT_ONCE, PAGE = 8, 200


class Log(Protocol):
    """Dagster's partitions and runs."""

    def pages(self, size: int) -> Iterator[Sequence[str]]:
        """Yield the ids of all recordings page by page, newest first."""
        ...

    def last_runs(self, recording_ids: Sequence[str]) -> Mapping[str, Run]:
        """Return the run that determines the state of each recording that has one.

        It is the one in progress, or else the one that ended last; one canceled before its start counts if it is alone.
        """
        ...

    def made_all(self, run_id: str) -> bool:
        """Return True if a run materialized all planned assets: a run killed after its last step counts as failed."""
        ...

    def failure_reason(self, run_id: str) -> tuple[str | None, str]:
        """Return the first failed step of a run and its plain reason; without one, None and Dagster's message."""
        ...

    def problems(self) -> Mapping[str, str]:
        """Return by recording why the sensor `keep_up_to_date` can't examine it."""
        ...


class Files(Protocol):
    """The store of results, as far as it is read here."""

    def read(self, key: str) -> bytes:
        """Return an object's bytes; raises NotFound."""
        ...


class LocalFiles(NamedTuple):
    """The files of a local store."""

    root: Path

    def read(self, key: str) -> bytes:
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"there is no {key} in the store {self.root}") from None


def recordings(log: Log, files: Files, page: int = PAGE) -> Iterator[RecordingOverview]:
    """Yield each recording with its state, newest first, page by page; without the retired ones."""
    problems = log.problems()
    for ids in log.pages(page):
        yield from overviews(log, ids, lambda recording_id: stored(files, recording_id), problems)


def overviews(
    log: Log,
    recording_ids: Sequence[str],
    describe: Callable[[str], RecordingOverview],
    problems: Mapping[str, str] | None = None,
) -> list[RecordingOverview]:
    """Return overviews in order, by one query to Dagster and further ones only for failed runs.

    `problems` are those of the log, if they are known.
    """
    last, problems = log.last_runs(recording_ids), log.problems() if problems is None else problems
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="overview") as pool:
        described = pool.map(_described, repeat(describe), recording_ids, map(problems.get, recording_ids))
        return list(pool.map(with_run, repeat(log), described, map(last.get, recording_ids)))


def _described(
    describe: Callable[[str], RecordingOverview], recording_id: str, problem: str | None
) -> RecordingOverview:
    """Describe a recording; one that can't be read is in error, and the others are listed nevertheless."""
    unknown = RecordingOverview(recording_id, None, "error", None, None, None, None)
    try:
        found = describe(check_recording_id(recording_id))
    except (PermanentError, OSError, ValueError) as error:
        return unknown._replace(reason=problem or str(error))
    return found._replace(state="error", reason=problem) if problem else found


def stored(files: Files, recording_id: str) -> RecordingOverview:
    """Describe a recording by its files, without its runs."""
    transcript = _json(files, value_key("transcript", recording_id))
    found = (
        transcript
        or _json(files, value_key("recording", recording_id))
        or _json(files, f"{folder(recording_id)}/source/recording.json")
        or {}
    )
    return RecordingOverview(
        id=recording_id,
        room=found.get("room_name"),
        state="ended" if transcript else "new",
        title=transcript.get("title") if transcript else None,
        duration=found.get("duration"),
        run_id=None,
        reason=None,
        created_at=_created_at(found),
    )


def with_run(log: Log, overview: RecordingOverview, last: Run | None) -> RecordingOverview:
    """Return an overview with what the recording's last run adds."""
    if last is None:
        return overview
    overview = overview._replace(run_id=last.run_id)
    if last.status in IN_PROGRESS:
        return overview._replace(state="processing", reason=None)
    if last.status in {FAILED, CANCELED} and not log.made_all(last.run_id):
        step, reason = (None, "canceled") if last.status == CANCELED else log.failure_reason(last.run_id)
        return overview._replace(state="error", step=step, reason=f"{step}: {reason}" if step else reason)
    return overview


def _created_at(described: Mapping[str, Any]) -> float | None:
    """Return when a recording began: transcripts have it in ISO 8601, recordings in epoch seconds."""
    if started := described.get("start_ts"):
        return float(started)
    created = described.get("created_at")
    return datetime.fromisoformat(created).timestamp() if created else None


def _json(files: Files, key: str) -> dict[str, Any] | None:
    try:
        return json.loads(files.read(key))
    except NotFound:
        return None

"""Partitions and runs read from the files of Dagster's SQLite storage: Dagster itself takes over a second to load.

tests/runtime/test_embedded_log.py fails when a release changes the tables.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import yaml

from domain.errors import TransientError
from reflector_assets import tags
from reflector_assets.log_entries import (
    CANCELED,
    FAILURES,
    IN_PROGRESS,
    KEEP_UP_TO_DATE,
    MADE,
    PLANNED,
    RECORDINGS,
    Run,
    failure_reason,
    problems,
)

PARTITIONS = "SELECT id, partition FROM dynamic_partitions WHERE partitions_def_name = ? AND id < ? ORDER BY id DESC"
RUNS = """SELECT value, run_id, status FROM run_tags JOIN runs USING (run_id)
WHERE key = ? AND value IN ({}) ORDER BY status IN ({}), status != ? OR start_time IS NOT NULL,
ifnull(end_time, 0), runs.id"""
EVENTS = "SELECT dagster_event_type, asset_key, event FROM event_logs WHERE dagster_event_type IN ({}) ORDER BY id"
SENSORS = "SELECT instigator_body FROM instigators WHERE instigator_type = 'SENSOR'"
SCHEDULES = "../schedules/schedules.db"
NEWEST = 2**63 - 1


class EmbeddedLog(NamedTuple):
    """The files in the folder `history` of a storage; all methods raise TransientError while they can't be read."""

    history: Path

    def pages(self, size: int) -> Iterator[Sequence[str]]:
        """Yield the ids of all recordings page by page, newest first."""
        before, more = NEWEST, True
        while more:
            rows = self._read("runs/index.db", f"{PARTITIONS} LIMIT ?", RECORDINGS, before, size)
            yield [partition for _, partition in rows]
            before, more = rows[-1][0] if rows else before, len(rows) == size

    def last_runs(self, recording_ids: Sequence[str]) -> Mapping[str, Run]:
        """Return the run that determines the state of each recording that has one (states.Log)."""
        query = RUNS.format(_marks(recording_ids), _marks(IN_PROGRESS))
        rows = self._read("runs.db", query, tags.PARTITION, *recording_ids, *IN_PROGRESS, CANCELED)
        return {recording_id: Run(run_id, status) for recording_id, run_id, status in rows}

    def made_all(self, run_id: str) -> bool:
        """Return True if a run materialized all planned assets."""
        rows = self._events(run_id, PLANNED, MADE)
        planned, made = ({asset for kind, asset, _ in rows if kind == wanted} for wanted in (PLANNED, MADE))
        return bool(planned) and planned <= made

    def failure_reason(self, run_id: str) -> tuple[str | None, str]:
        """Return the first failed step of a run and its plain reason; without one, None and Dagster's message."""
        rows = self._events(run_id, *FAILURES)
        return failure_reason([json.loads(event, object_hook=lambda at: SimpleNamespace(**at)) for *_, event in rows])

    def problems(self) -> Mapping[str, str]:
        """Return by recording why the sensor KEEP_UP_TO_DATE can't examine it."""
        if not (self.history / SCHEDULES).exists():
            return {}
        sensors = [json.loads(body) for (body,) in self._read(SCHEDULES, SENSORS)]
        own: list[dict[str, str | None] | None] = [
            one["job_specific_data"] for one in sensors if one["origin"]["job_name"] == KEEP_UP_TO_DATE
        ]
        return problems(data.get("cursor") for data in own if data)

    def _events(self, run_id: str, *kinds: str) -> list[Any]:
        file = f"runs/{run_id}.db"
        exists = (self.history / file).exists()
        return self._read(file, EVENTS.format(_marks(kinds)), *kinds) if exists else []

    def _read(self, file: str, query: str, *values: object) -> list[Any]:
        try:
            with closing(sqlite3.connect(f"{(self.history / file).as_uri()}?mode=ro", uri=True)) as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise TransientError(f"Dagster's database doesn't answer ({type(error).__name__})") from error


def find(home: Path, project: Path, default: Path) -> EmbeddedLog | None:
    """Return the log of the instance whose dagster.yaml is in `home`; None if it may be elsewhere than in SQLite files.

    Relative paths in dagster.yaml begin at `project`; without one, the files are in the folder `default`.
    """
    try:
        storage = yaml.safe_load((home / "dagster.yaml").read_bytes())["storage"]
        custom = storage.get("custom", {})
        sqlite = custom["config"] if custom.get("class") == "EmbeddedStorage" else storage["sqlite"]
        log = EmbeddedLog(project / sqlite.get("base_dir", default) / "history")
        log.last_runs(next(log.pages(1)))
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError, TransientError):
        # Dagster reports what is wrong, and makes tables that don't exist yet.
        return None
    return log


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))

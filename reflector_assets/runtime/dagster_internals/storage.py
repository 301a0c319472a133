"""Dagster's storages and local compute logs, as far as ours build on them.

tests/runtime/test_dagster_internals.py fails when a release changes them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa
from dagster import DagsterInstance, Field, StringSource
from dagster._core.execution import compute_logs
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.event_log.migration import ASSET_KEY_INDEX_COLS
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

__all__ = [
    "ASSET_KEY_INDEX_COLS",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "CapturedLogContext",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "DagsterStorage",
    "LocalComputeLogManager",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
    "optional_string",
    "redirect_to_file",
    "replace_engines",
]

_compute_logs: Any = compute_logs
redirect_to_file: Callable[[TextIO, Path], AbstractContextManager[None]] = _compute_logs.redirect_to_file


def optional_string() -> Any:
    """Return the schema of a setting in dagster.yaml that can be left out."""
    return Field(StringSource, is_required=False)


def replace_engines(instance: DagsterInstance, made: Callable[[sa.Pool, sa.URL], sa.Engine]) -> None:
    """Give an in-memory instance other engines on its databases."""
    storages: list[Any] = [instance.event_log_storage, instance.run_storage]
    for storage in storages:
        storage._engine = made(storage._engine.pool, storage._engine.url)

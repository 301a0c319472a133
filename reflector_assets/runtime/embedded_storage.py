"""Dagster's SQLite storage with engines that live as long as the process, for `storage: custom` in dagster.yaml.

Without `base_dir` in dagster.yaml, its files are in the folder of the results.

Dagster makes an engine, whose cache of compiled statements is empty, and a connection for every query: a thousand in a
run. Tables and files are Dagster's own: with `storage: sqlite` it goes on where this stopped, and the other way round.
"""

import atexit
import os
import shutil
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.util import LRUCache

from reflector_assets.runtime import process
from reflector_assets.runtime.dagster_internals.storage import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    DagsterSqliteStorage,
    DagsterStorage,
    SqliteEventLogStorage,
    SqliteRunStorage,
    SqliteScheduleStorage,
    optional_string,
)
from reflector_assets.runtime.known_answers import KnownPartitions, KnownSchema
from reflector_assets.runtime.skipped_ticks import LastSkippedTick
from reflector_assets.settings.main import dagster_folder

# Each run has a file of its own; the engines used last stay open, up to this number.
MAX_ENGINES = 16


class Engines:
    """Engines by file, the least recently used closed above a limit; a forked process starts with none."""

    def __init__(self) -> None:
        self._inherited: list[Any] = []
        self._reset()
        os.register_at_fork(after_in_child=self._leave_to_parent)
        # SQLite then moves what is in the write-ahead logs to the databases.
        atexit.register(self.close)

    def get(self, url: str) -> sa.Engine:
        """Return the engine of a database, a new one where another file has taken the place of the last."""
        with self._lock:
            engine, file = self._engines.pop(url, (None, None))
            now = _identity(url)
            if engine is None or file != now:
                if engine is not None:
                    engine.dispose()
                engine = _engine(url)
            # A file that doesn't exist yet is known from the next use on.
            self._engines[url] = engine, now
            if len(self._engines) > MAX_ENGINES:
                self._engines.popitem(last=False)[1][0].dispose()
            return engine

    def drop(self, url: str) -> None:
        """Close the engine of a database that is to be deleted."""
        with self._lock:
            engine, _ = self._engines.pop(url, (None, None))
            if engine is not None:
                engine.dispose()

    def close(self) -> None:
        """Close all engines."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1][0].dispose()

    def _reset(self) -> None:
        # The lock too: another thread may have held it when the process forked.
        self._lock = threading.Lock()
        self._engines: OrderedDict[str, tuple[sa.Engine, tuple[int, int] | None]] = OrderedDict()

    def _leave_to_parent(self) -> None:
        # SQLite's connections must be neither used nor closed on the other side of a fork.
        self._inherited.append(self._engines)
        self._reset()


ENGINES = Engines()


class KeptEngine:
    """A storage of one database, whose transactions use the engine that is kept for it."""

    _conn_string: str

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Open a transaction."""
        with ENGINES.get(self._conn_string).begin() as connection:
            yield connection


class RunStorage(KnownSchema, KeptEngine, SqliteRunStorage):
    """Runs, tags and partitions."""

    def delete_run(self, run_id: str) -> None:
        """Delete a run and its tags, which Dagster leaves: SQLite doesn't enforce foreign keys by default."""
        super().delete_run(run_id)
        with self.connect() as connection:
            connection.execute(sa.text("DELETE FROM run_tags WHERE run_id = :run_id"), {"run_id": run_id})


class ScheduleStorage(LastSkippedTick, KnownSchema, KeptEngine, SqliteScheduleStorage):
    """Ticks and cursors of sensors and schedules."""


class EventFiles(SqliteEventLogStorage):
    """Events: a database per run, and one that indexes all of them."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._shards: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            # Another process may have deleted a run's file.
            if shard not in self._shards or not Path(self.path_for_shard(shard)).exists():
                self._initialize(shard)
                self._shards.add(shard)
            with ENGINES.get(self.conn_string_for_shard(shard)).begin() as connection:
                yield connection

    def delete_events(self, run_id: str) -> None:
        """Delete a run's events, and its file, which Dagster leaves at its size."""
        super().delete_events(run_id)
        path = self.path_for_shard(run_id)
        with self._db_lock:
            ENGINES.drop(self.conn_string_for_shard(run_id))
            for name in (path, f"{path}-wal", f"{path}-shm"):
                Path(name).unlink(missing_ok=True)

    def has_table(self, table_name: str) -> bool:
        """Return True if the index has a table; without the lock, which Dagster may hold when it asks."""
        return sa.inspect(ENGINES.get(self.conn_string_for_shard("index"))).has_table(table_name)

    def _initialize(self, shard: str) -> None:
        """Make a database's tables if it has none: those of a new run are copied from a template."""
        path = Path(self.path_for_shard(shard))
        if not path.exists():
            self._copy_template(path)
        engine = ENGINES.get(self.conn_string_for_shard(shard))
        if not _has_tables(engine):
            self._initdb(engine, for_index_shard=shard == "index")

    def _copy_template(self, path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self._base_dir) as folder:
            template = Path(self._base_dir).parent / f".run-log-{sqlite3.sqlite_version}.template"
            if not template.exists():
                made = Path(folder, "template")
                engine = _engine(f"sqlite:///{made}")
                self._initdb(engine)
                engine.dispose()
                made.replace(template)
            copy = Path(folder, "copy")
            shutil.copyfile(template, copy)
            # Atomic, and leaves a file alone that exists by now. Without hard links, Dagster makes the file.
            with suppress(OSError):
                path.hardlink_to(copy)


class EventLogStorage(KnownPartitions, EventFiles):
    """Events, assets, partitions and pools."""


S = TypeVar("S", RunStorage, ScheduleStorage)


class EmbeddedStorage(DagsterSqliteStorage):
    """The storage class that dagster.yaml names; `base_dir` is the folder of all its files."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = base_dir
        self._run_storage = _opened(RunStorage, Path(base_dir, "history"), "runs.db")
        self._event_log_storage = EventLogStorage(str(Path(base_dir, "history", "runs")) + os.sep)
        self._schedule_storage = _opened(ScheduleStorage, Path(base_dir, "schedules"), "schedules.db")
        self._inst_data = inst_data
        DagsterStorage.__init__(self)

    @classmethod
    def config_type(cls) -> Any:
        """Return the schema of dagster.yaml's `config`."""
        return {"base_dir": optional_string()}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EmbeddedStorage":
        """Make the storage from dagster.yaml's `config`."""
        base_dir = config_value.get("base_dir") or str(dagster_folder())
        return cls.from_local(inst_data=inst_data, base_dir=base_dir)


def _opened(storage: type[S], folder: Path, name: str) -> S:
    """Open a storage of one database; Dagster makes its tables, and reads all its migrations, only if it has none."""
    url = f"sqlite:///{folder / name}"
    # A worker's run has opened it.
    if process.is_worker or ((folder / name).exists() and _has_tables(ENGINES.get(url))):
        return storage(url)
    # Dagster's annotation names its own class.
    return storage.from_local(f"{folder}{os.sep}")  # pyright: ignore[reportReturnType]


def _has_tables(engine: sa.Engine) -> bool:
    """Return True if a database's tables are complete: Dagster writes the revision last."""
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(sa.text("SELECT count(*) FROM alembic_version")))
    except DatabaseError:
        # Left half made by a process that was killed.
        return False


def _identity(url: str) -> tuple[int, int] | None:
    """Return device and inode of a database's file; None while there is none."""
    try:
        stat = Path(url.removeprefix("sqlite:///")).stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def _engine(url: str) -> sa.Engine:
    file = url.removeprefix("sqlite:///")
    pool = sa.QueuePool(lambda: _connect(file), pool_size=2, max_overflow=-1, dialect=DIALECT)
    return engine_on(pool, sa.make_url(url))


def engine_on(pool: sa.Pool, url: sa.URL) -> sa.Engine:
    """Return an engine that shares the compiled statements of all engines here."""
    return sa.Engine(pool, DIALECT, url, execution_options={"compiled_cache": COMPILED})


def _connect(file: str) -> Any:
    connection = DIALECT.connect(file, timeout=SQLITE_BUSY_TIMEOUT_SECONDS, check_same_thread=False)
    # In WAL mode a killed process loses nothing by it, and a power failure at most the last commits.
    connection.execute("PRAGMA synchronous=NORMAL")
    # What is deleted isn't readable in the file any more. Most builds of SQLite have it on.
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _dialect() -> sa.Dialect:
    engine = sa.create_engine("sqlite://")
    # This initializes it.
    engine.connect().close()
    return engine.dialect


# Each run has a file, and an engine, of its own. With one dialect, they share the statements that have been compiled,
# also those that were compiled before a process was forked.
DIALECT, COMPILED = _dialect(), LRUCache[Any, Any](1000)

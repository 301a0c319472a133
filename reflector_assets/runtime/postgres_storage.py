"""Dagster's PostgreSQL storage with connections that stay open, for `storage: custom` in dagster.yaml.

Dagster opens a connection for every query, hundreds in a run, and asks for its tables whenever an instance is opened,
which a code server does for every sensor's tick. Here all instances of a process share one pool. The tables are
Dagster's own: `storage: postgres` uses the same database. Commits stay synchronous: unlike SQLite's files, the server
can crash alone, and runs that go on must find what they committed.
"""

import os
import select
import time
from typing import Any

import sqlalchemy as sa
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    retry_pg_connection_fn,
)
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

from reflector_assets.runtime.dagster_internals.storage import (
    ASSET_KEY_INDEX_COLS,
    DagsterStorage,
)
from reflector_assets.runtime.known_answers import KnownPartitions, KnownSchema
from reflector_assets.runtime.skipped_ticks import LastSkippedTick

# Connections that stay open, and further ones for threads at the same time.
KEPT, MORE = 4, 20
# A connection older than this (seconds) is replaced before use: networks drop idle connections.
MAX_AGE_S = 300
# One that was idle for this long (seconds) is tried before use.
IDLE_S = 10.0
DRIVER = "psycopg2"
# Dagster makes the tables of each of its storages on its own.
HAS_TABLES = sa.text(
    "SELECT to_regclass('instance_info') IS NOT NULL AND to_regclass('runs') IS NOT NULL"
    " AND to_regclass('event_logs') IS NOT NULL AND to_regclass('jobs') IS NOT NULL"
)


class PooledRuns(KnownSchema, PostgresRunStorage):
    """Runs, tags and heartbeats."""


class PooledEventLog(KnownPartitions, PostgresEventLogStorage):
    """Events, assets, partitions and pools."""

    def store_event(self, event: Any) -> None:
        """Store an event without the notification that PostgresEventLogStorage adds: nobody listens to it any more."""
        super(PostgresEventLogStorage, self).store_event(event)


class PooledSchedules(LastSkippedTick, KnownSchema, PostgresScheduleStorage):
    """Ticks and cursors of sensors and schedules."""


class Database:
    """What all instances of a process share of a database: connections, and what is known of its schema."""

    def __init__(self, url: str, token_provider: Any) -> None:
        # psycopg2 asks for a type that Dagster doesn't use on every new connection.
        options = {"use_native_hstore": False} if sa.make_url(url).get_driver_name() == DRIVER else {}
        self.engine: sa.Engine = create_pg_engine(
            url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT,
            max_overflow=MORE,
            pool_recycle=MAX_AGE_S,
            pool_use_lifo=True,
            **options,
        )
        event.listen(self.engine, "checkout", self._try)
        event.listen(self.engine, "checkin", _remember_use)
        self.known: set[tuple[str, ...]] = set()

    def has_tables(self) -> bool:
        """Return True if the database has Dagster's tables."""
        with retry_pg_connection_fn(self.engine.connect) as connection:
            return bool(connection.scalar(HAS_TABLES))

    def _try(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Raise InvalidatePoolError if a connection that stayed open is broken.

        A try takes as long as many a query. It is left out if the connection was just used, and nothing has arrived on
        it since, as it does when the server closes it.
        """
        used = record.info.get("used")
        if used is None or (time.monotonic() - used < IDLE_S and not _has_input(connection)):
            return
        try:
            self.engine.dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError from error


_databases: dict[str, Database] = {}


class PooledPostgresStorage(DagsterPostgresStorage):
    """The storage class that dagster.yaml names; configured like Dagster's `storage: postgres`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: Any = None,
        token_provider: Any = None,
    ) -> None:
        database = _databases.get(postgres_url)
        if is_first := database is None:
            database = Database(postgres_url, token_provider)
            if should_autocreate_tables and not database.has_tables():
                DagsterPostgresStorage(postgres_url, token_provider=token_provider)
            _databases[postgres_url] = database
        self.postgres_url, self.should_autocreate_tables = postgres_url, should_autocreate_tables
        self._inst_data = inst_data
        arguments: dict[str, Any] = {"should_autocreate_tables": False, "token_provider": token_provider}
        self._run_storage = PooledRuns(postgres_url, **arguments)
        self._event_log_storage = PooledEventLog(postgres_url, **arguments)
        self._schedule_storage = PooledSchedules(postgres_url, **arguments)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine, storage._known = database.engine, database.known
        if is_first and should_autocreate_tables:
            # Otherwise asked in the first asset event's transaction, on a second connection.
            self._event_log_storage.has_secondary_index(ASSET_KEY_INDEX_COLS)
            self._event_log_storage.has_table("asset_event_tags")
        DagsterStorage.__init__(self)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "PooledPostgresStorage":
        """Make the storage from dagster.yaml's `config`."""
        return cls(
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )


def _remember_use(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _has_input(connection: Any) -> bool:
    """Return True if something has arrived on an idle connection, or if its driver doesn't tell."""
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
    except Exception:
        return True
    return bool(poll.poll(0))


def _leave_to_parent() -> None:
    """Forget in a forked process the connections, which its parent goes on using."""
    for database in _databases.values():
        database.engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_parent)

"""Dagster's PostgreSQL storage with connections that stay open, for `storage: custom` in dagster.yaml.

Dagster opens a connection for every query, hundreds in a run, and asks for its tables whenever an instance is opened,
which a code server does for every sensor's tick. Here all instances of a process share one pool. The tables are
Dagster's own: `storage: postgres` uses the same database. Commits stay synchronous: unlike SQLite's files, the server
can crash alone, and runs that go on must find what they committed.
"""

import os
from typing import Any

import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresScheduleStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config

from reflector_assets.runtime.skipped_ticks import LastSkippedTick

# Connections that stay open, and further ones for threads at the same time.
KEPT, MORE = 4, 20
# A connection older than this (seconds) is replaced before use: networks drop idle connections.
MAX_AGE_S = 300

_engines: dict[str, sa.Engine] = {}


class PooledEventLog(PostgresEventLogStorage):
    """Looks up only once that a table exists."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._tables: set[str] = set()
        super().__init__(*arguments, **options)

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables


class PooledSchedules(LastSkippedTick, PostgresScheduleStorage):
    """Ticks and cursors of sensors and schedules."""


class PooledPostgresStorage(DagsterPostgresStorage):
    """The storage class that dagster.yaml names; configured like Dagster's `storage: postgres`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: Any = None,
        token_provider: Any = None,
    ) -> None:
        # The first instance of a process has made the tables.
        super().__init__(
            postgres_url, should_autocreate_tables and postgres_url not in _engines, inst_data, token_provider
        )
        self._event_log_storage = PooledEventLog(
            postgres_url, should_autocreate_tables=False, token_provider=token_provider
        )
        self._schedule_storage = PooledSchedules(
            postgres_url, should_autocreate_tables=False, token_provider=token_provider
        )
        if postgres_url not in _engines:
            _engines[postgres_url] = create_pg_engine(
                postgres_url,
                token_provider,
                isolation_level="AUTOCOMMIT",
                pool_size=KEPT,
                max_overflow=MORE,
                pool_recycle=MAX_AGE_S,
                pool_pre_ping=True,
                pool_use_lifo=True,
            )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = _engines[postgres_url]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "PooledPostgresStorage":
        """Make the storage from dagster.yaml's `config`."""
        return cls(
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )


def _leave_to_parent() -> None:
    """Forget in a forked process the connections, which its parent goes on using."""
    for engine in _engines.values():
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_to_parent)

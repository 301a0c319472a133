"""Keeping a connection to Dagster's PostgreSQL: by itself every query opens one of its own, hundreds in a run.

Dagster does so because some of its processes open instances again and again. A run's process and a step's have one,
and end soon. What keeps connections is what dagster-webserver calls at its start; it isn't marked as public.
"""

import sys
from typing import Any

import dagster as dg
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

# In seconds: one that is older is closed before it is used again, as networks forget those that say nothing.
OLDEST_S = 30
# Beside the one that each of Dagster's storages keeps, for threads.
MORE = 20
UNLIMITED = 0


def keep(instance: dg.DagsterInstance) -> None:
    """Let an instance keep its connections until its process ends; on anything but PostgreSQL nothing changes."""
    postgres = sys.modules.get("dagster_postgres")
    if postgres is None or not isinstance(instance.run_storage, postgres.PostgresRunStorage):
        return
    instance.optimize_for_webserver(statement_timeout=UNLIMITED, pool_recycle=OLDEST_S, max_overflow=MORE)
    runs: Any = instance.run_storage
    events: Any = instance.event_log_storage
    for opened in (runs.connect, events.index_connection):
        with opened() as connection:
            _ask_before_use(connection)


def _ask_before_use(connection: Connection) -> None:
    """Have the engine open a new connection where the kept one is broken: the database may have been restarted."""
    dialect = connection.dialect

    def ask(kept: Any, _record: Any, _proxy: Any) -> None:
        try:
            dialect.do_ping(kept)
        except (DBAPIError, dialect.loaded_dbapi.Error) as error:
            raise DisconnectionError from error

    event.listen(connection.engine, "checkout", ask)

"""Connection pooling for Dagster's PostgreSQL: by default every query opens a new connection, hundreds in a run.

Dagster does so because some of its processes open instances repeatedly. The processes of runs and steps open one
instance and end soon. The method that enables pooling is the one that dagster-webserver calls; it isn't public.
"""

import sys
from typing import Any

import dagster as dg
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

# A pooled connection older than this is replaced before use: networks drop idle connections.
MAX_AGE_S = 30
# Connections for threads, beside the one in each pool.
MAX_OVERFLOW = 20
UNLIMITED = 0


def pool_connections(instance: dg.DagsterInstance) -> None:
    """Pool an instance's connections until its process ends, if they go to PostgreSQL."""
    postgres = sys.modules.get("dagster_postgres")
    if postgres is None or not isinstance(instance.run_storage, postgres.PostgresRunStorage):
        return
    instance.optimize_for_webserver(statement_timeout=UNLIMITED, pool_recycle=MAX_AGE_S, max_overflow=MAX_OVERFLOW)
    runs: Any = instance.run_storage
    events: Any = instance.event_log_storage
    for connect in (runs.connect, events.index_connection):
        with connect() as connection:
            _ping_before_use(connection)


def _ping_before_use(connection: Connection) -> None:
    """Replace pooled connections that are broken, as after a restart of the database."""
    dialect = connection.dialect

    def ping(pooled: Any, _record: Any, _proxy: Any) -> None:
        try:
            dialect.do_ping(pooled)
        except (DBAPIError, dialect.loaded_dbapi.Error) as error:
            raise DisconnectionError from error

    event.listen(connection.engine, "checkout", ping)

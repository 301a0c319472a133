"""Deletion of what Dagster keeps of a partition beside its runs: it has no public way to do so.

tests/runtime/test_erasure.py fails when a release changes the tables.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import sqlalchemy as sa

from resources.database.database import empty_log

EVENTS = sa.table(
    "event_logs",
    sa.column("id", sa.Integer),
    *(sa.column(name, sa.Text) for name in ("partition", "run_id", "dagster_event_type", "event")),
)
TAGS = sa.table("asset_event_tags", sa.column("event_id"))
CHECKS = sa.table("asset_check_executions", sa.column("partition"), sa.column("run_id"))
ASSETS = sa.table(
    "asset_keys", sa.column("asset_key"), sa.column("last_materialization", sa.Text), sa.column("last_run_id")
)
# The id of a run that events without one have; in SQLite, these are also in a file of their own.
RUNLESS = ""
AT_ONCE = 500


def erase_partition(instance: dg.DagsterInstance, partition: str, run_ids: Sequence[str]) -> None:
    """Delete a partition's asset events, those without a run included, and the check results of its runs.

    What Dagster shows as the last materialization of an asset becomes the last one of another partition.
    """
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        numbers = list(connection.scalars(sa.select(EVENTS.c.id).where(_of(partition))))
        of_partition = sa.or_(CHECKS.c.partition == partition, CHECKS.c.run_id.in_(run_ids))
        connection.execute(sa.delete(CHECKS).where(of_partition))
        for begin in range(0, len(numbers), AT_ONCE):
            some = numbers[begin : begin + AT_ONCE]
            connection.execute(sa.delete(TAGS).where(TAGS.c.event_id.in_(some)))
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.id.in_(some)))
    if storage.is_run_sharded:
        with storage.run_connection(RUNLESS) as connection:
            connection.execute(sa.delete(EVENTS).where(_of(partition)))
    _replace_last(instance, storage, partition)


def empty_logs(instance: dg.DagsterInstance) -> bool:
    """Empty the write-ahead logs of SQLite, which have deleted rows; return False if a reader prevents that."""
    storages: list[Any] = [instance.event_log_storage, instance.run_storage, instance.schedule_storage]
    done: list[bool] = []
    for storage in storages:
        connect = getattr(storage, "index_connection", None) or getattr(storage, "connect", None)
        if connect is None:
            # An instance in memory.
            continue
        with connect() as connection:
            engines: list[sa.Engine] = [connection.engine]
        if getattr(storage, "is_run_sharded", False):
            with storage.run_connection(RUNLESS) as connection:
                engines.append(connection.engine)
        done += [empty_log(engine) for engine in engines if engine.dialect.name == "sqlite"]
    return all(done)


def _of(partition: str) -> sa.ColumnElement[bool]:
    """Return the condition for the events of a partition; for results of checks, Dagster doesn't fill the column."""
    check = (EVENTS.c.run_id == RUNLESS, EVENTS.c.dagster_event_type == "ASSET_CHECK_EVALUATION")
    named = EVENTS.c.event.contains(f'"partition": "{partition}"', autoescape=True)
    return sa.or_(EVENTS.c.partition == partition, sa.and_(*check, named))


def _replace_last(instance: dg.DagsterInstance, storage: Any, partition: str) -> None:
    with storage.index_connection() as connection:
        has_it = ASSETS.c.last_materialization.contains(f'"{partition}"', autoescape=True)
        keys = [
            dg.AssetKey.from_db_string(one) for one in connection.scalars(sa.select(ASSETS.c.asset_key).where(has_it))
        ]
    for key in filter(None, keys):
        newest = instance.fetch_materializations(key, limit=1).records
        with storage.index_connection() as connection:
            if newest:
                storage._store_asset_event(connection, newest[0].event_log_entry, newest[0].storage_id)
            else:
                connection.execute(
                    sa.update(ASSETS)
                    .where(ASSETS.c.asset_key == key.to_string())
                    .values(last_materialization=None, last_run_id=None)
                )

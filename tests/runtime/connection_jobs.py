"""A job that reports how many connections its step opened; a worker imports this module."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy import event
from sqlalchemy.pool import Pool

from reflector_assets.runtime.executor import process_executor

QUERIES = 5


@contextmanager
def opened() -> Iterator[list[object]]:
    """Collect the connections that this process opens to any database."""
    found: list[object] = []

    def add(connection: object, _: object) -> None:
        found.append(connection)

    event.listen(Pool, "connect", add)
    try:
        yield found
    finally:
        event.remove(Pool, "connect", add)


@dg.op
def queries(context: dg.OpExecutionContext) -> None:
    with opened() as connections:
        for _ in range(QUERIES):
            context.instance.get_runs_count()
            context.log.info("an event is stored")
    context.add_output_metadata({"connections": len(connections)})


@dg.job(executor_def=dg.in_process_executor)  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_process() -> None:
    queries()


@dg.job(executor_def=process_executor(1))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_worker() -> None:
    queries()

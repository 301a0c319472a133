"""Jobs that say how many connections their steps opened; each step's process imports this module."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy import event
from sqlalchemy.pool import Pool

from reflector_assets.assets.step import step
from reflector_assets.runtime.executor import process_executor, wrap

OFTEN = 5


@contextmanager
def opened() -> Iterator[list[object]]:
    """Collect the connections that this process opens to any database."""
    found: list[object] = []

    def one_more(connection: object, _: object) -> None:
        found.append(connection)

    event.listen(Pool, "connect", one_more)
    try:
        yield found
    finally:
        event.remove(Pool, "connect", one_more)


@dg.op
def asks(context: dg.OpExecutionContext) -> None:
    with step(context, "waveform"), opened() as connections:
        for _ in range(OFTEN):
            context.instance.get_runs_count()
            context.log.info("an event is stored")
    context.add_output_metadata({"connections": len(connections)})


@dg.job(executor_def=dg.in_process_executor)  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def plain() -> None:
    asks()


@dg.job(executor_def=wrap(dg.in_process_executor))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def kept() -> None:
    asks()


@dg.job(executor_def=process_executor(1))  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
def in_processes() -> None:
    asks()

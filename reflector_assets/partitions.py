"""The sets of partitions: one partition per recording, keyed by Daily's recording id."""

from collections.abc import Iterator, Sequence

from dagster import DagsterInstance, DynamicPartitionsDefinition

from reflector_assets.log_entries import RECORDINGS

# Recordings that were retired, or are being retired: no asset has these partitions.
RETIRED = "retired"
recordings = DynamicPartitionsDefinition(name=RECORDINGS)


def pages(
    instance: DagsterInstance, *, ascending: bool, limit: int = 500, cursor: str | None = None
) -> Iterator[Sequence[str]]:
    """Yield the ids of all recordings page by page, by age, or those after Dagster's cursor."""
    while True:
        page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=limit, ascending=ascending, cursor=cursor)
        yield page.results
        if not page.has_more:
            return
        cursor = page.cursor

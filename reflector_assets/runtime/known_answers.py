"""What Dagster asks its database again and again, though the answer stays the same.

A run asks some hundred times which tables, columns and indexes there are, and a step a dozen times whether its
partition exists.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

# The methods of Dagster's storages that ask about the schema. Rows: of the tables of pools, which old releases filled.
SCHEMA = (
    "has_table",
    "has_secondary_index",
    "has_built_index",
    "has_secondary_index_table",
    "has_instigators_table",
    "_has_instigators_table",
    "has_asset_key_col",
    "_has_asset_key_col_on_connection",
    "has_run_stats_index_cols",
    "has_backfill_id_column",
    "has_backfill_tags_table",
    "_has_rows",
)

# The existing partitions that the current step knows of; None outside of a worker's step.
_partitions: set[tuple[str, str]] | None = None


class KnownSchema:
    """A storage that doesn't ask about the schema again once the answer was yes: a migration makes no of it nowhere."""

    # One set for all storages of a database may take its place.
    _known: set[tuple[str, ...]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._known = set()
        super().__init__(*arguments, **options)


def _asked_until_yes(name: str) -> Callable[..., bool]:
    def ask(self: KnownSchema, *arguments: Any) -> bool:
        question = name, *(str(one) for one in arguments if not isinstance(one, sa.Connection))
        if question not in self._known and getattr(super(KnownSchema, self), name)(*arguments):
            self._known.add(question)
        return question in self._known

    return ask


for _name in SCHEMA:
    setattr(KnownSchema, _name, _asked_until_yes(_name))


class KnownPartitions(KnownSchema):
    """An event log that asks only once in a step whether a partition exists, if it does."""

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Return True if the partition exists."""
        key = partitions_def_name, partition_key
        if _partitions is not None and key in _partitions:
            return True
        storage: Any = super()
        exists: bool = storage.has_dynamic_partition(partitions_def_name, partition_key)
        if exists and _partitions is not None:
            _partitions.add(key)
        return exists


@contextmanager
def partitions_known() -> Iterator[None]:
    """Have KnownPartitions remember partitions during the block: a step that is executed alone in its process."""
    global _partitions  # noqa: PLW0603 - threads of the step need it, too
    _partitions = set()
    try:
        yield
    finally:
        _partitions = None

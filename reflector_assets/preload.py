"""Preloaded by the server that steps are forked from: all that every step would import for itself.

Most of it (Dagster's storages, SQLAlchemy, Alembic) is imported when an instance runs its first step, so one does
here: an empty step, on an instance in memory. It leaves modules and caches behind, but no thread of Python's, no open
file and no connection: none of these survives a fork. Models and their thread pools are loaded in the steps.
"""

import multiprocessing.queues
import multiprocessing.synchronize  # noqa: F401 - a child talks to its run through these
from importlib import import_module

import dagster as dg
import dagster_postgres  # noqa: F401
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401 - pandas imports it when the first table is written

import reflector_assets.definitions  # noqa: F401
from reflector_assets.runtime.startup import settle
from reflector_assets.settings.main import get_settings
from reflector_assets.wiring import imported_late

for module in imported_late(get_settings()):
    import_module(module)


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["warm"]))
def warm_up(context: dg.AssetExecutionContext) -> None:
    """Do nothing, as every step does at first."""


with dg.DagsterInstance.ephemeral() as instance:
    dg.materialize(
        [warm_up],
        instance=instance,
        partition_key="warm",
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
del instance

# A child's collector would copy every page of all this: more than half of what a short step took.
settle()

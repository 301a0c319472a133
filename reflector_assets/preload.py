"""Imports, in the server that steps are forked from, everything that each step would otherwise import itself.

Most of it (Dagster's storages, SQLAlchemy, Alembic) is imported when an instance runs its first step, so this module
runs empty steps on an in-memory instance. That leaves modules and caches, such as the compiled statements of the
embedded storage, but no Python thread, open file or connection, none of which survives a fork. Models and their thread
pools are loaded in the steps.
"""

import multiprocessing.queues
import multiprocessing.synchronize  # noqa: F401 - a child process communicates with its run through these
import sys
from importlib import import_module

import dagster as dg
import dagster_postgres  # noqa: F401
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401 - pandas imports it when it writes the first table

from reflector_assets.definitions import defs, process
from reflector_assets.runtime import warm_process
from reflector_assets.runtime.dagster_internals.steps import prepare
from reflector_assets.runtime.dagster_internals.storage import replace_engines
from reflector_assets.runtime.embedded_storage import engine_on
from reflector_assets.runtime.startup import resume_gc
from reflector_assets.settings.main import get_settings
from reflector_assets.wiring import lazy_imports
from resources.database.database import newest_revision
from resources.http import ssl_context

# What steps import when they need it, since it takes long.
IN_STEPS = (
    "anyio._backends._asyncio",
    "dagster._core.workspace.autodiscovery",
    "dagster._utils.test.definitions",
    "domain.audio.levels",
    "domain.audio.mixdown",
    "domain.audio.padding",
    "pandas",
    "psycopg2",
    # What dagster.yaml names.
    "reflector_assets.runtime.compute_logs",
    "resources.transcription.vad",
)
# What each run imports: the program that started its code server.
IN_RUNS = ("dagster._cli", "dagster._core.execution.run_metrics_thread")

for module in (*IN_STEPS, *IN_RUNS, *lazy_imports(get_settings())):
    import_module(module)


WARM = dg.DynamicPartitionsDefinition(name="warm")


@dg.asset(partitions_def=WARM)
def warm_up(context: dg.AssetExecutionContext) -> None:
    """Do nothing."""


@dg.asset(partitions_def=WARM, deps=[warm_up])
def with_input(context: dg.AssetExecutionContext) -> None:
    """Do nothing with an input, whose version Dagster reads."""


with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
    replace_engines(instance, engine_on)
    instance.add_dynamic_partitions("warm", ["one"])
    dg.materialize(
        [warm_up, with_input],
        instance=instance,
        partition_key="one",
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    # Runs and workers find these made.
    prepare(defs.get_repository_def().get_job(process.name), instance)
del instance

newest_revision()
ssl_context(trust_env=True)

# A child's garbage collector would copy every memory page: more than half of the time of a short step.
resume_gc()

if __name__ == "__main__":
    warm_process.serve(*sys.argv[1:])

"""The sensor that ends runs whose process is gone, so that Dagster's run retries resume them."""

import dagster as dg

from reflector_assets.operations.orphaned_runs import end_orphaned
from reflector_assets.records import IN_PROGRESS


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose local process was killed; Dagster's run retries then resume them.",
)
def end_orphaned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look at every run in progress; there are at most as many as the queue lets through."""
    runs = context.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS), limit=200)
    ended = end_orphaned(context.instance, runs)
    return dg.SkipReason(f"ended orphaned runs: {', '.join(ended)}" if ended else "no orphaned run")

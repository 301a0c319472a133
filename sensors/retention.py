"""The daily schedule that deletes old audio and retires old finished recordings."""

from collections.abc import Iterator

import dagster as dg

from reflector_assets.failure import Failed
from reflector_assets.operations.retention import Done, Retention, apply, delete_old_runs
from reflector_assets.settings.main import Settings, get_settings
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from resources.source import Source
from resources.store.base import Store

NAME = "retention"
# The limits of one day, in actions and seconds.
MOST, SECONDS = 1000, 3600.0
WHEN = "17 3 * * *"
# The job's own runs that stay in Dagster.
KEPT_RUNS = 30


@dg.op
def delete_what_is_due(
    context: dg.OpExecutionContext, store: Store, daily_bucket: Store, source: Source, inbox: Inbox
) -> None:
    """Delete audio older than PUBLIC_DATA_RETENTION_DAYS, retire recordings after REFLECTOR_RETIRE_DAYS."""
    failed: list[Done] = []

    def report(done: Done) -> None:
        if done.failed:
            failed.append(done)
            context.log.error(f"{done.due.what} of {done.due.id} not deleted: {done.failed}")
        else:
            context.log.info(f"{done.due.what} of {done.due.id} deleted, {done.objects} objects: {done.due.reason}")

    ledger = Ledger(database=inbox.database)
    retention = Retention(context.instance, store, daily_bucket, source, inbox, ledger, get_settings())
    complete = apply(retention, MOST, SECONDS, report)
    context.log.info("complete" if complete else "continues tomorrow")
    delete_old_runs(context.instance, NAME, KEPT_RUNS)
    if failed:
        names = ", ".join(sorted({done.due.id for done in failed})[:5])
        raise Failed(f"{len(failed)} were not done, first {names}: {failed[0].failed}", allow_retries=False)


# The types of these Dagster functions are incomplete.
@dg.job(  # pyright: ignore[reportUnknownMemberType]
    name=NAME, executor_def=dg.in_process_executor, description="Deletes old audio and retires old recordings."
)
def job() -> None:
    """Delete and retire what is due."""
    delete_what_is_due()


def build(settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule; without its settings it is stopped by default, and every tick is skipped."""
    stopped = None
    if settings.retention_days is None and settings.retire_days is None:
        stopped = "neither PUBLIC_DATA_RETENTION_DAYS nor REFLECTOR_RETIRE_DAYS is set"
    description = (
        "Daily: deletes audio older than PUBLIC_DATA_RETENTION_DAYS, and archives the runs of recordings older than "
        "REFLECTOR_RETIRE_DAYS."
    )

    @dg.schedule(  # pyright: ignore[reportUnknownMemberType]
        name=NAME,
        job=job,
        cron_schedule=WHEN,
        default_status=dg.DefaultScheduleStatus.STOPPED if stopped else dg.DefaultScheduleStatus.RUNNING,
        description=f"Stopped: {stopped}. {description}" if stopped else description,
    )
    def retention() -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield dg.SkipReason(stopped) if stopped else dg.RunRequest()

    return retention

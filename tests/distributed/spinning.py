"""A job with a step that nobody can interrupt at its first attempt: `python -m tests.distributed.spinning` runs it."""

import dagster as dg

from reflector_assets.assets.step import step
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.runtime.celery import celery_executor
from reflector_assets.runtime.instance import open_instance
from reflector_assets.settings.main import get_settings
from resources.store.base import LocalStore


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1, delay=0), tags={"dagster-celery/queue": "gpu"})
def spins_once(context: dg.OpExecutionContext) -> None:
    with step(context, "waveform", seconds=1):
        if context.retry_number == 0:
            pow(7, 10**9)


@dg.job(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
    executor_def=celery_executor(get_settings()),
    resource_defs={"io_manager": StoreIOManager(store=LocalStore(root=str(get_settings().data_dir)))},
)
def spinning() -> None:
    spins_once()


if __name__ == "__main__":
    with open_instance() as instance, dg.execute_job(dg.reconstructable(spinning), instance) as done:
        for event in done.all_events:
            if event.is_step_up_for_retry:
                assert event.step_retry_data.error is not None
                print(event.step_retry_data.error.message.strip())
        print("SUCCESS" if done.success else "FAILURE")

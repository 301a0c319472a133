"""Passes webhooks on to the old system while the service runs, whether or not Dagster does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError

# Seconds between two looks at what is due, when nothing was.
PAUSE_S = 1.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def relaying(relay: Callable[[], int] | None) -> AsyncIterator[None]:
    """Call `relay`, which makes the attempts that are due and says how many, again and again while the block lasts."""
    if relay is None:
        yield
        return
    task = asyncio.create_task(_go_on(relay))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _go_on(relay: Callable[[], int]) -> None:
    told: str | None = None
    while True:
        made = 0
        try:
            made = await run_in_threadpool(relay)
            told = None
        except ReflectorError as error:
            # The same is told once, not each second.
            if told != str(error):
                log.warning("webhooks aren't relayed to the old system: %s", error)
            told = str(error)
        if not made:
            await asyncio.sleep(PAUSE_S)

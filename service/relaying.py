"""Relays webhooks to the old system while the service runs, whether or not Dagster does."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError

# Seconds between two calls when nothing was due.
PAUSE_S = 1.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def relaying(relay: Callable[[], int] | None) -> AsyncGenerator[None]:
    """Call `relay` repeatedly while the block lasts: it makes the attempts that are due, and returns their number."""
    if relay is None:
        yield
        return
    task = asyncio.create_task(_run(relay))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(relay: Callable[[], int]) -> None:
    logged: str | None = None
    while True:
        made = 0
        try:
            made = await run_in_threadpool(relay)
            logged = None
        except ReflectorError as error:
            # Log the same error once, not every second.
            if logged != str(error):
                log.warning("webhooks aren't relayed to the old system: %s", error)
            logged = str(error)
        if not made:
            await asyncio.sleep(PAUSE_S)

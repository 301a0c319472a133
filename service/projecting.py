"""Brings what is projected from Dagster's log up to date before it is shown, but not for every request."""

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from reflector_assets.domain.errors import ReflectorError

log = logging.getLogger(__name__)
# Seconds between two looks at Dagster's log, when the last one saw all.
AGAIN_AFTER = 1.0


class CatchingUp:
    """Looks at most once in `again_after` seconds, one at a time; what can't be read now is shown as it was."""

    def __init__(self, catch_up: Callable[[], bool], again_after: float = AGAIN_AFTER) -> None:
        self._catch_up, self._again_after = catch_up, again_after
        self._next = 0.0
        self._lock = asyncio.Lock()

    async def __call__(self) -> None:
        """Read on, one piece."""
        async with self._lock:
            if time.monotonic() < self._next:
                return
            try:
                complete = await run_in_threadpool(self._catch_up)
            except ReflectorError as error:
                # Older figures are better than none; /health/ready tells of doors that don't answer.
                log.warning("what is shown may be out of date: %s", error)
                complete = True
            self._next = time.monotonic() + self._again_after if complete else 0.0

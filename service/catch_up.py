"""Brings what is projected from Dagster's log up to date before it is shown, but not for every request."""

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError

log = logging.getLogger(__name__)
# Seconds between two looks at Dagster's log, when the last one saw all.
AGAIN_AFTER = 1.0


class CatchingUp:
    """Looks at most once in `again_after` seconds, one at a time; what can't be read now is shown as it was.

    A request waits for one piece. What is left then, as after an upgrade, is read on behind it, half of the time.
    """

    def __init__(self, catch_up: Callable[[], bool], again_after: float = AGAIN_AFTER) -> None:
        self._catch_up, self._again_after = catch_up, again_after
        self._next = 0.0
        self._lock = asyncio.Lock()
        self._rest: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Read on, one piece."""
        if not await self._piece() and (self._rest is None or self._rest.done()):
            self._rest = asyncio.create_task(self._read_on())

    async def _piece(self) -> bool:
        """Read a piece where it is time for one; says whether that was all."""
        async with self._lock:
            if time.monotonic() < self._next:
                return True
            try:
                complete = await run_in_threadpool(self._catch_up)
            except ReflectorError as error:
                # Older figures are better than none; /health/ready tells of doors that don't answer.
                log.warning("what is shown may be out of date: %s", error)
                complete = True
            self._next = time.monotonic() + self._again_after if complete else 0.0
            return complete

    async def _read_on(self) -> None:
        complete = False
        while not complete:
            began = time.monotonic()
            complete = await self._piece()
            await asyncio.sleep(time.monotonic() - began)

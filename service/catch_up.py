"""Updates what is projected from Dagster's log before it is read, but not for every request."""

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError

log = logging.getLogger(__name__)
# Seconds before Dagster's log is read again after it was read to its end.
AGAIN_AFTER = 1.0


class CatchUp:
    """Reads Dagster's log at most once in `again_after` seconds, one call at a time; errors leave the data as it was.

    A request waits for one piece. The rest, as after an upgrade, is read in the background, half of the time.
    """

    def __init__(self, read_piece: Callable[[], bool], again_after: float = AGAIN_AFTER) -> None:
        self._read_piece, self._again_after = read_piece, again_after
        self._next = 0.0
        self._lock = asyncio.Lock()
        self._rest: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Read one piece."""
        if not await self._piece() and (self._rest is None or self._rest.done()):
            self._rest = asyncio.create_task(self._read_rest())

    async def _piece(self) -> bool:
        """Read a piece if it is time for one; return True if nothing is left."""
        async with self._lock:
            if time.monotonic() < self._next:
                return True
            try:
                complete = await run_in_threadpool(self._read_piece)
            except ReflectorError as error:
                # Older data is better than none; /health/ready reports what doesn't answer.
                log.warning("the list and the costs may be out of date: %s", error)
                complete = True
            self._next = time.monotonic() + self._again_after if complete else 0.0
            return complete

    async def _read_rest(self) -> None:
        complete = False
        while not complete:
            began = time.monotonic()
            complete = await self._piece()
            await asyncio.sleep(time.monotonic() - began)

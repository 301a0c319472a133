"""Writes what arrives to the inbox, all that waits in one transaction: a commit to disk each would be slow."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from queue import Empty, SimpleQueue

from reflector_assets.domain.errors import TransientError
from resources.inbox import Arrival, Inbox

# So many arrivals, or bytes of them, in one transaction.
BATCH, BATCH_BYTES = 500, 16 * 1024 * 1024
# Seconds that an arrival waits for a database that hangs.
PATIENCE = 10.0


class InboxWriter:
    """One thread that stores arrivals; `put` returns when its arrival is on the disk.

    After `patience` seconds `put` gives up, though its arrival may still be stored later.
    """

    def __init__(self, inbox: Inbox, patience: float) -> None:
        self._inbox, self._patience = inbox, patience
        self._queue: SimpleQueue[tuple[Arrival, asyncio.Future[None]] | None] = SimpleQueue()
        # Since when each has waited.
        self._waiting: dict[asyncio.Future[None], float] = {}

    async def put(self, arrival: Arrival) -> None:
        """Store an arrival for good; raises what the inbox raises, TransientError when it takes too long."""
        loop = asyncio.get_running_loop()
        stored = loop.create_future()
        self._waiting[stored] = loop.time()
        self._queue.put((arrival, stored))
        try:
            await stored
        finally:
            del self._waiting[stored]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write while the block lasts; what waits at its end is still written, if the database answers."""
        loop = asyncio.get_running_loop()
        # A daemon, as a database that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._write, args=(loop,), name="inbox", daemon=True)
        thread.start()
        watching = asyncio.create_task(self._give_up())
        try:
            yield
        finally:
            watching.cancel()
            self._queue.put(None)
            end = loop.time() + self._patience
            while thread.is_alive() and loop.time() < end:
                await asyncio.sleep(0.01)

    async def _give_up(self) -> None:
        """Look after those that wait for too long: a timer for each would take as long as all else that is done."""
        while True:
            await asyncio.sleep(self._patience / 10)
            begun = asyncio.get_running_loop().time() - self._patience
            late = [stored for stored, since in self._waiting.items() if since < begun]
            _tell(late, TransientError("the product's database takes too long to write"))

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        while batch := self._next():
            arrivals, waiting = zip(*batch, strict=True)
            told: Exception | None = None
            try:
                self._inbox.put(arrivals)
            except Exception as error:
                told = error
            # It is when the database answers only after the end.
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell, waiting, told)

    def _next(self) -> list[tuple[Arrival, asyncio.Future[None]]]:
        """All that waits, at least one; nothing at the end."""
        batch: list[tuple[Arrival, asyncio.Future[None]]] = []
        size, item = 0, self._queue.get()
        while item is not None:
            batch.append(item)
            size += len(item[0].body)
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                return batch
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            # The end comes after them.
            self._queue.put(None)
        return batch


def _tell(waiting: Iterable[asyncio.Future[None]], error: Exception | None) -> None:
    for stored in waiting:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)

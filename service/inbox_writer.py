"""Writes what arrives to the inbox, all that waits in one transaction: a commit to disk each would be slow."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import SimpleQueue

from domain.errors import TransientError
from resources.database.database import PinnedConnection
from resources.database.inbox import Arrival, Inbox

# So many arrivals, or bytes of them, in one transaction.
BATCH, BATCH_BYTES = 500, 16 * 1024 * 1024
# Seconds that an arrival waits for a database that hangs.
PATIENCE = 10.0
# Seconds that a batch waits for more: a commit costs as much as all else that is done for ten of them.
GATHER = 0.001
# So many are worth a commit of their own: while it lasts, the next are verified.
ENOUGH = 12


class Batch:
    """Arrivals that are stored together, and the future that says that they are on the disk."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.arrivals: list[Arrival] = []
        self.bytes = 0
        self.since = loop.time()
        self.stored: asyncio.Future[None] = loop.create_future()

    def is_full(self) -> bool:
        """Say whether it is as much as one transaction should hold."""
        return len(self.arrivals) >= BATCH or self.bytes >= BATCH_BYTES

    def end(self, error: Exception | None) -> None:
        """Tell all who wait for it, once."""
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)


class InboxWriter:
    """Gathers arrivals in the event loop, and one thread that stores them batch by batch.

    `put` returns when its arrival is on the disk. After `patience` seconds it gives up; its arrival may still be stored
    later if that has begun.
    """

    def __init__(self, inbox: Inbox, patience: float) -> None:
        self._inbox, self._patience = inbox, patience
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        # What is handed over is being stored or about to be; the last of the others takes arrivals.
        self._handed_over: Batch | None = None
        self._gathered: list[Batch] = []

    async def put(self, arrival: Arrival) -> None:
        """Store an arrival for good; raises what the inbox raises, TransientError when it takes too long."""
        loop = asyncio.get_running_loop()
        if not self._gathered or self._gathered[-1].is_full():
            self._gathered.append(Batch(loop))
            if self._handed_over is None and len(self._gathered) == 1:
                loop.call_later(GATHER, self._hand_over)
        batch = self._gathered[-1]
        batch.arrivals.append(arrival)
        batch.bytes += len(arrival.body)
        if self._handed_over is None and len(batch.arrivals) >= ENOUGH:
            self._hand_over()
        await batch.stored

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
            end = loop.time() + self._patience
            while (self._gathered or self._handed_over) and loop.time() < end:
                await asyncio.sleep(0.01)
            watching.cancel()
            self._queue.put(None)

    def _hand_over(self) -> None:
        if self._handed_over is None and self._gathered:
            self._handed_over = self._gathered.pop(0)
            self._queue.put(self._handed_over)

    def _ended(self, batch: Batch, error: Exception | None) -> None:
        self._handed_over = None
        if self._gathered and len(self._gathered[0].arrivals) >= ENOUGH:
            self._hand_over()
        batch.end(error)
        if self._gathered and self._handed_over is None:
            # Those who are told now can come along again.
            asyncio.get_running_loop().call_later(GATHER, self._hand_over)

    async def _give_up(self) -> None:
        """Look after those that wait for too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._patience / 10)
            begun = loop.time() - self._patience
            waiting = [*([self._handed_over] if self._handed_over else []), *self._gathered]
            late = [batch for batch in waiting if batch.since < begun]
            for batch in late:
                batch.end(TransientError("the product's database takes too long to write"))
            self._gathered = [batch for batch in self._gathered if batch not in late]

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        kept = PinnedConnection()
        while batch := self._queue.get():
            told = self._store(batch, kept)
            # It is when the database answers only after the end.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ended, batch, told)
        kept.close()

    def _store(self, batch: Batch, kept: PinnedConnection) -> Exception | None:
        try:
            try:
                self._inbox.put(batch.arrivals, kept)
            except TransientError:
                if not kept.broke:
                    raise
                # It broke while nothing was written, as when the server was started anew: Daily needn't come again.
                self._inbox.put(batch.arrivals, kept)
        except Exception as error:
            return error
        return None

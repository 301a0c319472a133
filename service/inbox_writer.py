"""Writes arrivals to the inbox in batches: a commit to disk for each arrival would be slow."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from queue import SimpleQueue

from domain.errors import TransientError
from resources.database.database import PinnedConnection
from resources.database.inbox import Arrival, Inbox

# The most arrivals, or bytes of them, in one transaction.
MAX_BATCH, MAX_BATCH_BYTES = 500, 16 * 1024 * 1024
# Seconds that an arrival waits for a database that hangs.
WRITE_TIMEOUT_S = 10.0
# Seconds that a batch waits for more arrivals: a commit costs as much as all other work for ten of them.
GATHER_S = 0.001
# Arrivals that are committed without waiting for more: the next ones are verified during the commit.
FULL_ENOUGH = 12


class Batch:
    """Arrivals that are stored together, and a future that is resolved once they are on the disk."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.arrivals: list[Arrival] = []
        self.bytes = 0
        self.since = loop.time()
        self.stored: asyncio.Future[None] = loop.create_future()

    def is_full(self) -> bool:
        """Return True if the batch is as large as one transaction should be."""
        return len(self.arrivals) >= MAX_BATCH or self.bytes >= MAX_BATCH_BYTES

    def end(self, error: Exception | None) -> None:
        """Resolve the future, unless it is resolved."""
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)


class InboxWriter:
    """Gathers arrivals in the event loop, and stores them batch by batch in a thread.

    `put` returns when its arrival is on the disk. After `timeout` seconds it gives up; its arrival may still be stored
    later if its transaction has begun.
    """

    def __init__(self, inbox: Inbox, timeout: float) -> None:
        self._inbox, self._timeout = inbox, timeout
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        # The batch that is being stored or about to be, and the others, the last of which takes arrivals.
        self._handed_over: Batch | None = None
        self._gathered: list[Batch] = []

    async def put(self, arrival: Arrival) -> None:
        """Store an arrival durably; raises what the inbox raises, TransientError if it takes too long."""
        loop = asyncio.get_running_loop()
        if not self._gathered or self._gathered[-1].is_full():
            self._gathered.append(Batch(loop))
            if self._handed_over is None and len(self._gathered) == 1:
                loop.call_later(GATHER_S, self._hand_over)
        batch = self._gathered[-1]
        batch.arrivals.append(arrival)
        batch.bytes += len(arrival.body)
        if self._handed_over is None and len(batch.arrivals) >= FULL_ENOUGH:
            self._hand_over()
        await batch.stored

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Write while the block lasts, and at its end what is left, if the database answers."""
        loop = asyncio.get_running_loop()
        # A daemon thread, so that a hanging database doesn't keep the process from ending.
        thread = threading.Thread(target=self._write, args=(loop,), name="inbox", daemon=True)
        thread.start()
        timeouts = asyncio.create_task(self._fail_late_batches())
        try:
            yield
        finally:
            end = loop.time() + self._timeout
            while (self._gathered or self._handed_over) and loop.time() < end:
                await asyncio.sleep(0.01)
            timeouts.cancel()
            self._queue.put(None)

    def _hand_over(self) -> None:
        if self._handed_over is None and self._gathered:
            self._handed_over = self._gathered.pop(0)
            self._queue.put(self._handed_over)

    def _ended(self, batch: Batch, error: Exception | None) -> None:
        self._handed_over = None
        if self._gathered and len(self._gathered[0].arrivals) >= FULL_ENOUGH:
            self._hand_over()
        batch.end(error)
        if self._gathered and self._handed_over is None:
            # Clients that are answered now can add to the next batch.
            asyncio.get_running_loop().call_later(GATHER_S, self._hand_over)

    async def _fail_late_batches(self) -> None:
        """Fail batches that have waited for too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timeout / 10)
            begun = loop.time() - self._timeout
            waiting = [*([self._handed_over] if self._handed_over else []), *self._gathered]
            late = [batch for batch in waiting if batch.since < begun]
            for batch in late:
                batch.end(TransientError("the product's database takes too long to write"))
            self._gathered = [batch for batch in self._gathered if batch not in late]

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = PinnedConnection()
        while batch := self._queue.get():
            error = self._store(batch, connection)
            # The loop is closed if the database answers only after the end.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ended, batch, error)
        connection.close()

    def _store(self, batch: Batch, connection: PinnedConnection) -> Exception | None:
        try:
            try:
                self._inbox.put(batch.arrivals, connection)
            except TransientError:
                if not connection.is_broken:
                    raise
                # The connection broke before anything was written, as when the server restarts: try once more.
                self._inbox.put(batch.arrivals, connection)
        except Exception as error:
            return error
        return None

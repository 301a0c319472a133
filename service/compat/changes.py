"""What happens to any recording: one reader of the list for all listeners, while there are any."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError
from domain.overview import RecordingOverview
from service.auth import Watch
from service.catch_up import CatchUp
from service.compat.transcripts import STATUSES
from service.ports import Listing

log = logging.getLogger(__name__)
# Seconds between two reads, and the newest recordings whose changes are noticed.
PAUSE_S, NEWEST = 3.0, 50
# Messages that a slow listener may lag behind.
MOST = 1000
Message = dict[str, Any]


class Changes:
    """Reads the list repeatedly and passes each change to all listeners."""

    def __init__(self, listing: Listing, catch_up: CatchUp) -> None:
        self._listing, self._catch_up = listing, catch_up
        self.pause = PAUSE_S
        self._listeners: set[asyncio.Queue[Message]] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(self, watch: Watch) -> AsyncIterator[Message]:
        """Yield changes from now on, as long as the listener may read."""
        queue: asyncio.Queue[Message] = asyncio.Queue(MOST)
        self._listeners.add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        try:
            while await watch.allows():
                with suppress(TimeoutError):
                    async with asyncio.timeout(watch.seconds):
                        message = await queue.get()
                    yield message
        finally:
            self._listeners.discard(queue)
            if not self._listeners and (task := self._task):
                task.cancel()
                self._task = None

    async def _follow(self) -> None:
        known: dict[str, RecordingOverview] | None = None
        while True:
            try:
                newest = await self._read()
            except ReflectorError as error:
                log.warning("changes could not be read: %s", error)
            except Exception:
                # A defect must not leave the listeners without a reader.
                log.exception("changes could not be read")
            else:
                for message in [] if known is None else changes(known, newest):
                    for queue in self._listeners:
                        if not queue.full():
                            queue.put_nowait(message)
                known = newest
            await asyncio.sleep(self.pause)

    async def _read(self) -> dict[str, RecordingOverview]:
        await self._catch_up()

        def read() -> dict[str, RecordingOverview]:
            found = self._listing.catalogue.search("", 1, NEWEST)
            return {one.id: one for one in self._listing.states(found.items)}

        return await run_in_threadpool(read)


def changes(before: dict[str, RecordingOverview], after: dict[str, RecordingOverview]) -> list[Message]:
    """Return the old system's messages for what differs; durations in milliseconds."""
    found: list[Message] = []
    for recording_id, now in after.items():
        was = before.get(recording_id)
        if was is None:
            found.append({"event": "TRANSCRIPT_CREATED", "data": {"id": recording_id}})
        if was is None or STATUSES[was.state] != STATUSES[now.state]:
            value = STATUSES[now.state]
            found.append({"event": "TRANSCRIPT_STATUS", "data": {"id": recording_id, "value": value}})
        if now.title and (was is None or was.title != now.title):
            found.append({"event": "TRANSCRIPT_FINAL_TITLE", "data": {"id": recording_id, "title": now.title}})
        if now.duration is not None and (was is None or was.duration != now.duration):
            milliseconds = now.duration * 1000
            found.append({"event": "TRANSCRIPT_DURATION", "data": {"id": recording_id, "duration": milliseconds}})
    return found

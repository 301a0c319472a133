"""Live events: one reader for all listeners of a recording; each listener goes at its own pace."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from domain.errors import ReflectorError
from domain.events import Event
from service.ports import EventReader

log = logging.getLogger(__name__)

# Seconds between two looks at Dagster's log, while something happens and when nothing did for a while.
OFTEN, SELDOM, QUIET_AFTER = 0.5, 2.0, 60.0
# Seconds that a reader is kept after its last listener left: listeners reconnect.
KEPT = 30.0
# Seconds until the next look when one failed.
AFTER_ERROR = 5.0


class Told(NamedTuple):
    """An event, and the same as JSON, written once for all listeners."""

    event: Event
    json: str


class Feed:
    """One recording's events as read so far; grows while anybody listens."""

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._told: list[Told] = []
        self._more = asyncio.Event()
        self._begun = asyncio.Event()
        self._error: ReflectorError | None = None
        self.listeners = 0
        self.left_at = 0.0

    async def follow(self) -> None:
        """Read on until cancelled."""
        changed = asyncio.get_running_loop().time()
        while True:
            wait = OFTEN
            try:
                found = await run_in_threadpool(self._reader.read)
                self._error = None
            except ReflectorError as error:
                found, self._error, wait = [], error, AFTER_ERROR
                log.warning("events could not be read: %s", error)
            except Exception:
                # A defect of ours: told, and its listeners are not left without whatever comes later.
                log.exception("events could not be read")
                found, wait = [], AFTER_ERROR
            now = asyncio.get_running_loop().time()
            if found:
                changed = now
                self._told += [Told(event, event.model_dump_json()) for event in found]
                self._more.set()
                self._more = asyncio.Event()
            elif now - changed > QUIET_AFTER:
                wait = max(wait, SELDOM)
            self._begun.set()
            await asyncio.sleep(wait)

    async def so_far(self, after: str | None = None) -> list[Told]:
        """What was told until now, all of it or what comes after an event; raises InvalidInput, ReflectorError."""
        await self._begun.wait()
        if self._error is not None and not self._told:
            raise self._error
        return [told for told in self._told if after is None or self._reader.after(after, told.event)]

    async def listen(self, after: str | None = None) -> AsyncIterator[Told]:
        """Yield what was told, all of it or what comes after an event, and then what is told from now on."""
        past = await self.so_far(after)
        place = len(self._told)
        for told in past:
            yield told
        while True:
            more = self._more
            while place < len(self._told):
                place += 1
                yield self._told[place - 1]
            await more.wait()


class Feeds:
    """The feeds of all recordings that somebody listens to."""

    def __init__(self, reader: Callable[[str], EventReader]) -> None:
        self._reader = reader
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def of(self, recording_id: str) -> AsyncIterator[Feed]:
        """Give a recording's feed to one listener while the block lasts; raises NotFound."""
        feed = await self._open(recording_id)
        feed.listeners += 1
        try:
            yield feed
        finally:
            feed.listeners -= 1
            feed.left_at = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the feeds while the block lasts."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            tasks = [sweeping, *(task for _, task in self._feeds.values())]
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, recording_id: str) -> Feed:
        lock = self._opening.setdefault(recording_id, asyncio.Lock())
        async with lock:
            if recording_id not in self._feeds or self._feeds[recording_id][1].done():
                try:
                    feed = Feed(await run_in_threadpool(self._reader, recording_id))
                except BaseException:
                    self._opening.pop(recording_id, None)
                    raise
                self._feeds[recording_id] = feed, asyncio.create_task(feed.follow())
            return self._feeds[recording_id][0]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(KEPT / 2)
            now = asyncio.get_running_loop().time()
            for recording_id, (feed, task) in list(self._feeds.items()):
                if not feed.listeners and now - feed.left_at > KEPT:
                    task.cancel()
                    del self._feeds[recording_id], self._opening[recording_id]

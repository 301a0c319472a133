"""Live events: one reader for all listeners of a recording; a slow listener doesn't delay the others."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from domain.errors import RecordingDeleted, ReflectorError
from domain.events import Event
from service.auth import Watch
from service.disclosure import general_event
from service.ports import EventReader

log = logging.getLogger(__name__)

# Seconds between two reads of Dagster's log while events arrive, and after a quiet time.
POLL_S, QUIET_POLL_S, QUIET_AFTER_S = 0.5, 2.0, 60.0
# Seconds that a reader is kept after its last listener disconnected: listeners reconnect.
LINGER_S = 30.0
# Seconds before the next read after a failed one.
ERROR_POLL_S = 5.0


class Entry(NamedTuple):
    """An event, and its JSON for operators and for others, which is serialized once for all listeners."""

    event: Event
    json: str
    general: str

    @classmethod
    def of(cls, event: Event) -> "Entry":
        """Serialize an event."""
        json, general = event.model_dump_json(), general_event(event)
        return cls(event, json, json if general is event else general.model_dump_json())

    def text(self, *, trusted: bool) -> str:
        """Return the JSON for a listener."""
        return self.json if trusted else self.general


class Feed:
    """The events of one recording that were read so far; grows while there are listeners."""

    def __init__(self, reader: EventReader, check: Callable[[], None]) -> None:
        self._reader, self._check = reader, check
        self._entries: list[Entry] = []
        self._more = asyncio.Event()
        self._started = asyncio.Event()
        self._error: ReflectorError | None = None
        self.listeners = 0
        self.left_at = 0.0

    async def follow(self) -> None:
        """Read on until cancelled, or until the recording was deleted: then nothing of it stays."""
        changed_at = asyncio.get_running_loop().time()
        while True:
            wait = POLL_S
            try:
                found = await run_in_threadpool(self._read)
                self._error = None
            except RecordingDeleted as error:
                self._entries, self._error = [], error
                self._started.set()
                self._more.set()
                return
            except ReflectorError as error:
                found, self._error, wait = (), error, ERROR_POLL_S
                log.warning("events could not be read: %s", error)
            except Exception:
                # A bug: log it, and go on, so that listeners get later events.
                log.exception("events could not be read")
                found, wait = (), ERROR_POLL_S
            now = asyncio.get_running_loop().time()
            if found:
                changed_at = now
                self._entries += [Entry.of(event) for event in found]
                self._more.set()
                self._more = asyncio.Event()
            elif now - changed_at > QUIET_AFTER_S:
                wait = max(wait, QUIET_POLL_S)
            self._started.set()
            await asyncio.sleep(wait)

    def _read(self) -> Sequence[Event]:
        self._check()
        return self._reader.read()

    async def so_far(self, after: str | None = None) -> list[Entry]:
        """Return the events so far, or those of them after one; raises InvalidInput, ReflectorError."""
        # First, so that an invalid id is reported before there are events, too.
        wanted = self._reader.after(after) if after is not None else None
        await self._started.wait()
        if self._error is not None and not self._entries:
            raise self._error
        return [entry for entry in self._entries if wanted is None or wanted(entry.event)]

    async def listen(self, after: str | None, watch: Watch) -> AsyncIterator[Entry]:
        """Yield the events so far, or those of them after one, and then new events, while the listener may listen.

        Raises RecordingDeleted when the recording is deleted.
        """
        past = await self.so_far(after)
        place = len(self._entries)
        for entry in past:
            yield entry
        while await watch.allows():
            more = self._more
            if isinstance(self._error, RecordingDeleted):
                raise self._error
            while place < len(self._entries):
                place += 1
                yield self._entries[place - 1]
            with suppress(TimeoutError):
                async with asyncio.timeout(watch.seconds):
                    await more.wait()


class Feeds:
    """The feeds of all recordings that have listeners."""

    def __init__(self, reader: Callable[[str], EventReader], check: Callable[[str], None]) -> None:
        self._reader, self._check = reader, check
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def of(self, recording_id: str) -> AsyncGenerator[Feed]:
        """Yield a recording's feed to one listener; raises NotFound, RecordingDeleted."""
        feed = await self._open(recording_id)
        feed.listeners += 1
        try:
            yield feed
        finally:
            feed.listeners -= 1
            feed.left_at = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Stop feeds that have no listeners while the block lasts, and all feeds at its end."""
        cleanup = asyncio.create_task(self._stop_unused())
        try:
            yield
        finally:
            tasks = [cleanup, *(task for _, task in self._feeds.values())]
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, recording_id: str) -> Feed:
        lock = self._opening.setdefault(recording_id, asyncio.Lock())
        async with lock:
            if recording_id not in self._feeds or self._feeds[recording_id][1].done():
                try:
                    feed = await run_in_threadpool(self._new, recording_id)
                except BaseException:
                    self._opening.pop(recording_id, None)
                    raise
                self._feeds[recording_id] = feed, asyncio.create_task(feed.follow())
            return self._feeds[recording_id][0]

    def _new(self, recording_id: str) -> Feed:
        self._check(recording_id)
        return Feed(self._reader(recording_id), partial(self._check, recording_id))

    async def _stop_unused(self) -> None:
        while True:
            await asyncio.sleep(LINGER_S / 2)
            now = asyncio.get_running_loop().time()
            for recording_id, (feed, task) in list(self._feeds.items()):
                if not feed.listeners and now - feed.left_at > LINGER_S:
                    task.cancel()
                    del self._feeds[recording_id], self._opening[recording_id]

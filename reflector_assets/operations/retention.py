"""What isn't kept for ever: audio past its days, and finished recordings past theirs in Dagster's partitions."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import dagster as dg

from domain.errors import ReflectorError
from reflector_assets.io_manager import value_key
from reflector_assets.operations.runs import at_work
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from resources.database.inbox import Inbox
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

PAGE = 500
DAY = 86400.0


class Due(NamedTuple):
    """What is to be done with a recording: its audio goes, or it is retired from the partitions; `days` is its age."""

    id: str
    what: Literal["audio", "partition"]
    days: float
    reason: str


class Done(NamedTuple):
    """What became of it: how many objects went, or why it failed."""

    due: Due
    objects: int = 0
    failed: str | None = None


class Retention(NamedTuple):
    """Looks for what is due, and does it; audio and partitions each by a setting in days, or never."""

    instance: dg.DagsterInstance
    store: Store
    bucket: Store
    source: Source
    inbox: Inbox
    settings: Settings

    def due(self, now: float | None = None) -> Iterator[Due]:
        """Yield what is due, oldest recordings first, page by page; none of a recording that is at work."""
        now = time.time() if now is None else now
        limits = [days for days in (self._audio_days, self.settings.retire_days) if days is not None]
        if not limits:
            return
        for recording_id, made in self._partitions():
            days = (now - made) / DAY if made is not None else 0.0
            if days < min(limits) or at_work(self.instance, recording_id, self.inbox):
                continue
            if self._audio_days is not None and days >= self._audio_days:
                reason = f"retention: older than {self._audio_days} days"
                marker = erasure.deletion_of(self.store, recording_id)
                if marker is None or marker.proven_at is None:
                    yield Due(recording_id, "audio", round(days, 1), reason)
            retire = self.settings.retire_days
            if retire is not None and days >= retire and self.store.exists(value_key("transcript", recording_id)):
                yield Due(recording_id, "partition", round(days, 1), f"finished, and older than {retire} days")

    def apply(self, due: Due) -> Done:
        """Do one thing that is due; a failure is told, and due again."""
        if at_work(self.instance, due.id, self.inbox):
            return Done(due, failed="the recording is at work")
        try:
            if due.what == "partition":
                self.instance.delete_dynamic_partition(RECORDINGS, due.id)
                return Done(due)
            described = erasure.describe_recording(self.store, self.source, due.id)
            return Done(due, objects=erasure.audio_of(self.store, self.bucket, described).delete(due.reason))
        except ReflectorError as error:
            return Done(due, failed=str(error.at(recording=due.id)))

    @property
    def _audio_days(self) -> int | None:
        # The other modes delete nothing: the old system does.
        return self.settings.retention_days if self.settings.mode == "live" else None

    def _partitions(self) -> Iterator[tuple[str, float | None]]:
        """All recordings, and when each was last taken in; a whole page is read before any of it is retired."""
        cursor: str | None = None
        while True:
            page = self.instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=True, cursor=cursor)
            made = self._made(page.results)
            yield from ((one, made.get(one)) for one in page.results)
            if not page.has_more:
                return
            cursor = page.cursor

    def _made(self, recording_ids: Sequence[str]) -> dict[str, float]:
        """When recordings were last taken in, in epoch seconds, by their ids; without those that never were."""
        made: dict[str, float] = {}
        wanted: list[str] = list(recording_ids)
        while wanted:
            # Newest first; what was often made takes up the places of others, which are asked for again.
            found = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=wanted)
            records = self.instance.fetch_materializations(found, limit=PAGE).records
            for record in records:
                made.setdefault(str(record.partition_key), record.timestamp)
            wanted = [one for one in wanted if one not in made] if len(records) == PAGE else []
        return made


def apply(retention: Retention, most: int, seconds: float, tell: Callable[[Done], None]) -> bool:
    """Do what is due, at most so many things in about so many seconds; says whether all was looked at."""
    end = time.monotonic() + seconds
    for number, due in enumerate(retention.due()):
        if number >= most or time.monotonic() >= end:
            return False
        tell(retention.apply(due))
    return True

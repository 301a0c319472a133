"""Retention: deletes old audio, and removes old finished recordings from Dagster's partitions."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import dagster as dg

from domain.errors import ReflectorError
from domain.recording import value_key
from reflector_assets.operations.runs import at_work
from reflector_assets.partitions import RECORDINGS, pages
from reflector_assets.settings.main import Settings
from resources.database.inbox import Inbox
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

PAGE = 500
DAY = 86400.0


class Due(NamedTuple):
    """An action that is due: delete a recording's audio, or remove its partition; `days` is the recording's age.

    `unreadable` is the reason why it isn't known whether the action is due, if so: it isn't performed.
    """

    id: str
    what: Literal["audio", "partition"]
    days: float
    reason: str
    unreadable: str | None = None


class Done(NamedTuple):
    """The outcome of an action: the number of deleted objects, or the reason of a failure."""

    due: Due
    objects: int = 0
    failed: str | None = None


class Retention(NamedTuple):
    """Finds and performs actions that are due; two settings, in days, determine when audio and partitions are."""

    instance: dg.DagsterInstance
    store: Store
    bucket: Store
    source: Source
    inbox: Inbox
    settings: Settings

    def due(self, now: float | None = None) -> Iterator[Due]:
        """Yield the actions that are due, oldest recordings first, except for recordings with a run in progress."""
        now = time.time() if now is None else now
        limits = [days for days in (self._audio_days, self.settings.retire_days) if days is not None]
        if not limits:
            return
        for recording_id, made in self._partitions():
            days = (now - made) / DAY if made is not None else 0.0
            if days < min(limits):
                continue
            for what in ("audio", "partition"):
                try:
                    reason = self._reason(recording_id, what, days)
                except (ReflectorError, OSError, ValueError) as error:
                    yield Due(recording_id, what, round(days, 1), "unknown", str(error))
                    continue
                if reason:
                    yield Due(recording_id, what, round(days, 1), reason)

    def _reason(self, recording_id: str, what: Literal["audio", "partition"], days: float) -> str | None:
        """Return why an action is due; None if it isn't."""
        limit = self._audio_days if what == "audio" else self.settings.retire_days
        if limit is None or days < limit or at_work(self.instance, recording_id, self.inbox):
            return None
        if what == "audio":
            marker = erasure.deletion_of(self.store, recording_id)
            is_due = marker is None or marker.proven_at is None
            return f"retention: older than {limit} days" if is_due else None
        is_finished = self.store.exists(value_key("transcript", recording_id))
        return f"finished, and older than {limit} days" if is_finished else None

    def apply(self, due: Due) -> Done:
        """Perform an action; one that fails is returned with the reason, and stays due."""
        if due.unreadable:
            return Done(due, failed=due.unreadable)
        if at_work(self.instance, due.id, self.inbox):
            return Done(due, failed="a run of the recording is in progress")
        try:
            if due.what == "partition":
                self.instance.delete_dynamic_partition(RECORDINGS, due.id)
                return Done(due)
            described = erasure.describe_recording(self.store, self.source, due.id)
            return Done(due, objects=erasure.audio_of(self.store, self.bucket, described).delete(due.reason))
        except ReflectorError as error:
            return Done(due, failed=str(error.at(recording=due.id)))
        except (OSError, ValueError) as error:
            return Done(due, failed=f"recording {due.id}: {error}")

    @property
    def _audio_days(self) -> int | None:
        # In other modes the old system deletes audio.
        return self.settings.retention_days if self.settings.mode == "live" else None

    def _partitions(self) -> Iterator[tuple[str, float | None]]:
        """Yield all recordings with the time of their last import or run; reads a page before yielding any of it."""
        for page in pages(self.instance, ascending=True, limit=PAGE):
            made = self._made(page)
            yield from ((one, made.get(one)) for one in page)

    def _made(self, recording_ids: Sequence[str]) -> dict[str, float]:
        """Return when `recording` was last materialized, in epoch seconds by recording id, where it ever was."""
        made: dict[str, float] = {}
        wanted: list[str] = list(recording_ids)
        while wanted:
            # Newest first; repeated materializations can crowd out other recordings, which are queried again.
            of = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=wanted)
            records = self.instance.fetch_materializations(of, limit=PAGE).records
            for record in records:
                made.setdefault(str(record.partition_key), record.timestamp)
            wanted = [one for one in wanted if one not in made] if len(records) == PAGE else []
        return made


def apply(retention: Retention, most: int, seconds: float, report: Callable[[Done], None]) -> bool:
    """Perform at most `most` due actions in about `seconds`, and report each; return True if none is left."""
    end = time.monotonic() + seconds
    for number, due in enumerate(retention.due()):
        if number >= most or time.monotonic() >= end:
            return False
        report(retention.apply(due))
    return True

"""Retention: deletes old audio, and retires old finished recordings."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Literal, NamedTuple

import dagster as dg

from domain.errors import ReflectorError
from domain.recording import value_key
from reflector_assets.operations.archiving import delete_run, retire, without_partition
from reflector_assets.operations.runs import at_work
from reflector_assets.partitions import RECORDINGS, RETIRED
from reflector_assets.records import made_at
from reflector_assets.runtime.instance import database_errors
from reflector_assets.settings.main import Settings
from resources.database.inbox import Inbox
from resources.database.ledger import Ledger
from resources.database.positions import advance_position, read_position
from resources.source import Source
from resources.store import erasure
from resources.store.base import Store

PAGE = 500
DAY = 86400.0
RECORDING, MADE = dg.AssetKey("recording"), dg.DagsterEventType.ASSET_MATERIALIZATION
# Up to this time, in epoch seconds, the audio of all recordings is gone.
AUDIO_GONE = "audio_gone"
# Events have the times of the machines that they come from.
CLOCKS_DIFFER_S = DAY
# What reading a recording's files raises; it doesn't stop the look at the others.
UNREADABLE = (ReflectorError, OSError, ValueError)


class Due(NamedTuple):
    """An action that is due: delete a recording's audio, or retire it; `days` is the recording's age.

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
    ledger: Ledger
    settings: Settings

    def due(self, now: float | None = None) -> Iterator[Due]:
        """Yield the actions that are due, except for recordings with a run in progress: audio first, oldest first."""
        now = time.time() if now is None else now
        audio, retire = self._audio_days, self.settings.retire_days
        if audio is not None:
            yield from self._audio_due(now, audio)
        if retire is not None:
            yield from self._partitions_due(now, max(retire, audio or 0))

    def apply(self, due: Due) -> Done:
        """Perform an action; one that fails is returned with the reason, and stays due."""
        if due.unreadable:
            return Done(due, failed=due.unreadable)
        try:
            with database_errors():
                if at_work(self.instance, due.id, self.inbox):
                    return Done(due, failed="a run of the recording is in progress")
                if due.what == "partition":
                    retire(self.instance, self.store, self.ledger, due.id)
                    return Done(due)
                described = erasure.describe_recording(self.store, self.source, due.id)
                return Done(due, objects=erasure.audio_of(self.store, self.bucket, described).delete(due.reason))
        except UNREADABLE as error:
            return Done(due, failed=_reason(due.id, error))

    @property
    def _audio_days(self) -> int | None:
        # In other modes the old system deletes audio.
        return self.settings.retention_days if self.settings.mode == "live" else None

    def _audio_due(self, now: float, days: int) -> Iterator[Due]:
        """Yield audio that is due, and remember up to which age all audio is proven to be gone."""
        gone_until = float(read_position(self.inbox.database, AUDIO_GONE))
        all_gone = True
        for recording_id, record in self._made_between(gone_until - CLOCKS_DIFFER_S, now - days * DAY):
            due = Due(recording_id, "audio", _age(now, record), f"retention: older than {days} days")
            try:
                if self._is_audio_gone(recording_id):
                    gone_until = max(gone_until, record.timestamp) if all_gone else gone_until
                    continue
            except UNREADABLE as error:
                due = due._replace(reason="unknown", unreadable=_reason(recording_id, error))
            if all_gone:
                all_gone = False
                self._remember(gone_until)
            if due.unreadable or not at_work(self.instance, recording_id, self.inbox):
                yield due
        if all_gone:
            self._remember(gone_until)

    def _partitions_due(self, now: float, days: int) -> Iterator[Due]:
        """Yield finished recordings that are due, unless their audio is to be deleted first."""
        partitions = set(self.instance.get_dynamic_partitions(RECORDINGS))
        back = list(self.instance.get_existing_dynamic_partitions(RETIRED, list(partitions)))
        end, earlier = now - days * DAY, f"retired earlier, and older than {days} days"
        found = chain(
            ((one, record, earlier) for one, record in self._made(back).items()),
            (
                (one, record, f"finished, and older than {days} days")
                for one, record in self._made_between(0.0, end, partitions.difference(back))
            ),
            (
                (one, record, earlier)
                for one, record in self._made(without_partition(self.instance, partitions)).items()
            ),
        )
        for recording_id, record, reason in found:
            if made_at(record) > end:
                continue
            due = Due(recording_id, "partition", _age(now, record), reason)
            try:
                if self._may_retire(recording_id):
                    yield due
            except UNREADABLE as error:
                yield due._replace(reason="unknown", unreadable=_reason(recording_id, error))

    def _may_retire(self, recording_id: str) -> bool:
        # The audio of a retired recording would be looked for too late: by the time of its retirement.
        if self._audio_days is not None and not self._is_audio_gone(recording_id):
            return False
        finished = self.store.exists(value_key("transcript", recording_id))
        return finished and not at_work(self.instance, recording_id, self.inbox)

    def _is_audio_gone(self, recording_id: str) -> bool:
        marker = erasure.deletion_of(self.store, recording_id)
        return marker is not None and marker.proven_at is not None

    def _remember(self, gone_until: float) -> None:
        database = self.inbox.database
        with database.begin() as connection:
            advance_position(database, connection, AUDIO_GONE, int(gone_until))

    def _made_between(
        self, start: float, end: float, among: Collection[str] | None = None
    ) -> Iterator[tuple[str, dg.EventLogRecord]]:
        """Yield recordings whose last import or run was in a time span, in epoch seconds, with its event; oldest first.

        Only the events of these recordings are read.
        """
        first, last = self._last_before(start), self._last_before(end)
        latest = self.instance.get_latest_storage_id_by_partition(RECORDING, MADE)
        kept = latest if among is None else latest.keys() & among
        numbers = sorted((latest[one], one) for one in kept if first < latest[one] <= last)
        for begin in range(0, len(numbers), PAGE):
            page = [one for _, one in numbers[begin : begin + PAGE]]
            made = self._made(page)
            yield from ((one, made[one]) for one in page if one in made and made[one].timestamp <= end)

    def _last_before(self, moment: float) -> int:
        """Return Dagster's number of the last materialization of `recording` before a time; 0 if there is none."""
        if moment <= 0:
            # Dagster would ignore a time of 0.
            return 0
        of = dg.AssetRecordsFilter(asset_key=RECORDING, before_timestamp=moment)
        records = self.instance.fetch_materializations(of, limit=1).records
        return records[0].storage_id if records else 0

    def _made(self, recording_ids: Sequence[str]) -> dict[str, dg.EventLogRecord]:
        """Return the last materialization of `recording` by recording id, where there is one."""
        made: dict[str, dg.EventLogRecord] = {}
        for begin in range(0, len(recording_ids), PAGE):
            wanted: list[str] = list(recording_ids[begin : begin + PAGE])
            while wanted:
                # Newest first; repeated materializations can crowd out other recordings, which are queried again.
                of = dg.AssetRecordsFilter(asset_key=RECORDING, asset_partitions=wanted)
                records = self.instance.fetch_materializations(of, limit=PAGE).records
                for record in records:
                    made.setdefault(str(record.partition_key), record)
                wanted = [one for one in wanted if one not in made] if len(records) == PAGE else []
        return made


def _reason(recording_id: str, error: Exception) -> str:
    known = error if isinstance(error, ReflectorError) else ReflectorError(str(error))
    return str(known.at(recording=recording_id))


def _age(now: float, record: dg.EventLogRecord) -> float:
    return round((now - made_at(record)) / DAY, 1)


def apply(retention: Retention, most: int, seconds: float, report: Callable[[Done], None]) -> bool:
    """Perform at most `most` due actions in about `seconds`, and report each; return True if none is left."""
    end = time.monotonic() + seconds
    for number, due in enumerate(retention.due()):
        if number >= most or time.monotonic() >= end:
            return False
        report(retention.apply(due))
    return True


def delete_old_runs(instance: dg.DagsterInstance, job_name: str, kept: int) -> None:
    """Delete all but the newest runs of a job; a failure leaves the rest to the next call."""
    for run in instance.get_runs(dg.RunsFilter(job_name=job_name))[kept:]:
        delete_run(instance, run.run_id)

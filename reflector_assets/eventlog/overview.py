"""The states of recordings by Dagster's instance and any store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import dagster as dg

from domain.overview import RecordingOverview
from reflector_assets import tags
from reflector_assets.eventlog import states
from reflector_assets.eventlog.states import PAGE
from reflector_assets.eventlog.steps import failure_reason
from reflector_assets.log_entries import KEEP_UP_TO_DATE, Run, problems
from reflector_assets.partitions import RECORDINGS, pages
from resources.database.catalogue import CatalogueRow
from resources.store.base import Store


class DagsterLog(NamedTuple):
    """The partitions and runs of an instance, as `states.Log`."""

    instance: dg.DagsterInstance

    def pages(self, size: int) -> Iterator[Sequence[str]]:
        return pages(self.instance, ascending=False, limit=size)

    def last_runs(self, recording_ids: Sequence[str]) -> Mapping[str, Run]:
        if not recording_ids:
            return {}
        found = self.instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: list(recording_ids)}))
        runs = [record.dagster_run for record in sorted(found, key=_weight)]
        return {run.tags[tags.PARTITION]: Run(run.run_id, run.status.value) for run in runs}

    def made_all(self, run_id: str) -> bool:
        kinds = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION
        planned, made = (
            {record.asset_key for record in self.instance.get_records_for_run(run_id, of_type=kind).records}
            for kind in kinds
        )
        return bool(planned) and planned <= made

    def failure_reason(self, run_id: str) -> tuple[str | None, str]:
        return failure_reason(self.instance, run_id)

    def problems(self) -> Mapping[str, str]:
        if self.instance.schedule_storage is None:
            # An instance in memory.
            return {}
        sensors = [one for one in self.instance.all_instigator_state() if one.name == KEEP_UP_TO_DATE]
        return problems(getattr(one.instigator_data, "cursor", None) for one in sensors)


def _weight(record: dg.RunRecord) -> tuple[bool, bool, float, int]:
    run = record.dagster_run
    never_began = run.status == dg.DagsterRunStatus.CANCELED and record.start_time is None
    return not run.is_finished, not never_began, record.end_time or 0.0, record.storage_id


def recordings_overview(
    instance: dg.DagsterInstance, store: Store, *, retired: bool = False, page: int = PAGE
) -> Iterator[RecordingOverview]:
    """Yield each recording with its state, newest first, page by page; then, if `retired`, the retired ones.

    Finding the retired ones takes longer: only the store has them all.
    """
    log, active = DagsterLog(instance), set[str]()
    for one in states.recordings(log, store, page):
        active.add(one.id)
        yield one
    others = sorted(finished(store) - active) if retired else []
    for start in range(0, len(others), page):
        ids = others[start : start + page]
        for one in states.overviews(log, ids, lambda recording_id: states.stored(store, recording_id)):
            yield one._replace(state="retired")


def overviews(instance: dg.DagsterInstance, store: Store, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
    """Return the overviews of rows of the catalogue, retired recordings included, in the rows' order.

    Reads the store only for rows with nothing but an id.
    """
    described = {row.recording_id: _described(row) for row in rows}
    active = instance.get_existing_dynamic_partitions(RECORDINGS, list(described)) if rows else ()
    found = states.overviews(
        DagsterLog(instance), list(described), lambda one: described[one] or states.stored(store, one)
    )
    return [one if one.id in active else one._replace(state="retired") for one in found]


def finished(store: Store) -> set[str]:
    """Return the ids of all recordings with a transcript in the store."""
    parts = (key.split("/") for key in store.list_keys("recordings"))
    return {part[1] for part in parts if len(part) == 3 and part[2] == "transcript.json"}


def overview_of(instance: dg.DagsterInstance, store: Store, recording_id: str) -> RecordingOverview:
    """Return the overview of one recording."""
    [found] = states.overviews(DagsterLog(instance), [recording_id], lambda one: states.stored(store, one))
    return found


def _described(row: CatalogueRow) -> RecordingOverview | None:
    """Describe a recording by its row in the catalogue, without its runs; None if the row has only an id."""
    if row.version is None and row.room is None:
        return None
    return RecordingOverview(
        id=row.recording_id,
        room=row.room,
        state="new" if row.version is None else "ended",
        title=row.title,
        duration=row.duration,
        run_id=None,
        reason=None,
        created_at=row.started_at,
    )

"""The service's queries of recordings: states, events, the list and costs; and its requests for retries."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import dagster as dg

from domain.costs import Prices, price
from domain.overview import Queues, RecordingOverview, State
from reflector_assets import tags, wiring
from reflector_assets.eventlog import overview, projections
from reflector_assets.eventlog.reader import RecordingLog
from reflector_assets.operations import refresh
from reflector_assets.operations.runs import known
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import IN_PROGRESS
from reflector_assets.runtime.instance import daemon_is_up, database_errors
from reflector_assets.settings.pages import PageSettings
from resources.database.catalogue import Catalogue, CatalogueRow
from resources.database.corrections import CorrectionHistory
from resources.database.ledger import Ledger
from resources.store.base import Store

# The number of transcripts, and of runs of each ending, that one request processes; the next request continues.
PIECE = 25


class DagsterRecordings:
    """Queries a Dagster instance, opened on first use: it may be unreachable while the service starts.

    All methods raise TransientError while Dagster's database doesn't answer.
    """

    def __init__(
        self, open_instance: Callable[[], dg.DagsterInstance], store: Store, history: CorrectionHistory
    ) -> None:
        self._open, self._store, self._history = open_instance, store, history
        self._instance: dg.DagsterInstance | None = None
        self._lock = threading.Lock()

    def state(self, recording_id: str) -> RecordingOverview:
        """Return a recording's overview; raise NotFound."""
        with self.connect() as instance:
            row = CatalogueRow(known(instance, recording_id, self._store))
            return overview.overviews(instance, self._store, [row])[0]

    def retry(self, recording_id: str) -> bool:
        """Request a run of what is stale or failed; return True if Dagster's daemon is running. Raise NotFound."""
        with self.connect() as instance:
            refresh.request(instance, known(instance, recording_id))
            return daemon_is_up(instance)

    def reader(self, recording_id: str) -> RecordingLog:
        """Return a reader of a recording's events; raise NotFound."""
        with self.connect() as instance:
            known_id = known(instance, recording_id, self._store)
            return RecordingLog(instance, self._store, known_id, history=self._history)

    def close(self) -> None:
        """Close the instance."""
        if self._instance is not None:
            self._instance.__exit__(None, None, None)

    @contextmanager
    def connect(self) -> Iterator[dg.DagsterInstance]:
        """Provide the instance for a block, in which errors of its database are raised as TransientError."""
        with database_errors():
            with self._lock:
                self._instance = self._instance or self._open()
            yield self._instance


@contextmanager
def catalogue_and_ledger() -> Iterator[tuple[Catalogue, Ledger]]:
    """Open catalogue and ledger for a block."""
    database = wiring.database()
    with wiring.opened(Catalogue(database=database)) as catalogue, wiring.opened(Ledger(database=database)) as ledger:
        yield catalogue, ledger


class AllRecordings(NamedTuple):
    """Queries of all recordings; `connect` provides Dagster's instance and raises its errors as TransientError."""

    connect: Callable[[], AbstractContextManager[dg.DagsterInstance]]
    store: Store
    catalogue: Catalogue
    ledger: Ledger

    def follow_recordings(self) -> bool:
        """Update the catalogue by one piece; return True if nothing is left."""
        with self.connect() as instance:
            return projections.follow_recordings(instance, self.store, self.catalogue, limit=PIECE)

    def catch_up(self) -> bool:
        """Update catalogue and ledger by one piece; return True if nothing is left."""
        with self.connect() as instance:
            return projections.catch_up(instance, self.store, self.catalogue, self.ledger, limit=PIECE)

    def states(self, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
        """Return the overviews of rows of the catalogue, in their order."""
        with self.connect() as instance:
            return overview.overviews(instance, self.store, rows)

    def queues(self) -> Queues:
        """Return the number of recordings in each state, and of queued runs.

        Counts by catalogue and ledger: recordings that are neither in progress nor failed nor without a transcript
        count as ended. `states` is more precise, and takes a twentieth of a second per recording.
        """
        with self.connect() as instance:
            runs = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
            active = set(instance.get_dynamic_partitions(RECORDINGS))
            unread = projections.unread_partitions(instance, self.catalogue)
        busy = {tag for run in runs if (tag := run.dagster_run.tags.get(tags.PARTITION)) in active}
        queued = sum(run.dagster_run.status == dg.DagsterRunStatus.QUEUED for run in runs)
        failed = (self.ledger.failed() & active) - busy
        new = ((self.catalogue.without_transcript() | unread) & active) - busy - failed
        states: dict[State, int] = {
            "new": len(new),
            "processing": len(busy),
            "ended": len(active) - len(new) - len(busy) - len(failed),
            "error": len(failed),
            "retired": max(0, self.catalogue.count() + len(unread) - len(active)),
        }
        return Queues(states, queued)


def prices(settings: PageSettings) -> Prices:
    """Return the prices in the settings."""
    return Prices(
        settings.currency,
        price(settings.price_gpu_hour),
        price(settings.price_cpu_hour),
        price(settings.price_prompt_tokens),
        price(settings.price_completion_tokens),
    )


def since(days: float | None) -> float | None:
    """Return the time a number of days ago, in epoch seconds."""
    return None if days is None else time.time() - days * 86400

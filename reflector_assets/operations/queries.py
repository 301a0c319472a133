"""What the service asks of recordings: states, events, the list, costs, and the request to try one again."""

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
from resources.database.ledger import Ledger
from resources.store.base import Store

# Of one request: so many transcripts and runs of each ending, and then the next request goes on.
PIECE = 25


class DagsterRecordings:
    """Asks one Dagster instance, opened when it is first needed: it may be away while the service starts.

    All methods raise TransientError while Dagster's database doesn't answer.
    """

    def __init__(self, opened: Callable[[], dg.DagsterInstance], store: Store) -> None:
        self._open, self._store = opened, store
        self._instance: dg.DagsterInstance | None = None
        self._lock = threading.Lock()

    def state(self, recording_id: str) -> RecordingOverview:
        """Where a recording is; raises NotFound."""
        with self.asked() as instance:
            row = CatalogueRow(known(instance, recording_id, self._store))
            return overview.overviews(instance, self._store, [row])[0]

    def retry(self, recording_id: str) -> bool:
        """Ask for what is stale or failed to be made; says whether the daemon is up to do so. Raises NotFound."""
        with self.asked() as instance:
            refresh.request(instance, known(instance, recording_id))
            return daemon_is_up(instance)

    def reader(self, recording_id: str) -> RecordingLog:
        """Make a reader of a recording's events; raises NotFound."""
        with self.asked() as instance:
            return RecordingLog(instance, self._store, known(instance, recording_id, self._store))

    def close(self) -> None:
        """Close the instance."""
        if self._instance is not None:
            self._instance.__exit__(None, None, None)

    @contextmanager
    def asked(self) -> Iterator[dg.DagsterInstance]:
        """Give the instance for a block."""
        with database_errors():
            with self._lock:
                self._instance = self._instance or self._open()
            yield self._instance


@contextmanager
def books() -> Iterator[tuple[Catalogue, Ledger]]:
    """Open catalogue and ledger."""
    catalogue, ledger = Catalogue(database=wiring.database()), Ledger(database=wiring.database())
    with wiring.opened(catalogue) as opened_catalogue, wiring.opened(ledger) as opened_ledger:
        yield opened_catalogue, opened_ledger


class All(NamedTuple):
    """All recordings; `asked` yields Dagster's instance, and raises TransientError while Dagster's database is down."""

    asked: Callable[[], AbstractContextManager[dg.DagsterInstance]]
    store: Store
    catalogue: Catalogue
    ledger: Ledger

    def follow_recordings(self) -> bool:
        """Bring the catalogue up to date, a piece; says whether that was all."""
        with self.asked() as instance:
            return projections.follow_recordings(instance, self.store, self.catalogue, limit=PIECE)

    def catch_up(self) -> bool:
        """Bring catalogue and ledger up to date, a piece; says whether that was all."""
        with self.asked() as instance:
            return projections.catch_up(instance, self.store, self.catalogue, self.ledger, limit=PIECE)

    def states(self, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
        """Return the overviews of rows of the catalogue, in their order."""
        with self.asked() as instance:
            return overview.overviews(instance, self.store, rows)

    def queues(self) -> Queues:
        """How many recordings are in each state, and how many runs wait.

        Told from the catalogue and the ledger: what is neither busy nor failed nor without a transcript has ended, and
        isn't looked at. Of one recording, `states` has the better answer, which takes a twentieth of a second.
        """
        with self.asked() as instance:
            runs = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
            here = set(instance.get_dynamic_partitions(RECORDINGS))
            unread = projections.unread_partitions(instance, self.catalogue)
        busy = {tag for run in runs if (tag := run.dagster_run.tags.get(tags.PARTITION)) in here}
        queued = sum(run.dagster_run.status == dg.DagsterRunStatus.QUEUED for run in runs)
        failed = (self.ledger.failed() & here) - busy
        new = ((self.catalogue.without_transcript() | unread) & here) - busy - failed
        states: dict[State, int] = {
            "new": len(new),
            "processing": len(busy),
            "ended": len(here) - len(new) - len(busy) - len(failed),
            "error": len(failed),
            "retired": max(0, self.catalogue.count() + len(unread) - len(here)),
        }
        return Queues(states, queued)


def prices(settings: PageSettings) -> Prices:
    """The prices that are set."""
    return Prices(
        settings.currency,
        price(settings.price_gpu_hour),
        price(settings.price_cpu_hour),
        price(settings.price_prompt_tokens),
        price(settings.price_completion_tokens),
    )


def since(days: float | None) -> float | None:
    """The time so many days ago, in epoch seconds."""
    return None if days is None else time.time() - days * 86400

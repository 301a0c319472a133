"""All recordings and what they cost, as the service asks for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import dagster as dg

from reflector_assets import doors, overview, projections, tags
from reflector_assets.domain.costs import Prices, price
from reflector_assets.partitions import RECORDINGS
from reflector_assets.runs import IN_PROGRESS
from reflector_assets.settings_pages import PageSettings
from resources.catalogue import Catalogue
from resources.ledger import Ledger
from resources.store import Store
from service.shown import Accounts, Listing, Queues

# Of one request: so many transcripts and runs of each ending, and then the next request goes on.
PIECE = 25


@contextmanager
def books() -> Iterator[tuple[Catalogue, Ledger]]:
    """Open catalogue and ledger."""
    catalogue, ledger = Catalogue(database=doors.database()), Ledger(database=doors.database())
    with doors.opened(catalogue) as opened_catalogue, doors.opened(ledger) as opened_ledger:
        yield opened_catalogue, opened_ledger


class All(NamedTuple):
    """All recordings; `asked` gives Dagster's instance, and raises TransientError while that doesn't answer."""

    asked: Callable[[], AbstractContextManager[dg.DagsterInstance]]
    store: Store
    catalogue: Catalogue
    ledger: Ledger
    settled_after: float = projections.SETTLED_AFTER_S

    def listing(self) -> Listing:
        """The list, and the search through it."""
        return Listing(self.catalogue, self.follow_recordings, self.states)

    def accounts(self, settings: PageSettings) -> Accounts:
        """What was spent, and how much there is to do."""
        return Accounts(self.ledger, self.catch_up, prices(settings), self.queues)

    def follow_recordings(self) -> bool:
        """Bring the catalogue up to date, a piece; says whether that was all."""
        with self.asked() as instance:
            return projections.follow_recordings(
                instance, self.store, self.catalogue, limit=PIECE, settled_after=self.settled_after
            )

    def catch_up(self) -> bool:
        """Bring catalogue and ledger up to date, a piece; says whether that was all."""
        with self.asked() as instance:
            return projections.catch_up(
                instance, self.store, self.catalogue, self.ledger, limit=PIECE, settled_after=self.settled_after
            )

    def states(self, recording_ids: Sequence[str]) -> list[overview.RecordingOverview]:
        """Where these recordings are, in this order."""
        with self.asked() as instance:
            return overview.overviews(instance, self.store, recording_ids)

    def queues(self) -> Queues:
        """How many recordings are in each state, and how many runs wait.

        Told from the catalogue and the ledger, which takes a second at 50,000 recordings; of one recording, `states`
        has the better answer, which takes a twentieth of that.
        """
        with self.asked() as instance:
            here = set(instance.get_dynamic_partitions(RECORDINGS))
            runs = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
        busy = {run.dagster_run.tags.get(tags.PARTITION) for run in runs}
        queued = sum(run.dagster_run.status == dg.DagsterRunStatus.QUEUED for run in runs)
        has_transcript, failed = self.catalogue.ids(), self.ledger.failed()
        states: dict[str, int] = dict.fromkeys(("new", "processing", "ended", "error", "retired"), 0)
        for recording_id in here | has_transcript.keys():
            if recording_id not in here:
                state = "retired"
            elif recording_id in busy:
                state = "processing"
            elif recording_id in failed:
                state = "error"
            else:
                state = "ended" if has_transcript.get(recording_id) else "new"
            states[state] += 1
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

"""What the pages and the API show of recordings, as the service asks for it: Dagster's side of it is passed in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.costs import Prices
from domain.events import Event
from domain.overview import Queues, RecordingOverview
from resources.database.catalogue import Catalogue
from resources.database.ledger import Ledger
from resources.store.base import Store


class EventReader(Protocol):
    """Reads one recording's events, each once and in order, from its first on."""

    def read(self) -> Sequence[Event]:
        """Return what was added since the last call; takes its time, so call it in a thread. Raises ReflectorError."""
        ...

    def after(self, event_id: str, event: Event) -> bool:
        """Say whether an event comes after the one of that id; raises InvalidInput for what is no id."""
        ...


class Recordings(Protocol):
    """Recordings as Dagster knows them; its methods block, so call them in threads. They raise ReflectorError."""

    def state(self, recording_id: str) -> RecordingOverview:
        """Where a recording is; raises NotFound."""
        ...

    def retry(self, recording_id: str) -> bool:
        """Have what is stale or failed made again; says whether Dagster's daemon is up to do so. Raises NotFound."""
        ...

    def reader(self, recording_id: str) -> EventReader:
        """Make a reader of its events; raises NotFound."""
        ...


@dataclass(frozen=True)
class Listing:
    """All recordings: the catalogue, what brings it up to date piece by piece, and where recordings are by their ids.

    Both functions block, so call them in threads; they raise ReflectorError. `catch_up` says whether that was all.
    """

    catalogue: Catalogue
    catch_up: Callable[[], bool]
    states: Callable[[Sequence[str]], Sequence[RecordingOverview]]


@dataclass(frozen=True)
class Accounts:
    """What was spent: the ledger, what brings it up to date piece by piece, and prices; and how much there is to do.

    Both functions block, so call them in threads; they raise ReflectorError. `catch_up` says whether that was all.
    """

    ledger: Ledger
    catch_up: Callable[[], bool]
    prices: Prices
    queues: Callable[[], Queues]


@dataclass(frozen=True)
class Shown:
    """Everything that is shown comes from here."""

    recordings: Recordings
    store: Store
    listing: Listing | None = None
    accounts: Accounts | None = None

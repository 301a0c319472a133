"""What the service needs of Dagster's side, which the command that starts the service passes in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.costs import Prices
from domain.events import Event
from domain.overview import Queues, RecordingOverview
from resources.database.catalogue import Catalogue, CatalogueRow
from resources.database.ledger import Ledger
from resources.store.base import Store


class EventReader(Protocol):
    """Reads the events of one recording in order, each once."""

    def read(self) -> Sequence[Event]:
        """Return the events since the last call; blocks, raises ReflectorError."""
        ...

    def after(self, event_id: str) -> Callable[[Event], bool]:
        """Return a function that is True for events after the one with the id; raises InvalidInput."""
        ...


class Recordings(Protocol):
    """Recordings as Dagster knows them; all methods block, and raise ReflectorError."""

    def state(self, recording_id: str) -> RecordingOverview:
        """Return the state of a recording; raises NotFound."""
        ...

    def retry(self, recording_id: str) -> bool:
        """Request a run of what is stale or failed; return True if Dagster's daemon is up. Raises NotFound."""
        ...

    def reader(self, recording_id: str) -> EventReader:
        """Return a reader of a recording's events; raises NotFound."""
        ...


@dataclass(frozen=True)
class Listing:
    """All recordings: the catalogue, a function that updates it piece by piece, and one for the states of its rows.

    The functions block and raise ReflectorError. `catch_up` returns True if nothing is left.
    """

    catalogue: Catalogue
    catch_up: Callable[[], bool]
    states: Callable[[Sequence[CatalogueRow]], Sequence[RecordingOverview]]


@dataclass(frozen=True)
class Accounts:
    """Costs and queues: the ledger, a function that updates it piece by piece, the prices, and the queues.

    The functions block and raise ReflectorError. `catch_up` returns True if nothing is left.
    """

    ledger: Ledger
    catch_up: Callable[[], bool]
    prices: Prices
    queues: Callable[[], Queues]


@dataclass(frozen=True)
class Ports:
    """What transcripts, pages, costs and metrics are served from."""

    recordings: Recordings
    store: Store
    listing: Listing | None = None
    accounts: Accounts | None = None

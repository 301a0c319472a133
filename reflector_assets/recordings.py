"""Recordings as Dagster knows them, for who shows them: states, events, and the wish to try again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from reflector_assets import overview, refresh
from reflector_assets.eventlog import RecordingLog
from reflector_assets.instance import asking, daemon_is_up
from reflector_assets.runs import known
from resources.store import Store


class DagsterRecordings:
    """Asks one Dagster instance, opened when it is first needed: it may be away while the service starts.

    All methods raise TransientError while Dagster's database doesn't answer.
    """

    def __init__(self, opened: Callable[[], dg.DagsterInstance], store: Store) -> None:
        self._open, self._store = opened, store
        self._instance: dg.DagsterInstance | None = None
        self._lock = threading.Lock()

    def state(self, recording_id: str) -> overview.RecordingOverview:
        """Where a recording is; raises NotFound."""
        with self.asked() as instance:
            return overview.overviews(instance, self._store, [known(instance, recording_id, self._store)])[0]

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
        with asking():
            with self._lock:
                self._instance = self._instance or self._open()
            yield self._instance

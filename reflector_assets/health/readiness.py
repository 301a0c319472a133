"""Whether this deployment is ready for work, asked so seldom that asking costs nothing."""

import threading
import time
from collections.abc import Callable, Collection

from domain.health import Outcome

DAGSTER, DAEMON = "Dagster's storage", "Dagster's daemon"
# Looked at together, for the daemon's heartbeat lies in Dagster's storage; and what costs time or tokens to ask.
CHEAP = (DAGSTER, DAEMON, "database", "result store")
DEAR = ("transcriber", "LLM")
# Seconds for which an answer stands.
CHEAP_KEPT, DEAR_KEPT, DEAR_FAILED_KEPT = 10.0, 300.0, 30.0
# "not configured" needn't answer; a daemon that isn't running must.
READY = {"ok", "not configured"}


class Readiness:
    """The last outcome of each door; `examine` tries the doors of these names, side by side, each for a limited time.

    Of several who ask at once, one asks the doors and all get the answer.
    """

    def __init__(self, examine: Callable[[Collection[str]], list[Outcome]]) -> None:
        self._examine = examine
        self._lock = threading.Lock()
        # The outcome of each door, and until when it stands.
        self._kept: dict[str, tuple[Outcome, float]] = {}

    def outcomes(self) -> list[Outcome]:
        """What became of each door, at most some seconds ago, what is dear to ask at most some minutes."""
        with self._lock:
            now = time.monotonic()
            due = [names for names in (CHEAP, DEAR) if any(self._until(name) <= now for name in names)]
            if due:
                for outcome in self._examine([name for names in due for name in names]):
                    self._kept[outcome.door] = outcome, time.monotonic() + _seconds(outcome)
            return [self._kept[name][0] for name in (*CHEAP, *DEAR) if name in self._kept]

    def _until(self, name: str) -> float:
        kept = self._kept.get(name)
        return kept[1] if kept else 0.0


def is_ready(outcomes: Collection[Outcome]) -> bool:
    """Say whether nothing that is needed is missing."""
    return all(outcome.state in READY for outcome in outcomes)


def _seconds(outcome: Outcome) -> float:
    if outcome.door in CHEAP:
        return CHEAP_KEPT
    return DEAR_KEPT if outcome.state in READY else DEAR_FAILED_KEPT

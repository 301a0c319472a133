"""Readiness of this deployment, from cached outcomes of its checks."""

import threading
import time
from collections.abc import Callable, Collection

from domain.health import Outcome

DAGSTER, DAEMON = "Dagster's storage", "Dagster's daemon"
# Checked together: the daemon's heartbeat is read from Dagster's storage.
CHEAP = (DAGSTER, DAEMON, "database", "result store")
# Checks that take long or cost tokens.
EXPENSIVE = ("transcriber", "LLM")
# Seconds for which an outcome is cached.
CHEAP_TTL_S, EXPENSIVE_TTL_S, EXPENSIVE_FAILED_TTL_S = 10.0, 300.0, 30.0
# A service that isn't configured isn't needed; a daemon that isn't running is.
READY = {"ok", "not configured"}


class Readiness:
    """The cached outcome of each check; `examine` runs the checks with the given names.

    Concurrent callers share one run of the checks.
    """

    def __init__(self, examine: Callable[[Collection[str]], list[Outcome]]) -> None:
        self._examine = examine
        self._lock = threading.Lock()
        # The outcome of each check, and when it expires.
        self._cache: dict[str, tuple[Outcome, float]] = {}

    def outcomes(self) -> list[Outcome]:
        """Return the outcome of each check, some seconds old at most, of an expensive one some minutes."""
        with self._lock:
            now = time.monotonic()
            due = [names for names in (CHEAP, EXPENSIVE) if any(self._expires(name) <= now for name in names)]
            if due:
                for outcome in self._examine([name for names in due for name in names]):
                    self._cache[outcome.door] = outcome, time.monotonic() + _ttl(outcome)
            return [self._cache[name][0] for name in (*CHEAP, *EXPENSIVE) if name in self._cache]

    def _expires(self, name: str) -> float:
        cached = self._cache.get(name)
        return cached[1] if cached else 0.0


def is_ready(outcomes: Collection[Outcome]) -> bool:
    """Return True if every check succeeded or isn't configured."""
    return all(outcome.state in READY for outcome in outcomes)


def _ttl(outcome: Outcome) -> float:
    if outcome.door in CHEAP:
        return CHEAP_TTL_S
    return EXPENSIVE_TTL_S if outcome.state in READY else EXPENSIVE_FAILED_TTL_S

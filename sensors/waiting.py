"""How long a tick may wait, so that Dagster's sensor loop finds it ended."""

import math

# Dagster's loop starts due ticks this often, and leaves out a sensor whose last tick is still running.
LOOP_S = 5.0
# Beside its wait, a tick takes from 0.1 s (SQLite) to more than 2 s (PostgreSQL on a busy machine). A wait that makes
# the loop leave out a tick is shortened, down to a least one, and otherwise grows slowly.
SHORTER_S, LONGER_S, LEAST_S = 0.4, 0.02, 2.0


class TickWait:
    """The seconds that the next tick of a sensor waits, at most `longest`."""

    def __init__(self, longest: float) -> None:
        self._seconds = self._longest = longest
        self._began: float | None = None

    def begin(self, now: float) -> float:
        """Return the seconds that a tick waits that begins at this time, in seconds of any clock."""
        if self._began is not None:
            loops = (now - self._began) / LOOP_S - math.ceil(self._seconds / LOOP_S)
            # A longer pause is a restart, or many runs that were created.
            if 0.5 < loops < 1.5:
                self._seconds = max(self._seconds - SHORTER_S, min(LEAST_S, self._longest))
            else:
                self._seconds = min(self._seconds + LONGER_S, self._longest)
        self._began = now
        return self._seconds

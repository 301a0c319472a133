"""The readiness check, for a limited number of requests at once."""

from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool

from domain.health import Outcome
from service.errors import Refused

# Requests that wait for the check; a probe every second must not pile up.
AT_ONCE = 4


class Readiness:
    """Calls `check`, which returns whether the deployment is ready, and the outcome for each dependency."""

    def __init__(self, check: Callable[[], tuple[bool, Sequence[Outcome]]]) -> None:
        self._check = check
        self._waiting = 0

    async def __call__(self) -> tuple[bool, Sequence[Outcome]]:
        """Run the check; raise Refused (503) if too many requests are waiting for it."""
        if self._waiting >= AT_ONCE:
            raise Refused(503, "too many readiness checks are under way", {"Retry-After": "1"})
        self._waiting += 1
        try:
            return await run_in_threadpool(self._check)
        finally:
            self._waiting -= 1

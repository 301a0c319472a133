"""Recordings that a sensor can't examine: each is reported and examined again later, and the others go on."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from logging import Logger
from typing import Any

from pydantic import BaseModel, RootModel
from sqlalchemy.exc import SQLAlchemyError

from domain import backoff
from domain.errors import ReflectorError
from domain.redaction import redact_urls
from resources.http import one_line

# Waits before a recording is examined again, doubling from the first to the longest.
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 3600.0
# Problems that a cursor holds; Dagster stores it at every tick.
MOST = 500


class Problem(BaseModel):
    """Why a recording couldn't be examined, how often in a row, and when to try again in epoch seconds."""

    reason: str
    failures: int = 1
    not_before: float = 0.0


class Problems(RootModel[dict[str, Problem]]):
    """The problems by recording id, as part of a sensor's cursor."""

    root: dict[str, Problem] = {}

    @contextmanager
    def isolate(self, recording_id: str, log: Logger) -> Iterator[None]:
        """Log and keep an error of the block as the recording's problem, which a block without an error removes.

        Errors of Dagster's database affect all recordings: they are raised.
        """
        try:
            yield
        except SQLAlchemyError:
            raise
        except Exception as error:  # one recording must not stop the others
            self.add(recording_id, error, log)
        else:
            self.root.pop(recording_id, None)

    def add(self, recording_id: str, error: Exception, log: Logger) -> None:
        """Log and keep an error as the recording's problem; it is examined again after a growing time."""
        earlier = self.root.get(recording_id)
        failures = earlier.failures + 1 if earlier else 1
        wait = backoff.delay(failures, FIRST_WAIT_S, LONGEST_WAIT_S)
        reason = describe(error, recording_id)
        log.error(f"{reason} It is tried again in {wait:.0f} s; other recordings go on.")
        self.root[recording_id] = Problem(reason=reason, failures=failures, not_before=time.time() + wait)

    def due(self) -> list[str]:
        """Return the recordings to examine again now."""
        now = time.time()
        return [recording_id for recording_id, problem in self.root.items() if problem.not_before <= now]

    def is_waiting(self, recording_id: str) -> bool:
        """Return True if a recording isn't to be examined yet."""
        problem = self.root.get(recording_id)
        return problem is not None and problem.not_before > time.time()

    def keep_only(self, recording_ids: Collection[str]) -> None:
        """Forget the problems of all other recordings."""
        self.root = {one: problem for one, problem in self.root.items() if one in recording_ids}

    def summary(self) -> str | None:
        """Return the reasons in short, for the sensor's page; None if there are no problems."""
        if not self.root:
            return None
        first = next(iter(self.root.values())).reason
        return f"{len(self.root)} recordings can't be examined, and are tried again later; the first: {first}"

    @property
    def is_full(self) -> bool:
        """Return True if there are enough that a service must be the cause."""
        return len(self.root) >= MOST


def describe(error: Exception, recording_id: str | None) -> str:
    """Return one line that names the recording and what to do."""
    known: Any = error
    if not isinstance(error, ReflectorError):
        known = ReflectorError(
            f"{type(error).__name__}: {error}", hint="If its files can be read, this is a defect: please report it."
        )
    line = redact_urls(one_line(str(known.at(recording=recording_id))))
    return f"{line.rstrip('.')}."

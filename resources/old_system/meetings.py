"""Which meeting an id of the old system means that a statement of consent names."""

import logging
import time
from functools import partial
from typing import Any

from dagster import ConfigurableResource

from domain.consent import Statement
from domain.errors import ReflectorError
from resources.database.consents import Consents
from resources.old_system.client import OldSystem, meeting
from resources.old_system.database import OldDatabase

# The API finds a meeting only together with its room: of at most this many, within this many seconds.
MOST_ROOMS, SECONDS = 20, 10.0

log = logging.getLogger(__name__)


class OldMeetings(ConfigurableResource[Any]):
    """The old system's meetings, by its database if that is known, else by its API."""

    system: OldSystem
    database: OldDatabase

    @property
    def is_set(self) -> bool:
        """Return True if the old system can be asked."""
        return self.database.is_set or bool(self.system.url)

    def learn(self, consents: Consents, denial: Statement) -> None:
        """Ask for the meeting that a denial names, and store what its id means.

        What the old system doesn't answer stays unknown.
        """
        try:
            name = self._name_of(consents, denial)
        except ReflectorError as error:
            log.warning("the old system doesn't answer about the meeting %s: %s", denial.meeting_id, error)
            return
        if name:
            consents.add_alias(denial.meeting_id, name)

    def _name_of(self, consents: Consents, denial: Statement) -> str | None:
        """Return the full name of a meeting's room at Daily; None if there is no such meeting, or it isn't at Daily."""
        if self.database.is_set:
            return self.database.meeting_name(denial.meeting_id)
        end = time.monotonic() + SECONDS
        for room in consents.rooms_near(denial.said_at, MOST_ROOMS):
            if (seconds := end - time.monotonic()) <= 0:
                break
            if found := meeting(partial(self.system.get, seconds=seconds), room, denial.meeting_id):
                return found.daily_name
        return None

"""The old system's rooms, read by its API."""

from collections.abc import Iterator
from typing import Any

from dagster import ConfigurableResource

from domain.old_rooms import OldRoomDetails, OldRoomPage
from resources.old_system.client import OldSystem

PAGE = 100


class OldRooms(ConfigurableResource[Any]):
    """The rooms that the credentials' owner has or shares."""

    system: OldSystem

    def read(self) -> Iterator[OldRoomDetails]:
        """Yield the rooms, newest first; raises the errors of `OldSystem.get`."""
        number, pages = 1, 1
        while number <= pages:
            page = OldRoomPage.read(self.system.get("/v1/rooms", page=number, size=PAGE))
            yield from page.items
            number, pages = number + 1, page.pages

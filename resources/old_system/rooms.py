"""The old system's rooms, read by its API."""

from collections.abc import Iterator
from typing import Any

from dagster import ConfigurableResource

from domain.old_rooms import OldRoomDetails, OldRoomPage
from resources.old_system.client import OldSystem, pages


class OldRooms(ConfigurableResource[Any]):
    """The rooms that the credentials' owner has or shares."""

    system: OldSystem

    def read(self) -> Iterator[OldRoomDetails]:
        """Yield the rooms, newest first; raises the errors of `OldSystem.get`."""
        for page in pages(self.system.get, OldRoomPage, "/v1/rooms"):
            yield from page.items

"""The old system's rooms, read by its API."""

from collections.abc import Iterator
from typing import Any

from dagster import ConfigurableResource
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import PermanentError
from domain.old_rooms import OldRoomDetails
from domain.recording import first_problem
from resources.old_system.client import OldSystem

PAGE = 100


class _Page(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    items: tuple[OldRoomDetails, ...]
    pages: int


class OldRooms(ConfigurableResource[Any]):
    """The rooms that the credentials' owner has or shares."""

    system: OldSystem

    def read(self) -> Iterator[OldRoomDetails]:
        """Yield the rooms, newest first; raises the errors of `OldSystem.get`."""
        number, pages = 1, 1
        while number <= pages:
            try:
                page = _Page.model_validate(self.system.get("/v1/rooms", page=number, size=PAGE))
            except ValidationError as error:
                problem = first_problem(error, "the rooms")
                raise PermanentError(f"an answer of the old system can't be read: {problem}") from None
            yield from page.items
            number, pages = number + 1, page.pages

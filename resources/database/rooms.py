"""Settings of rooms, in the product's database."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from dagster import ConfigurableResource

from domain.errors import NotFound
from domain.rooms import Room, RoomSettings, base_name, unset
from domain.vocabulary import parse
from resources.database.database import Database
from resources.database.tables import rooms


class Rooms(ConfigurableResource[Any]):
    """Room settings by the room's base name."""

    database: Database

    def list_rooms(self) -> list[Room]:
        """Return all rooms with settings, by name."""
        with self.database.begin() as connection:
            return [_room(row) for row in connection.execute(sa.select(rooms).order_by(rooms.c.name))]

    def room(self, name: str) -> Room:
        """Return one room; raises NotFound."""
        with self.database.begin() as connection:
            row = connection.execute(sa.select(rooms).where(rooms.c.name == name)).first()
        if row is None:
            raise NotFound(f"there are no settings for a room {name!r}", hint="`reflector rooms list` lists the rooms.")
        return _room(row)

    def of_meeting(self, room_name: str) -> Room | None:
        """Return the settings of a meeting's room, by its base name or full name; None if there are none."""
        with self.database.begin() as connection:
            return _of_meeting(connection, room_name)

    def learn(self, room_name: str, terms: Iterable[str]) -> Room:
        """Add terms to the vocabulary of a meeting's room; return the room. Raises InvalidInput for unusable terms."""
        with self.database.begin() as connection:
            room = (_of_meeting(connection, room_name) or unset(room_name)).with_terms(terms)
            self._set(connection, room.name, {"vocabulary": _values(room)["vocabulary"]})
            return room

    def put(self, room: Room) -> None:
        """Set a room's settings, replacing earlier ones."""
        with self.database.begin() as connection:
            self._set(connection, room.name, _values(room))

    def change(self, name: str, settings: RoomSettings) -> Room:
        """Change only the settings given in `settings`; return the room."""
        with self.database.begin() as connection:
            self._set(connection, name, _values(settings, only_given=True))
            return _room(connection.execute(sa.select(rooms).where(rooms.c.name == name)).one())

    def delete(self, name: str) -> None:
        """Delete a room's settings; no error if there are none."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(rooms).where(rooms.c.name == name))

    def _set(self, connection: sa.Connection, name: str, values: dict[str, object]) -> None:
        """Write in one statement, so that concurrent changes of a room don't undo each other."""
        values = {**values, "name": name}
        insert = self.database.insert(rooms).values(values)
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))


def _of_meeting(connection: sa.Connection, room_name: str) -> Room | None:
    names = [base_name(room_name), room_name]
    rows = {row.name: row for row in connection.execute(sa.select(rooms).where(rooms.c.name.in_(names)))}
    return next((_room(rows[name]) for name in names if name in rows), None)


def _values(settings: RoomSettings, *, only_given: bool = False) -> dict[str, object]:
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
    stored: dict[str, object] = {"webhook_secret": secret, "vocabulary": ",".join(settings.vocabulary) or None}
    values = settings.model_dump(exclude_unset=only_given)
    return {name: stored.get(name, value) for name, value in values.items()}


def _room(row: sa.Row[tuple[object, ...]]) -> Room:
    fields = row._asdict()
    return Room.model_validate({**fields, "vocabulary": parse(fields["vocabulary"] or "")})

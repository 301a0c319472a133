"""Rooms: list, show, set, change and delete their settings."""

import re
from typing import Annotated

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel

from domain.corrections.gathered import Follow
from domain.rooms import ROOM_PATTERN, Room, RoomSettings
from service.auditing import add_details
from service.bodies import json_body
from service.dependencies import AuthorizedRouter, RoomsDep
from service.errors import Refused
from service.routing import problems, request_body

router = AuthorizedRouter(prefix="/v1/rooms", responses=problems(401, 403))


class PublicRoom(BaseModel):
    """A room without its secret."""

    name: str
    language: str | None
    vocabulary: list[str]
    webhook_url: str | None
    has_webhook_secret: bool
    zulip_stream: str | None
    zulip_topic: str | None
    zulip_auto_post: bool
    skip_consent: bool
    old_id: str | None
    texts_after_names: Follow
    texts_after_words: Follow


class PublicRooms(BaseModel):
    """All rooms."""

    data: list[PublicRoom]


async def _name(name: Annotated[str, Path(json_schema_extra={"pattern": f"^{ROOM_PATTERN}$"})]) -> str:
    if not re.fullmatch(ROOM_PATTERN, name):
        raise Refused(422, "the room's name: 1 to 128 letters, digits, dots, dashes or underscores")
    return name


Name = Annotated[str, Depends(_name)]
Settings = Annotated[RoomSettings, Depends(json_body(RoomSettings))]
SETTINGS = request_body(RoomSettings)


@router.get("")
def list_rooms(rooms: RoomsDep) -> PublicRooms:
    """List all rooms."""
    return PublicRooms(data=[_public(room) for room in rooms.list_rooms()])


@router.get("/{name}", responses=problems(404, 422))
def show_room(name: Name, rooms: RoomsDep) -> PublicRoom:
    """Show a room."""
    return _public(rooms.room(name))


@router.put("/{name}", responses=problems(400, 413, 415, 422), openapi_extra=SETTINGS)
def set_room(name: Name, settings: Settings, rooms: RoomsDep, request: Request) -> PublicRoom:
    """Set a room, replacing all its settings."""
    add_details(request, _fields(settings))
    room = Room(name=name, **dict(settings))
    rooms.put(room)
    return _public(room)


@router.patch("/{name}", responses=problems(400, 413, 415, 422), openapi_extra=SETTINGS)
def change_room(settings: Settings, name: Name, rooms: RoomsDep, request: Request) -> PublicRoom:
    """Change some of a room's settings."""
    add_details(request, _fields(settings))
    return _public(rooms.change(name, settings))


@router.delete("/{name}", status_code=204, responses=problems(422))
def delete_room(name: Name, rooms: RoomsDep) -> Response:
    """Delete a room's settings."""
    rooms.delete(name)
    return Response(status_code=204)


def _fields(settings: RoomSettings) -> str:
    """Return the names of the settings that were given: values can be secrets."""
    return ", ".join(sorted(settings.model_fields_set))


def _public(room: Room) -> PublicRoom:
    return PublicRoom.model_validate(room.public())

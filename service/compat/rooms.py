"""Rooms, and their meetings, of which this system knows none."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from domain.errors import NotFound
from domain.old_webhook import room_id as id_of
from domain.rooms import Room
from service.compat.routing import compat_router
from service.compat.transcripts import created_at
from service.dependencies import RoomsDep

router = compat_router("/rooms")


class OldRoom(BaseModel):
    """A room with settings; its webhook isn't shown, and settings of meetings have the old system's defaults."""

    id: str
    name: str
    user_id: str = "reflector"
    created_at: str
    zulip_auto_post: bool
    zulip_stream: str
    zulip_topic: str
    is_locked: bool = False
    room_mode: str = "normal"
    recording_type: str = "cloud"
    recording_trigger: str = "automatic-2nd-participant"
    is_shared: bool = True
    platform: Literal["daily"] = "daily"
    skip_consent: bool
    webhook_url: None = None
    webhook_secret: None = None


class RoomsPage(BaseModel):
    """One page of `pages`, counted from 1."""

    items: list[OldRoom]
    total: int
    page: int
    size: int
    pages: int


@router.get("")
def list_rooms(
    rooms: RoomsDep,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 50,
) -> RoomsPage:
    """List the rooms that have settings."""
    known = rooms.list_rooms()
    items = [_room(room) for room in known[(page - 1) * size : page * size]]
    return RoomsPage(items=items, total=len(known), page=page, size=size, pages=-(-len(known) // size))


@router.get("/name/{name}")
def show_room_by_name(name: str, rooms: RoomsDep) -> OldRoom:
    """Show a room."""
    return _room(rooms.room(name))


@router.get("/{room_id}")
def show_room(room_id: str, rooms: RoomsDep) -> OldRoom:
    """Show a room by its id."""
    for room in rooms.list_rooms():
        if id_of(room.name, room.old_id) == room_id:
            return _room(room)
    raise NotFound("there is no such room")


@router.get("/{name}/meetings/active")
@router.get("/{name}/meetings/upcoming")
def list_meetings() -> list[None]:
    """List no meetings: they are held in the old system, which also reads the calendars."""
    return []


def _room(room: Room) -> OldRoom:
    return OldRoom(
        id=id_of(room.name, room.old_id),
        name=room.name,
        created_at=created_at(None),
        zulip_auto_post=room.zulip_auto_post,
        zulip_stream=room.zulip_stream or "",
        zulip_topic=room.zulip_topic or "",
        skip_consent=room.skip_consent,
    )

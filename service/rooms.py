"""The HTTP API for rooms."""

import re
from collections.abc import Callable

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.rooms import ROOM_PATTERN, Room, RoomSettings
from resources.database.rooms import Rooms
from service.bodies import read_model
from service.errors import Refused
from service.openapi import Endpoint

NAME = {"name": {"type": "string", "pattern": f"^{ROOM_PATTERN}$"}}


class PublicRoom(BaseModel):
    """A room as it is shown: everything but the secret."""

    name: str
    language: str | None
    webhook_url: str | None
    has_webhook_secret: bool
    zulip_stream: str | None
    zulip_topic: str | None
    zulip_auto_post: bool
    skip_consent: bool


class PublicRooms(BaseModel):
    """All rooms."""

    data: list[PublicRoom]


def endpoints(rooms: Rooms, check: Callable[[Request], None]) -> list[Endpoint]:
    """List, read, set and forget rooms; `check` lets a request through or raises Refused."""

    async def list_rooms(request: Request) -> Response:
        check(request)
        found = await run_in_threadpool(rooms.list_rooms)
        return JSONResponse({"data": [room.public() for room in found]})

    async def show(request: Request) -> Response:
        check(request)
        found = await run_in_threadpool(rooms.room, _name(request))
        return JSONResponse(found.public())

    async def put(request: Request) -> Response:
        check(request)
        room = Room(name=_name(request), **dict(await read_model(request, RoomSettings)))
        await run_in_threadpool(rooms.put, room)
        return JSONResponse(room.public())

    async def change(request: Request) -> Response:
        check(request)
        settings = await read_model(request, RoomSettings)
        room = await run_in_threadpool(rooms.change, _name(request), settings)
        return JSONResponse(room.public())

    async def delete(request: Request) -> Response:
        check(request)
        await run_in_threadpool(rooms.delete, _name(request))
        return Response(status_code=204)

    path = "/v1/rooms/{name}"
    return [
        Endpoint("GET", "/v1/rooms", list_rooms, "List rooms", answers=PublicRooms, needs_token=True),
        Endpoint(
            "GET", path, show, "Show a room", answers=PublicRoom, refusals=(404, 422), needs_token=True, parameters=NAME
        ),
        Endpoint(
            "PUT",
            path,
            put,
            "Set a room, in the place of what was set before",
            takes=RoomSettings,
            answers=PublicRoom,
            refusals=(400, 413, 422),
            needs_token=True,
            parameters=NAME,
        ),
        Endpoint(
            "PATCH",
            path,
            change,
            "Set some of a room's settings and leave the others",
            takes=RoomSettings,
            answers=PublicRoom,
            refusals=(400, 413, 422),
            needs_token=True,
            parameters=NAME,
        ),
        Endpoint(
            "DELETE", path, delete, "Forget a room", status=204, refusals=(422,), needs_token=True, parameters=NAME
        ),
    ]


def _name(request: Request) -> str:
    name = request.path_params["name"]
    if not re.fullmatch(ROOM_PATTERN, name):
        raise Refused(422, "the room's name: 1 to 128 letters, digits, dots, dashes or underscores")
    return name

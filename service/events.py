"""A recording's events over HTTP: what was told, and live by Server-Sent Events and WebSocket."""

import asyncio
from collections.abc import AsyncIterator

from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from domain.errors import NotFound, ReflectorError, TransientError
from domain.events import Event
from service.auth import Access
from service.errors import Refused
from service.feeds import Feed, Feeds
from service.openapi import Endpoint

PATH = "/v1/transcripts/{id}/events"
# Seconds after which a listener who takes nothing is let go, and between two signs of life.
SLOWEST, PING = 30, 15
# Why a WebSocket was closed (RFC 6455, section 7.4.1; 4000 and up are ours).
REFUSED, NOT_THERE, WRONG, LATER = 4401, 4404, 4422, 1013


class Events(BaseModel):
    """A recording's events in their order."""

    data: list[Event]


def endpoints(feeds: Feeds, access: Access) -> list[Endpoint]:
    """Tell what was told so far, or go on live where the request accepts `text/event-stream`."""

    async def events(request: Request) -> Response:
        access.read(request)
        recording_id = request.path_params["id"]
        after = request.headers.get("last-event-id") or request.query_params.get("after") or None
        live = "text/event-stream" in request.headers.get("accept", "")
        async with feeds.of(recording_id) as feed:
            past = await feed.so_far(after)
            if not live:
                body = f'{{"data":[{",".join(told.json for told in past)}]}}'
                return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
        return EventSourceResponse(_stream(feeds, recording_id, after), ping=PING, send_timeout=SLOWEST)

    return [
        Endpoint(
            "GET",
            PATH,
            events,
            "Tell a recording's events; with `Accept: text/event-stream` also those to come",
            answers=Events,
            refusals=(404, 422, 503),
            needs_token=True,
            headers={"Last-Event-ID": "Only what comes after this event"},
            queries={"after": {"type": "string", "description": "Only what comes after the event of this id"}},
        )
    ]


def sockets(feeds: Feeds, access: Access) -> list[BaseRoute]:
    """The same as a WebSocket, one JSON text for each event."""

    async def events(socket: WebSocket) -> None:
        # A browser has no other way to send a token than as a subprotocol, and wants one of its own back.
        await socket.accept("bearer" if "bearer" in socket.scope["subprotocols"] else None)
        try:
            access.read(socket)
            async with feeds.of(socket.path_params["id"]) as feed:
                await _send(socket, feed, socket.query_params.get("after") or None)
        except Refused as error:
            await socket.close(REFUSED, error.detail)
        except ReflectorError as error:
            later = LATER if isinstance(error, TransientError) else WRONG
            await socket.close(NOT_THERE if isinstance(error, NotFound) else later, str(error)[:120])

    return [WebSocketRoute(PATH, events)]


async def _stream(feeds: Feeds, recording_id: str, after: str | None) -> AsyncIterator[ServerSentEvent]:
    async with feeds.of(recording_id) as feed:
        async for told in feed.listen(after):
            yield ServerSentEvent(told.json, id=told.event.id)


async def _send(socket: WebSocket, feed: Feed, after: str | None) -> None:
    """Send events until the listener goes, or takes nothing for too long."""

    async def sending() -> None:
        async for told in feed.listen(after):
            async with asyncio.timeout(SLOWEST):
                await socket.send_text(told.json)

    async def leaving() -> None:
        # What listeners say means nothing; that they went does.
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    tasks = [asyncio.create_task(sending()), asyncio.create_task(leaving())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (WebSocketDisconnect, TimeoutError):
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

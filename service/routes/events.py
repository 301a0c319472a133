"""The events of a recording: so far as JSON, live by Server-Sent Events and WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.websockets import WebSocket, WebSocketDisconnect

from domain.access import Scope
from domain.errors import NotFound, RecordingDeleted, ReflectorError, TransientError
from domain.events import Event
from service.auth import Watch
from service.callers import is_trusted
from service.dependencies import AccessDep, AuthorizedRouter, FeedsDep, ListenersDep
from service.disclosure import error_text
from service.errors import Refused
from service.feeds import Feed, Feeds
from service.listeners import Listeners
from service.routing import problems

router = AuthorizedRouter()
PATH = "/v1/transcripts/{id}/events"
# Seconds after which a listener that reads nothing is disconnected, and between two pings.
SEND_TIMEOUT_S, PING_S = 30, 15
# Close codes of WebSockets (RFC 6455, section 7.4.1; 4000 and up are ours).
UNAUTHORIZED, NOT_FOUND, DELETED, INVALID, TRY_AGAIN_LATER = 4401, 4404, 4410, 4422, 1013


class Events(BaseModel):
    """The events of a recording in order."""

    data: list[Event]


@router.get(PATH, response_model=Events, responses=problems(401, 403, 404, 410, 422, 429, 503))
async def show_events(
    request: Request,
    feeds: FeedsDep,
    access: AccessDep,
    listeners: ListenersDep,
    recording_id: Annotated[str, Path(alias="id")],
    after: Annotated[str, Query(description="Only events after the one with this id")] = "",
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", description="Only events after this one")] = "",
) -> Response:
    """Show the events of a recording; with `Accept: text/event-stream` stream them, including those to come."""
    place, trusted = last_event_id or after or None, is_trusted(request)
    async with feeds.of(recording_id) as feed:
        past = await feed.so_far(place)
        if "text/event-stream" not in request.headers.get("accept", ""):
            body = f'{{"data":[{",".join(entry.text(trusted=trusted) for entry in past)}]}}'
            return Response(body, media_type="application/json")
    listeners.check(request)
    return EventSourceResponse(
        _stream(request, listeners, feeds, recording_id, place, access.watch(request), trusted=trusted),
        ping=PING_S,
        send_timeout=SEND_TIMEOUT_S,
    )


@router.websocket(PATH)
async def send_events(socket: WebSocket, access: AccessDep, feeds: FeedsDep, listeners: ListenersDep) -> None:
    """Send the events of a recording, including those to come, each as a JSON text."""
    # Browsers can send a token only as a subprotocol, and require one of theirs in the answer.
    await socket.accept("bearer" if "bearer" in socket.scope["subprotocols"] else None)
    try:
        await access.identify(socket)
        access.require(socket, Scope.READ)
        with listeners.admit(socket):
            async with feeds.of(socket.path_params["id"]) as feed:
                after = socket.query_params.get("after") or None
                await send_texts(socket, _texts(feed, after, access.watch(socket), trusted=is_trusted(socket)))
    except Refused as error:
        await socket.close(refusal_code(error), error.detail)
    except NotFound as error:
        await socket.close(NOT_FOUND, error_text(socket, error)[:120])
    except RecordingDeleted as error:
        await socket.close(DELETED, error_text(socket, error)[:120])
    except ReflectorError as error:
        code = TRY_AGAIN_LATER if isinstance(error, TransientError) else INVALID
        await socket.close(code, error_text(socket, error)[:120])


def refusal_code(refused: Refused) -> int:
    """Return the close code of a listener that may not listen, or not now."""
    return UNAUTHORIZED if refused.status_code in {401, 403} else TRY_AGAIN_LATER


async def _stream(
    request: Request,
    listeners: Listeners,
    feeds: Feeds,
    recording_id: str,
    after: str | None,
    watch: Watch,
    *,
    trusted: bool,
) -> AsyncIterator[ServerSentEvent]:
    with suppress(RecordingDeleted, Refused), listeners.admit(request):
        async with feeds.of(recording_id) as feed:
            async for entry in feed.listen(after, watch):
                yield ServerSentEvent(entry.text(trusted=trusted), id=entry.event.id)


async def _texts(feed: Feed, after: str | None, watch: Watch, *, trusted: bool) -> AsyncIterator[str]:
    async for entry in feed.listen(after, watch):
        yield entry.text(trusted=trusted)


async def send_texts(socket: WebSocket, texts: AsyncIterator[str]) -> None:
    """Send texts until the listener disconnects or reads nothing for too long.

    Raises Refused where the texts end, because the listener may no longer read.
    """

    async def send() -> None:
        async for text in texts:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_text(text)
        raise Refused(401, "the token or session has ended")

    async def wait_for_disconnect() -> None:
        # Messages of listeners are ignored.
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    tasks = [asyncio.create_task(send()), asyncio.create_task(wait_for_disconnect())]
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

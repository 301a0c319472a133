"""The old system's two WebSockets: the events of a recording, and what happens to any recording."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketState

from domain.access import Scope
from domain.errors import NotFound, ReflectorError, TransientError
from domain.events import Event
from resources.database.corrections import CorrectionHistory
from resources.results.stored_results import StoredResults
from service.auth import Access, Watch
from service.compat.changes import Changes, Message
from service.compat.contents import Contents, OldTopic
from service.compat.routing import PREFIX
from service.dependencies import AccessDep, AuthorizedRouter, CorrectionsDep, FeedsDep, ListenersDep, StoreDep
from service.errors import Refused, answer_problem
from service.feeds import Feed
from service.listeners import Listeners
from service.routes.events import NOT_FOUND, TRY_AGAIN_LATER, send_texts

router = AuthorizedRouter(prefix=PREFIX)
# Never replayed: the frontend closes its socket when it reads that a recording has ended.
LIVE_ONLY = {"STATUS", "TRANSCRIPT"}
NORMAL = 1000
SAME = {"FINAL_TITLE", "FINAL_SHORT_SUMMARY", "FINAL_LONG_SUMMARY", "WAVEFORM", "TRANSCRIPT"}


async def _changes(connection: HTTPConnection) -> Changes:
    return connection.app.state.changes


@router.websocket("/transcripts/{id}/events")
async def send_events(
    socket: WebSocket,
    access: AccessDep,
    feeds: FeedsDep,
    store: StoreDep,
    history: CorrectionsDep,
    listeners: ListenersDep,
) -> None:
    """Send the events of a recording: those so far, except of its status and its text, and those to come."""
    recording_id = socket.path_params["id"]
    async with _admitted(socket, access, listeners), feeds.of(recording_id) as feed:
        await _send(socket, _messages(feed, access.watch(socket), StoredResults(store, recording_id), history))


@router.websocket("/events")
async def send_changes(
    socket: WebSocket,
    access: AccessDep,
    changes: Annotated[Changes, Depends(_changes)],
    listeners: ListenersDep,
) -> None:
    """Send what happens to any recording from now on."""
    async with _admitted(socket, access, listeners):
        await _send(socket, changes.listen(access.watch(socket)))


@asynccontextmanager
async def _admitted(socket: WebSocket, access: Access, listeners: Listeners) -> AsyncGenerator[None]:
    """Admit a listener for the block; before the socket is accepted, errors are answered as requests are.

    The frontend tries a refused socket ten times, with growing delays, but one that closes at once forever.
    """
    try:
        await access.identify(socket)
        access.require(socket, Scope.READ)
        with listeners.admit(socket):
            yield
    except (Refused, ReflectorError) as error:
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.send_denial_response(answer_problem(socket, error))
        else:
            await socket.close(TRY_AGAIN_LATER if isinstance(error, TransientError) else NOT_FOUND)


async def _send(socket: WebSocket, messages: AsyncIterator[Message]) -> None:
    await socket.accept("bearer" if "bearer" in socket.scope["subprotocols"] else None)
    try:
        await send_texts(socket, _texts(messages))
    except Refused:
        # The token has ended. After another code, the frontend would come back with the same token.
        await socket.close(NORMAL)


async def _messages(
    feed: Feed, watch: Watch, results: StoredResults, history: CorrectionHistory
) -> AsyncIterator[Message]:
    past = await feed.so_far()
    for entry in past:
        if entry.event.event not in LIVE_ONLY and (message := await _convert(entry.event, results, history)):
            yield message
    async for entry in feed.listen(past[-1].event.id if past else None, watch):
        if message := await _convert(entry.event, results, history):
            yield message


async def _convert(event: Event, results: StoredResults, history: CorrectionHistory) -> Message | None:
    """Return an event as the old system sends it; None if it has no such event."""
    data = event.data
    match event.event:
        case "DURATION":
            known: Any = {"duration": data["duration"] * 1000}
        case "STATUS":
            known = {"value": data["value"]}
        case "ACTION_ITEMS":
            items = cast(dict[str, Any], data["action_items"])
            known = {"action_items": {name: items.get(name, []) for name in ("decisions", "next_steps")}}
        case "TOPIC":
            known = await run_in_threadpool(_topic, results, history, str(data["id"]))
        case name if name in SAME:
            known = data
        case _:
            known = None
    return None if known is None else {"event": event.event, "data": known}


def _topic(results: StoredResults, history: CorrectionHistory, topic_id: str) -> dict[str, Any] | None:
    """Return a topic with its text; None if it was replaced meanwhile."""
    try:
        found = next(iter(Contents(results, history.gathered(results.id)).topics(only=topic_id)), None)
    except NotFound:
        return None
    return None if found is None else OldTopic(**found.model_dump(exclude={"words"})).model_dump(mode="json")


async def _texts(messages: AsyncIterator[Message]) -> AsyncIterator[str]:
    async for message in messages:
        yield json.dumps(message, ensure_ascii=False)

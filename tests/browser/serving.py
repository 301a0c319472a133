"""The pages on 127.0.0.1 in this process, with scripted recordings, their events and a list."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resources.store import LocalStore
from service.shown import Shown
from tests.parts import free_ports
from tests.service.in_process import application
from tests.service.shown_recordings import Scripted, shown


@dataclass
class Site:
    """A running service; `listeners` counts the event streams that were opened."""

    url: str
    script: Scripted
    store: LocalStore
    items: list[dict[str, Any]] = field(default_factory=list)
    listeners: int = 0
    cut: int = 0

    def cut_off(self) -> None:
        """End all event streams that are open."""
        self.cut += 1

    def events(self, request: Request) -> Response:
        """The events of a recording, as Server-Sent Events, those that were and those to come."""
        reader = self.script.reader(request.path_params["id"])
        since = request.headers.get("last-event-id")
        self.listeners += 1
        cut = self.cut

        async def stream() -> AsyncIterator[ServerSentEvent]:
            while cut == self.cut:
                for event in reader.read():
                    if since is None or reader.after(since, event):
                        yield ServerSentEvent(event.model_dump_json(), event=event.event, id=event.id, retry=100)
                await asyncio.sleep(0.02)

        return EventSourceResponse(stream())

    def listed(self, request: Request) -> Response:
        """The list of transcripts, searched by title."""
        query = request.query_params.get("q", "").lower()
        page, size = int(request.query_params.get("page", 1)), int(request.query_params.get("size", 20))
        found = [one for one in self.items if query in (one["title"] or "").lower()]
        items = [{**one, "excerpt": f"… {one['title']} was said …" if query else None} for one in found]
        return JSONResponse(
            {"total": len(found), "page": page, "size": size, "items": items[(page - 1) * size : page * size]}
        )

    def item(self, recording_id: str, **other: Any) -> None:
        """Add a recording to the list."""
        item = {"id": recording_id, "title": None, "room_name": "weekly", "created_at": "2026-03-23T08:00:00+00:00"}
        self.items.append({**item, "duration": 90.0, "state": "ended", "reason": None, "excerpt": None, **other})


@contextmanager
def site(folder: Path, *, trial: bool = True, public: bool = False) -> Iterator[Site]:
    """Serve the pages: to everybody in a `trial`, in `public` for reading, else to who has the token."""
    trial = trial and not public
    made, script, store = shown(folder / "data")
    made = Shown(made.recordings, store)
    app, _, _ = application(f"sqlite:///{folder}/reflector.db", trial=trial, public=public, shown=made)
    port = free_ports(1)[0]
    here = Site(f"http://127.0.0.1:{port}", script, store)
    app.router.routes[:0] = [
        Route("/v1/transcripts/{id}/events", _async(here.events)),
        Route("/v1/transcripts", _guarded(here.listed, closed=not (trial or public))),
    ]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield here
    finally:
        here.cut_off()
        server.should_exit = True
        thread.join(10)


def _async(answer: Any) -> Any:
    async def serve(request: Request) -> Response:
        return answer(request)

    return serve


def _guarded(answer: Any, *, closed: bool) -> Any:
    async def serve(request: Request) -> Response:
        if closed and "reflector_session" not in request.cookies:
            return JSONResponse({"detail": "a bearer token is needed"}, 401)
        return answer(request)

    return serve

"""The service: receives Daily's webhook and serves the API. It works while Dagster is down."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.health import Outcome
from resources.database.consents import Consents
from resources.database.inbox import Inbox
from resources.database.rooms import Rooms
from service import accounts, downloads, health, pages, sessions, transcripts
from service import catalogue as catalogue_api
from service import consent as consent_api
from service import events as events_api
from service import rooms as rooms_api
from service.auth import Access
from service.daily_webhook import DailyWebhook
from service.errors import HANDLERS
from service.feeds import Feeds
from service.inbox_writer import PATIENCE, InboxWriter
from service.openapi import Endpoint, routes
from service.ports import Shown
from service.relaying import relaying

WEBHOOK = "/v1/daily/webhook"


class Service(Starlette):
    """The application; the webhook goes past Starlette's middleware and routing, which take as long as to verify it."""

    def __init__(self, webhook: ASGIApp, **options: Any) -> None:
        super().__init__(**options)
        self._webhook = webhook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == WEBHOOK and scope["method"] == "POST":
            await self._webhook(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class DailyEvent(BaseModel, extra="allow"):
    """One of Daily's events; its payload depends on its type."""

    version: str | None = None
    type: str | None = None
    id: str | None = None
    payload: dict[str, object] = {}
    event_ts: float | None = None


class Received(BaseModel):
    """The event is stored."""

    ok: bool


def build(
    inbox: Inbox,
    rooms: Rooms,
    consents: Consents,
    *,
    secrets: Sequence[bytes],
    window: float,
    access: Access,
    look: Callable[[], tuple[bool, Sequence[Outcome]]],
    relay: Callable[[], int] | None = None,
    patience: float = PATIENCE,
    shown: Shown | None = None,
    origins: Sequence[str] = (),
) -> Starlette:
    """Make the ASGI application. Without `secrets` it takes unsigned webhooks: for trials only.

    `window` is how far a webhook's timestamp may be off, `patience` how long a webhook waits for a database that hangs,
    both in seconds. `access` says who may do what. `look` tells whether the deployment is ready, and of each door.
    `relay` passes on what is due to the old system. Without `shown` there are neither transcripts nor pages.
    Pages of these `origins` may use the API from a browser.
    """
    writer = InboxWriter(inbox, patience)

    feeds = Feeds(shown.recordings.reader) if shown is not None else None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with writer.running(), relaying(relay), feeds.running() if feeds else nullcontext():
            yield

    webhook = DailyWebhook(writer, secrets, window)
    endpoints = [
        Endpoint(
            "POST",
            WEBHOOK,
            webhook,
            "Take one of Daily's events",
            takes=DailyEvent,
            answers=Received,
            refusals=(400, 401, 413, 503),
            headers={
                "X-Webhook-Signature": "Base64 of HMAC-SHA256 over timestamp, a dot and the raw body",
                "X-Webhook-Timestamp": "Unix time",
            },
        ),
        *rooms_api.endpoints(rooms, access.act),
        *consent_api.endpoints(consents, access.act),
        *health.endpoints(look, access.act),
    ]
    others: list[BaseRoute] = []
    if shown is not None and feeds is not None:
        endpoints += events_api.endpoints(feeds, access)
        endpoints += catalogue_api.endpoints(shown.listing, access.read) if shown.listing else []
        endpoints += _accounts(shown, inbox, webhook, access)
        others += events_api.sockets(feeds, access)
        endpoints += sessions.endpoints(access)
        endpoints += transcripts.endpoints(shown, access)
        endpoints += downloads.endpoints(shown, access)
        others += pages.routes(shown.store)
    return Service(
        webhook,
        routes=[*routes(endpoints), *others],
        lifespan=lifespan,
        middleware=_middleware(origins),
        exception_handlers=dict(HANDLERS),
    )


def _accounts(shown: Shown, inbox: Inbox, webhook: DailyWebhook, access: Access) -> list[Endpoint]:
    if shown.accounts is None:
        return []
    return accounts.endpoints(shown.accounts, inbox, webhook.received, access.act)


def _middleware(origins: Sequence[str]) -> list[Middleware]:
    """Let pages of other origins use the API, with the token: cookies are for our own."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Range"],
            expose_headers=["Content-Disposition", "Content-Range", "ETag", "Retry-After"],
        )
    ]

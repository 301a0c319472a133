"""The application: receives Daily's webhook and serves API and pages, also while Dagster is down."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.health import Outcome
from resources.database.audit import Audit
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.deletions import Deletions
from resources.database.inbox import Inbox
from resources.database.rooms import Rooms
from resources.database.shares import Shares
from service.auth import Access
from service.catch_up import CatchUp
from service.compat import accounts as compat_accounts
from service.compat import deletion as compat_deletion
from service.compat import editing as compat_editing
from service.compat import events as compat_events
from service.compat import rooms as compat_rooms
from service.compat import search as compat_search
from service.compat import transcripts as compat_transcripts
from service.compat.changes import Changes
from service.compat.routing import with_token
from service.dependencies import AUTHORIZED
from service.errors import HANDLERS, Refused, answer_problem
from service.feeds import Feeds
from service.gate import Gate
from service.inbox_writer import WRITE_TIMEOUT_S, InboxWriter
from service.listeners import Listeners
from service.login import Login
from service.metrics import MetricsPage, WebhookMetrics
from service.ports import Ports
from service.readiness import Readiness
from service.relaying import relaying
from service.routes import (
    audit,
    consent,
    corrections,
    costs,
    daily_webhook,
    downloads,
    events,
    health,
    listing,
    metrics,
    pages,
    rooms,
    sessions,
    shares,
    transcripts,
    vocabulary,
)
from service.routes import (
    login as login_routes,
)
from service.routing import APPLICATION, without_validation_errors
from service.rules import add_rules, check_rules
from service.safe_headers import with_safe_headers


class Service(FastAPI):
    """The application; the webhook bypasses middleware and routing, which take as long as to verify it."""

    def __init__(self, webhook: ASGIApp, gate: Gate, **options: Any) -> None:
        super().__init__(**options)
        self._webhook, self._gate = webhook, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that the gate lets in."""
        send, scope = with_safe_headers(send), with_token(scope) if "path" in scope else scope
        if scope["type"] in {"http", "websocket"}:
            try:
                self._gate.check(scope)
            except Refused as refused:
                # A WebSocket isn't accepted: this is the answer to its handshake.
                await answer_problem(HTTPConnection(scope), refused)(scope, receive, send)
                return
        if scope["type"] == "http" and scope["path"] == daily_webhook.PATH and scope["method"] == "POST":
            await self._webhook(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return add_rules(without_validation_errors(super().openapi()))


def build(
    inbox: Inbox,
    rooms_store: Rooms,
    consents: Consents,
    changes: Audit,
    links: Shares,
    *,
    secrets: Sequence[bytes],
    window: float,
    access: Access,
    check_ready: Callable[[], tuple[bool, Sequence[Outcome]]],
    relay: Callable[[], int] | None = None,
    write_timeout: float = WRITE_TIMEOUT_S,
    ports: Ports | None = None,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = (),
    listeners: Listeners | None = None,
    page_url: str = "",
    login: Login | None = None,
) -> FastAPI:
    """Return the ASGI application. Without `secrets` it accepts unsigned webhooks: for trials only.

    A webhook's timestamp may be off by `window` seconds, and waits `write_timeout` seconds for a hanging database.
    `relay` forwards due webhooks to the old system. Without `ports` there are neither transcripts nor pages.
    `changes` is the audit log, `links` share recordings under `page_url`. Pages of these `origins` may use the API from
    a browser. People sign in by `login`. Requests must name one of `hosts`, if there are any, and in a trial a loopback
    name. `listeners` limits those of events.
    """
    writer = InboxWriter(inbox, write_timeout)
    deletions = Deletions(database=inbox.database)
    feeds = Feeds(ports.recordings.reader, deletions.check) if ports is not None else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with (
            writer.running(),
            relaying(relay),
            feeds.running() if feeds else nullcontext(),
        ):
            yield

    registry = CollectorRegistry()
    app = Service(
        daily_webhook.DailyWebhook(writer, secrets, window, WebhookMetrics(registry)),
        Gate(trial=access.trial, hosts=hosts, origins=origins),
        title="Reflector",
        **APPLICATION,
        lifespan=lifespan,
        dependencies=[AUTHORIZED],
        middleware=[*_middleware(origins), *([login.middleware()] if login else [])],
        exception_handlers=dict(HANDLERS),
    )
    app.state.access, app.state.rooms, app.state.consents = access, rooms_store, consents
    app.state.inbox, app.state.deletions = inbox, deletions
    app.state.listeners = listeners or Listeners(0)
    app.state.audit, app.state.shares, app.state.page_url = changes, links, page_url
    app.state.readiness = Readiness(check_ready)
    routers = [daily_webhook.router, rooms.router, consent.router, health.router, audit.router]
    app.state.login = login
    if login is not None:
        routers.append(login_routes.router)
    if ports is not None:
        app.state.recordings, app.state.store, app.state.feeds = ports.recordings, ports.store, feeds
        app.state.corrections = CorrectionHistory(database=inbox.database)
        routers += [events.router, sessions.router, transcripts.router, downloads.router, shares.router]
        routers += [corrections.router, vocabulary.router, compat_editing.router, compat_deletion.router]
        routers += [compat_accounts.router, compat_rooms.router]
        if ports.listing is not None:
            app.state.listing, app.state.listing_catch_up = ports.listing, CatchUp(ports.listing.catch_up)
            app.state.changes = Changes(ports.listing, app.state.listing_catch_up)
            routers += [listing.router, compat_search.router, compat_events.router]
        if ports.accounts is not None:
            catch_up = CatchUp(ports.accounts.catch_up)
            app.state.accounts, app.state.accounts_catch_up = ports.accounts, catch_up
            app.state.metrics = MetricsPage(registry, ports.accounts, inbox, catch_up)
            routers += [costs.router, metrics.router]
        # After the search, whose path could also be a transcript's.
        routers.append(compat_transcripts.router)
    for router in routers:
        # To include it would make each of its routes again.
        app.routes.extend(router.routes)
    if ports is not None:
        pages.add_to(app, ports.store)
    check_rules(app, AUTHORIZED)
    return app


def _middleware(origins: Sequence[str]) -> list[Middleware]:
    """Let pages of other origins use the API with the token; cookies are for our own pages."""
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

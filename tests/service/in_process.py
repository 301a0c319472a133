"""The service in the test's own process, on any database: the application with its lifespan, asked over ASGI."""

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from domain.health import Outcome
from resources.database.audit import Audit
from resources.database.consents import Consents
from resources.database.database import Database
from resources.database.inbox import Inbox, Item
from resources.database.rooms import Rooms
from resources.database.sessions import Sessions
from resources.database.shares import Shares
from resources.database.tokens import Tokens
from service.app import build
from service.auth import Access
from service.json_web_tokens import JsonWebTokens
from service.listeners import Listeners
from service.login import Login
from service.ports import Ports
from service.server import configure
from testing import PATIENCE_S
from testing.databases import with_tables
from testing.parts import free_ports
from testing.parts.receiver import SECRET, signed

TOKEN = "token-of-the-service-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Service:
    """The running application, its resources, and a client that raises nothing: an unhandled error is a 500."""

    app: Starlette
    client: TestClient
    inbox: Inbox
    rooms: Rooms

    @property
    def consents(self) -> Consents:
        return self.app.state.consents

    def post(self, body: bytes) -> Any:
        """Post a signed webhook; returns the client's response."""
        return self.client.post("/v1/daily/webhook", content=body, headers=signed(body))

    def items(self) -> list[Item]:
        return self.inbox.items(limit=1_000_000)


def http_client() -> httpx.Client:
    """Return a client with a connection per request: a busy server can close an idle one just as it is used again."""
    return httpx.Client(trust_env=False, timeout=PATIENCE_S, limits=httpx.Limits(max_keepalive_connections=0))


def application(
    url: str,
    *,
    secrets: Sequence[str] = (SECRET,),
    token: str | None = TOKEN,
    trial: bool = False,
    write_timeout: float = 10.0,
    ready: bool = True,
    public: bool = False,
    ports: Ports | None = None,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = (),
    https: bool = False,
    listeners: Listeners | None = None,
    recheck: float = 0.2,
    login: Login | None = None,
    web_tokens: JsonWebTokens | None = None,
) -> tuple[Starlette, Inbox, Rooms]:
    """Make the application on a database, and the inbox and rooms on the same."""
    database = Database(url=with_tables(url))
    # As `reflector serve` does, so that a webhook doesn't wait for it.
    _ = database.engine
    inbox, rooms = Inbox(database=database), Rooms(database=database)
    keys = [base64.b64decode(secret) for secret in secrets]
    states = [Outcome("database", "a query", "ok" if ready else "failed", 1, "sqlite")]
    app = build(
        inbox,
        rooms,
        Consents(database=database),
        Audit(database=database),
        Shares(database=database),
        secrets=keys,
        window=300,
        access=access_of(
            database, token, trial=trial, public=public, https=https, recheck=recheck, web_tokens=web_tokens
        ),
        check_ready=lambda: (ready, states),
        write_timeout=write_timeout,
        ports=ports,
        origins=origins,
        hosts=hosts,
        page_url="https://reflector.example.com",
        login=login,
        listeners=listeners,
    )
    return app, inbox, rooms


def access_of(database: Database, token: str | None = TOKEN, **settings: Any) -> Access:
    """Make what identifies callers on a database."""
    return Access(token, Tokens(database=database), Sessions(database=database), Shares(database=database), **settings)


@contextmanager
def serving(url: str, **settings: Any) -> Iterator[Service]:
    """Run the application while the block lasts; `settings` as for `application`."""
    app, inbox, rooms = application(url, **settings)
    kind = {"Content-Type": "application/json"}
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False, headers=kind) as client:
        yield Service(app, client, inbox, rooms)


@contextmanager
def listening(app: Starlette, port: int | None = None, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve an application on a loopback address while the block lasts, in a thread of this process; gives its port."""
    port = port or free_ports(1)[0]
    config = configure(app, host, port, log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)

"""Every route with every kind of credentials: the list of routes is the application's own."""

# pyright: basic

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from domain.access import Scope
from domain.costs import Prices
from domain.errors import TransientError
from domain.overview import Queues
from resources.database.catalogue import Catalogue
from resources.database.database import Database
from resources.database.ledger import Ledger
from resources.database.tokens import Tokens
from service.dependencies import AUTHORIZED
from service.login import Login
from service.ports import Accounts, Listing, Ports
from service.routing import Router
from service.rules import RULES, check_rules, routes_of
from service.sessions import COOKIE
from testing import PATIENCE_S
from testing.databases import migrated
from tests.domain.finished import finished
from tests.service.in_process import BEARER, application, http_client, listening
from tests.service.shown_recordings import finish, overview, shown

# The second is deleted.
ID, GONE = "rec-1", "rec-gone"
# They are open, and check something else than a scope.
CHECKED = {"POST /v1/session", "POST /v1/daily/webhook", "GET /v1/login/callback"}
OWN = {"Sec-Fetch-Site": "same-origin"}


class World:
    """A service with all of its routes, asked over sockets, and its tokens by scope."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        url = migrated(folder / "reflector.db")
        self.database = database = Database(url=url)
        self.tokens = Tokens(database=database)
        made, script, self.store = shown(folder / "data")
        finish(self.store, script, finished(ID, duration=1.0), [])
        script.states = {one: overview(one, "error") for one in (ID, GONE)}
        script.tell(ID, "STATUS", value="error")
        # The old API replays no status.
        script.tell(ID, "DURATION", duration=1.0)
        catalogue, seconds = Catalogue(database=database), itertools.count()
        catalogue.add([ID], "")
        # Something always happens.
        listing = Listing(catalogue, lambda: True, lambda _: [overview(ID, "error", duration=float(next(seconds)))])
        accounts = Accounts(Ledger(database=database), lambda: True, Prices("EUR", *[Fraction()] * 4), away)
        ports = Ports(made.recordings, self.store, listing, accounts)
        # Nobody answers there.
        away_too = Login("http://127.0.0.1:1", "reflector", "secret", page_url="http://127.0.0.1", scopes={})
        self.app: Any = application(url, ports=ports, **{"login": away_too, **settings})[0]
        self.app.state.changes.pause = 0.05
        self.by_scope = {scope: self.tokens.create(scope.value, scope) for scope in Scope}

    @contextmanager
    def running(self, port: int | None = None) -> Iterator["World"]:
        """Serve it while the block lasts."""
        with listening(self.app, port) as port, http_client() as self.client:
            self.port, self.client.base_url = port, f"http://127.0.0.1:{port}"
            yield self

    def session(self, token: str) -> dict[str, str]:
        """Return the headers of a browser that signed in with a token."""
        answer = self.client.post("/v1/session", headers=bearer(token))
        self.client.cookies.clear()
        return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}", **OWN}

    def socket(self, path: str, headers: dict[str, str]) -> ClientConnection:
        """Open a WebSocket."""
        headers = {"Origin": f"http://127.0.0.1:{self.port}", **headers}
        url = f"ws://127.0.0.1:{self.port}{path}"
        return connect(url, additional_headers=headers, open_timeout=PATIENCE_S, proxy=None)

    def status(self, route: str, headers: dict[str, str]) -> int:
        """Return how a route answers: the status, or for an accepted WebSocket what its close code stands for."""
        kind, path = route.split(" ")
        path = re.sub(r"\{\w+\}", target(route), path)
        if kind == "WEBSOCKET":
            try:
                with self.socket(path, headers) as socket:
                    with suppress(ConnectionClosed):
                        socket.recv(PATIENCE_S)
                        return 200
                    return (socket.close_code or 0) - 4000
            except InvalidStatus as refused:
                check_safe(refused.response.headers)
                return refused.response.status_code
        self.client.cookies.clear()
        answer = self.client.request(kind, path, headers=headers)
        check_safe(answer.headers)
        return answer.status_code


def check_safe(headers: Any) -> None:
    """Raise AssertionError if browsers could store an answer, or guess its type."""
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def drain(socket: ClientConnection) -> None:
    """Receive until the connection is closed; raises ConnectionClosed, or TimeoutError if it stays open."""
    while True:
        socket.recv(PATIENCE_S)


def target(route: str) -> str:
    """Return the recording that a route is asked for, whatever its other parameters are."""
    return GONE if route in RULES and RULES[route].action == "delete" else ID


def away() -> Queues:
    raise TransientError("Dagster is down")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("access")).running() as world:
        yield world


def test_every_route_of_the_application_has_a_rule_and_no_other_has(world: World) -> None:
    assert routes_of(world.app) == set(RULES)
    assert len(RULES) > 30


def test_a_route_without_a_rule_stops_the_service_from_being_built(world: World) -> None:
    @world.app.put("/v1/forgotten")
    def forgotten() -> None: ...

    try:
        with pytest.raises(LookupError, match="PUT /v1/forgotten"):
            check_rules(world.app, AUTHORIZED)
        assert world.client.put("/v1/forgotten", headers=BEARER).status_code == 500, "nor is it ever served"
    finally:
        world.app.router.routes.pop()


def test_a_route_that_nobody_authorizes_stops_the_service_from_being_built(world: World) -> None:
    router = Router()
    router.add_api_route("/v1/rooms", lambda: None, methods=["GET"])
    world.app.routes.extend(router.routes)
    try:
        with pytest.raises(LookupError, match="nobody authorizes requests of /v1/rooms"):
            check_rules(world.app, AUTHORIZED)
    finally:
        del world.app.routes[-len(router.routes) :]


@pytest.mark.parametrize("route", RULES)
def test_a_route_is_for_its_scope_and_those_above(world: World, route: str) -> None:
    needed = RULES[route].scope
    nobody = [{}, bearer("wrong"), bearer("reflector_wrong"), {"Authorization": "Basic x"}, {"Cookie": f"{COOKIE}=x"}]
    for headers in nobody:
        assert (world.status(route, headers) == 401) is (needed is not None or route in CHECKED), headers
    if needed is None:
        return
    for scope in Scope:
        allowed = scope.includes(needed)
        token = world.by_scope[scope]
        for headers in (bearer(token), world.session(token)):
            answer = world.status(route, headers)
            assert (answer == 403) is not allowed, (scope, answer)
            assert answer != 401
    assert world.status(route, BEARER) not in {401, 403}


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.scope not in {None, Scope.READ}])
def test_with_a_cookie_other_sites_pages_do_nothing(world: World, route: str) -> None:
    headers = world.session(world.by_scope[Scope.OPERATE])
    for page in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"}):
        assert world.status(route, {"Cookie": headers["Cookie"], **page}) == 403, page


def test_a_refusal_names_the_needed_scope(world: World) -> None:
    answer = world.client.get("/v1/rooms", headers=bearer(world.by_scope[Scope.WRITE]))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "this needs a token with the scope operate; this one has write"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="operate"'


def test_the_document_has_the_scope_of_every_route(world: World) -> None:
    document = world.client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = RULES[f"{method.upper()} {path}"].scope
            assert operation.get("security") == (None if scope is None else [{"token": [scope]}])


def test_in_public_only_reading_is_open(tmp_path: Path) -> None:
    with World(tmp_path, public=True).running() as world:
        refused = {route for route in RULES if world.status(route, {}) in {401, 403}}
    closed = {route for route, rule in RULES.items() if rule.scope in {Scope.WRITE, Scope.OPERATE}}
    assert refused == closed | CHECKED


def test_only_operators_see_causes(world: World) -> None:
    world.app.state.recordings.states[ID] = overview(ID, "error", step="topics", reason="gpu.internal answered 500")
    for scope in Scope:
        seen = world.client.get(f"/v1/transcripts/{ID}", headers=bearer(world.by_scope[scope])).text
        assert ("gpu.internal" in seen) is (scope is Scope.OPERATE)


def test_a_revoked_token_is_refused_at_once_and_so_are_its_sessions(world: World) -> None:
    token, path = world.tokens.create("leaving", Scope.READ), f"/v1/transcripts/{ID}"
    headers = [bearer(token), world.session(token)]
    assert [world.client.get(path, headers=one).status_code for one in headers] == [200, 200]
    assert world.client.get("/v1/session", headers=headers[1]).json()["name"] == "token leaving"
    with world.socket(f"{path}/events", bearer(token)) as socket:
        assert '"STATUS"' in str(socket.recv())
        world.tokens.revoke("leaving")
        assert [world.client.get(path, headers=one).status_code for one in headers] == [401, 401]
        with pytest.raises(ConnectionClosed) as closed:
            # Events of before may still arrive.
            drain(socket)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 4401
    again = world.tokens.create("leaving", Scope.READ)
    assert [world.client.get(path, headers=one).status_code for one in headers] == [401, 401], "another of this name"
    assert world.client.get(path, headers=bearer(again)).status_code == 200


def test_a_stream_of_events_ends_with_the_token(world: World) -> None:
    token = world.tokens.create("listening", Scope.READ)
    headers = {**bearer(token), "Accept": "text/event-stream"}
    with world.client.stream("GET", f"/v1/transcripts/{ID}/events", headers=headers) as stream:
        lines = stream.iter_lines()
        assert any('"STATUS"' in line for line in lines)
        world.tokens.revoke("listening")
        # It ends, after events of before.
        assert len(list(lines)) < 100

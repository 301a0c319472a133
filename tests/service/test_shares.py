"""A link to one transcript: what it opens, that it opens nothing else, and its end. Over real sockets."""

# pyright: basic

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed

from domain.access import Scope
from resources.database.shares import Shares
from resources.database.tables import metadata
from service.rules import RULES
from service.sessions import SHARE_COOKIE
from tests.domain.finished import finished
from tests.service.in_process import BEARER
from tests.service.shown_recordings import finish
from tests.service.test_access import ID, World, bearer, drain

OTHER = "rec-2"
SHARES = f"/v1/transcripts/{ID}/shares"
SHARED = sorted(route for route, rule in RULES.items() if rule.shared)
CLOSED = sorted(route for route, rule in RULES.items() if not rule.shared and rule.scope)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("shares"))
    finish(world.store, world.app.state.recordings, finished(OTHER, duration=1.0), [])
    with world.running():
        yield world


def make(world: World, **wanted: Any) -> dict[str, Any]:
    """Return a new link, with its token."""
    answer = world.client.post(SHARES, json=wanted, headers=bearer(world.by_scope[Scope.WRITE]))
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "token": answer.json()["url"].partition("#share=")[2]}


def visited(world: World, token: str) -> dict[str, str]:
    """Return the headers of a browser that opened a link."""
    answer = world.client.post(f"/v1/transcripts/{ID}/visit", headers=bearer(token))
    assert answer.status_code == 204
    value = world.client.cookies.get(SHARE_COOKIE) or ""
    world.client.cookies.clear()
    return {"Cookie": f"{SHARE_COOKIE}={value}", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def link(world: World) -> dict[str, Any]:
    return make(world, days=3)


def test_a_link_leads_to_the_page_and_has_its_secret_in_the_fragment(world: World, link: dict[str, Any]) -> None:
    assert re.fullmatch(rf"https://reflector\.example\.com/transcripts/{ID}#share=share_[\w-]{{43}}", link["url"])
    assert link["created_by"] == "token write"
    page = world.client.get(f"/transcripts/{ID}")
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "same-origin")
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_the_cookie_is_for_this_recording_and_as_long_as_the_link(world: World, link: dict[str, Any]) -> None:
    answer = world.client.post(f"/v1/transcripts/{ID}/visit", headers=bearer(link["token"]))
    world.client.cookies.clear()
    name, *flags = [part.strip().lower() for part in answer.headers["set-cookie"].split(";")]
    assert name.startswith(f"{SHARE_COOKIE}=")
    assert {"httponly", "samesite=strict", f"path=/v1/transcripts/{ID}"} <= set(flags)
    [age] = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("max-age=")]
    assert 2 * 86400 < age <= 3 * 86400


@pytest.mark.parametrize("route", SHARED)
def test_it_opens_what_the_page_loads(world: World, link: dict[str, Any], route: str) -> None:
    for headers in (visited(world, link["token"]), bearer(link["token"])):
        assert world.status(route, headers) in {200, 204}
        assert world.status(route.replace("{id}", OTHER), headers) == 401
    assert world.status(route, {}) == 401


@pytest.mark.parametrize("route", CLOSED)
def test_it_opens_nothing_else(world: World, link: dict[str, Any], route: str) -> None:
    for headers in (visited(world, link["token"]), bearer(link["token"])):
        assert world.status(route, headers) == 401


def test_a_visitor_sees_no_causes_and_may_change_nothing(world: World, link: dict[str, Any]) -> None:
    headers = visited(world, link["token"])
    seen = world.client.get(f"/v1/transcripts/{ID}", headers=headers).json()
    assert (seen["shared"], seen["may_retry"], seen["title"]) == (True, False, "Weekly meeting")
    assert world.client.get(f"/v1/transcripts/{ID}", headers=BEARER).json()["shared"] is False
    assert world.client.get("/v1/session", headers=headers).json()["scopes"] == []
    assert world.client.post("/v1/session", headers=bearer(link["token"])).status_code == 401
    foreign = {"Cookie": headers["Cookie"], "Origin": "https://evil.test"}
    assert world.status("POST /v1/transcripts/{id}/visit", foreign) == 403


def test_a_withdrawn_link_ends_at_once_with_its_listeners(world: World) -> None:
    link = make(world)
    headers, path = visited(world, link["token"]), f"/v1/transcripts/{ID}"
    with world.socket(f"{path}/events", headers) as socket:
        assert '"STATUS"' in str(socket.recv())
        assert world.client.delete(f"/v1/transcripts/{OTHER}/shares/{link['id']}", headers=BEARER).status_code == 404
        assert world.client.get(path, headers=headers).status_code == 200
        assert world.client.delete(f"{SHARES}/{link['id']}", headers=BEARER).status_code == 204
        assert [world.client.get(path, headers=one).status_code for one in (headers, bearer(link["token"]))] == [
            401
        ] * 2
        with pytest.raises(ConnectionClosed):
            drain(socket)
    assert world.client.delete(f"{SHARES}/{link['id']}", headers=BEARER).status_code == 404
    assert link["id"] not in world.client.get(SHARES, headers=BEARER).text


def test_a_link_expires_and_only_its_hash_is_stored(world: World, link: dict[str, Any]) -> None:
    shares = Shares(database=world.database)
    _, past = shares.create(ID, -1, "test")
    assert world.client.get(f"/v1/transcripts/{ID}", headers=bearer(past)).status_code == 401
    listed = world.client.get(SHARES, headers=BEARER)
    assert [one["id"] for one in listed.json()["items"]] == [link["id"]]
    with world.database.begin() as connection:
        stored = "".join(str(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables)
    audit = world.client.get("/v1/audit", headers=BEARER).text
    assert link["id"] in stored
    assert link["id"] in audit
    assert "share open" in audit
    for text in (stored, audit, listed.text):
        assert link["token"].removeprefix("share_") not in text
    assert abs(shares.all(ID)[0].expires_at - time.time() - 3 * 86400) < 600


def test_what_is_wrong_makes_no_link(world: World) -> None:
    for wrong, status in (({"days": 0}, 422), ({"days": 367}, 422), ({"forever": True}, 422), ({"days": "x"}, 422)):
        assert world.client.post(SHARES, json=wrong, headers=BEARER).status_code == status
    assert world.client.post("/v1/transcripts/unknown/shares", json={}, headers=BEARER).status_code == 404

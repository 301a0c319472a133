"""Every route that changes something is in the audit log, with who and what; the list is the application's own."""

# pyright: basic

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.access import Scope
from resources.database.audit import Audit, Entry
from resources.database.database import Database
from service.rules import RULES
from tests.service.in_process import BEARER
from tests.service.test_access import ID, World, bearer, target

pytest_plugins = ["tests.service.databases"]
SECRET = "the-secret-of-a-room"
# The first checks signatures, and the inbox has what arrived; the second begins no session.
OTHERS = {"POST /v1/daily/webhook", "POST /compat/v1/auth/login"}
WRITES = sorted(route for route in RULES if route.split()[0] not in {"GET", "WEBSOCKET"} and route not in OTHERS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("audit")).running() as world:
        yield world


def newest(world: World, **query: Any) -> list[dict[str, Any]]:
    answer = world.client.get("/v1/audit", params=query, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_every_route_that_changes_something_names_it() -> None:
    assert [route for route in WRITES if RULES[route].action is None] == []
    assert len(WRITES) >= 7


@pytest.mark.parametrize("route", WRITES)
def test_each_change_is_recorded_once_and_what_is_refused_is_not(world: World, route: str) -> None:
    before = len(newest(world))
    for headers in ({}, bearer("wrong")):
        world.status(route, headers)
    if RULES[route].scope not in {None, Scope.READ}:
        world.status(route, bearer(world.by_scope[Scope.READ]))
    assert len(newest(world)) == before
    world.status(route, bearer(world.by_scope[Scope.OPERATE]))
    found = newest(world)
    assert len(found) == before + 1
    assert (found[0]["who"], found[0]["action"]) == ("token operate", RULES[route].action)
    assert found[0]["outcome"] in {"done", "failed"}
    assert abs(time.time() - Audit(database=world.database).entries(limit=1)[0].at) < 600
    if "{" in route:
        assert target(route) in (found[0]["recording_id"], found[0]["subject"])


def test_it_says_what_was_changed_without_secrets(world: World) -> None:
    room = {"language": "de", "webhook_url": "https://hooks.example.com/x", "webhook_secret": SECRET}
    assert world.client.put("/v1/rooms/weekly", json=room, headers=BEARER).status_code == 200
    denial = {"consent_given": False, "user_id": "ann"}
    assert world.client.post(f"/v1/meetings/{ID}/consent", json=denial, headers=BEARER).status_code == 202
    assert world.client.put("/v1/rooms/weekly", json={"language": "x" * 99}, headers=BEARER).status_code == 422
    failed, consent, done = newest(world, size=3)
    assert (done["action"], done["subject"], done["outcome"]) == ("rooms set", "weekly", "done")
    assert (done["who"], done["details"]) == ("REFLECTOR_API_TOKEN", "language, webhook_secret, webhook_url")
    assert (consent["action"], consent["subject"], consent["details"]) == ("consent", ID, "denied")
    assert (failed["subject"], failed["outcome"]) == ("weekly", "failed")
    assert SECRET not in str(newest(world)) + str(Audit(database=world.database).entries())


def test_it_is_read_by_recording_time_and_page(world: World) -> None:
    world.status("POST /v1/transcripts/{id}/retry", BEARER)
    world.status("DELETE /v1/rooms/{name}", BEARER)
    assert {one["recording_id"] or one["subject"] for one in newest(world, recording=ID)} == {ID}
    assert newest(world, recording="other") == []
    assert newest(world, since=0) == []
    first, second = newest(world, size=2)
    assert newest(world, size=1, before=first["number"]) == [second]
    for wrong in ({"size": 0}, {"size": 1001}, {"before": -1}, {"since": "x"}, {"recording": "a b"}, {"who": "x"}):
        assert world.client.get("/v1/audit", params=wrong, headers=BEARER).status_code == 422


def test_no_change_without_an_entry(world: World, tmp_path: Path) -> None:
    """The audit log can't be written: the change isn't made."""
    with World(tmp_path).running() as broken:
        with broken.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
        assert broken.status("POST /v1/transcripts/{id}/retry", BEARER) >= 500
        assert broken.app.state.recordings.retried == []
        assert broken.client.get(f"/v1/transcripts/{ID}", headers=BEARER).status_code == 200


def test_any_text_is_stored_and_an_interrupted_change_stays(database_url: str) -> None:
    audit = Audit(database=Database(url=database_url))
    seq = audit.begin("x\0" * 500, "retry", "r" * 500, "\udc80" * 500)
    [entry] = audit.entries()
    assert entry == Entry(seq, entry.at, "x" * 200, "retry", "r" * 100, entry.subject, None, None)
    audit.end(seq, "done", "d" * 5000)
    assert audit.entries()[0].outcome == "done"
    assert audit.begin("b", "retry", "rec-2") > seq
    assert [one.who for one in audit.entries(recording_id="rec-2")] == ["b"]
    assert [one.who for one in audit.entries(before=seq + 1)] == ["x" * 200]

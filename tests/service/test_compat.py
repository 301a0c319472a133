"""The old system's reading API under /compat: its shapes, units, errors and replay rules, for whoever may read ours."""

# pyright: basic

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from domain.access import Scope
from domain.consent import Meeting
from resources.database.tokens import Tokens
from resources.store.erasure import mark_deleted
from service.compat.changes import changes
from testing import PATIENCE_S
from testing.hosts.old_contract import DOCUMENT, check_answer
from tests.service.compat_world import BUSY, DONE, OLD_ID, ORIGIN, World, check_by_document
from tests.service.in_process import BEARER, TOKEN
from tests.service.shown_recordings import overview

ALL = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
# Not served: the document has GET for the two sockets, to describe their messages.
OTHERS = {
    "/v1/transcripts/{transcript_id}/events",
    "/v1/events",
    "/v1/meetings/{meeting_id}/consent",
    "/v1/daily/webhook",
    "/v1/rooms/{room_name}/meetings/{meeting_id}",
}
READ = [path for path, method in ALL if method == "get" and path not in OTHERS]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("compat")).running() as world:
        yield world


@pytest.mark.parametrize("path", [path for path in READ if not path.endswith("mp3")])
def test_every_answer_is_valid_by_the_old_document(world: World, path: str) -> None:
    query: dict[str, Any] = {"q": "budget"} if path.endswith("search") else {}
    answer = world.get(world.path(path), **query)
    assert answer.status_code == 200, answer.text
    check_answer(path, "get", answer.json())


@pytest.mark.parametrize("path", [path for path in READ if path not in {"/v1/me", "/v1/config"}])
def test_only_readers_of_our_api_may_read(world: World, path: str) -> None:
    query: dict[str, Any] = {"q": "x"} if path.endswith("search") else {}
    assert world.get(world.path(path), headers={}, **query).status_code == 401
    assert world.get(world.path(path), headers={"Authorization": "Bearer wrong"}, **query).status_code == 401
    assert world.get(world.path(path), headers={"X-API-Key": "wrong"}, **query).status_code == 401
    assert world.get(world.path(path), headers={"X-API-Key": TOKEN}, **query).status_code == 200


def test_signing_in_gives_the_token_for_itself(world: World) -> None:
    def sign_in(password: str) -> Any:
        return world.client.post("/compat/v1/auth/login", json={"email": "a@example.com", "password": password})

    assert sign_in(TOKEN).json() == {"access_token": TOKEN, "token_type": "bearer", "expires_in": 365 * 86400}
    assert sign_in("wrong").status_code == 401
    assert world.get("/me").json() == {"sub": "REFLECTOR_API_TOKEN", "email": None}
    assert world.get("/me", {}).json() is None
    check_answer("/v1/me", "get", None)


def test_pages_of_the_frontends_origin_may_read_edit_and_listen(world: World) -> None:
    def preflight(origin: str, method: str) -> Any:
        asked = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        return world.client.options(f"/compat/v1/transcripts/{DONE}", headers={"Origin": origin, **asked})

    for method in ("GET", "PATCH", "DELETE"):
        assert preflight(ORIGIN, method).headers["access-control-allow-origin"] == ORIGIN
        assert preflight("https://other.example.com", method).status_code == 400
    # Its service worker adds the token that the player's URL has already.
    played = world.get(f"/transcripts/{DONE}/audio/mp3", {**BEARER, "Origin": ORIGIN, "Range": "bytes=0-"}, token=TOKEN)
    assert (played.status_code, played.headers["access-control-allow-origin"]) == (206, ORIGIN)
    with world.socket("/events", origin=ORIGIN) as socket:
        assert socket.subprotocol == "bearer"
    with pytest.raises(InvalidStatus), world.socket("/events", origin="https://other.example.com"):
        pass


def test_durations_are_milliseconds_and_topics_seconds(world: World) -> None:
    found = world.get(f"/transcripts/{DONE}").json()
    assert (found["duration"], found["status"], found["room_id"]) == (3_600_000, "ended", OLD_ID)
    listed = world.get("/transcripts").json()["items"]
    assert [(one["id"], one["duration"], one["status"]) for one in listed] == [
        (BUSY, 0, "processing"),
        (DONE, 3_600_000, "ended"),
    ]
    topics = world.get(f"/transcripts/{DONE}/topics").json()
    assert [topic["timestamp"] for topic in topics] == [0.0, 1200.0, 2400.0]


def test_texts_have_the_format_that_is_asked_for(world: World) -> None:
    def text(form: str) -> Any:
        found = world.get(f"/transcripts/{DONE}", transcript_format=form).json()
        check_answer("/v1/transcripts/{transcript_id}", "get", found)
        return found["transcript"]

    assert text("text").startswith("Ada Lovelace: ")
    assert text("text-timestamped").startswith("[00:00] Ada Lovelace: ")
    assert text("webvtt-named").startswith("WEBVTT\n")
    assert text("json")[0]["speaker_name"] == "Ada Lovelace"
    assert world.get(f"/transcripts/{DONE}", transcript_format="pdf").status_code == 422


def test_words_by_topic_and_by_turn_are_all_words(world: World) -> None:
    topics = world.get(f"/transcripts/{DONE}/topics/with-words").json()
    spoken = [word["text"].strip() for topic in topics for word in topic["words"]]
    assert spoken == [word.word for word in world.spoken]
    turns = world.get(f"/transcripts/{DONE}/topics/{world.topic}/words-per-speaker").json()["words_per_speaker"]
    assert [word for turn in turns for word in turn["words"]] == topics[0]["words"]
    assert all(before["speaker"] != after["speaker"] for before, after in itertools.pairwise(turns))


def test_the_search_finds_by_words_room_and_time(world: World) -> None:
    def found(**query: Any) -> list[str]:
        answer = world.get("/transcripts/search", **{"q": "", **query})
        check_answer("/v1/transcripts/search", "get", answer.json())
        return [one["id"] for one in answer.json()["results"]]

    assert found() == [BUSY, DONE]
    assert found(q="budget") == [DONE]
    assert found(limit=1, offset=1) == [DONE]
    assert found(room_id=OLD_ID) == [DONE]
    other = world.get("/transcripts").json()["items"][0]["room_id"]
    assert found(room_id=other) == [BUSY], "of a room without settings"
    assert found(room_id="nowhere") == found(source_kind="live") == found(include_deleted="true") == []
    assert found(**{"from": "2026-03-23T08:30:00Z"}) == [BUSY]
    assert found(to="2026-03-23T08:30:00Z") == [DONE]


def test_the_audio_is_played_by_a_token_in_the_url(world: World) -> None:
    path = f"/transcripts/{DONE}/audio/mp3"
    whole = world.get(path, {}, token=TOKEN)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    part = world.get(path, {"Range": "bytes=100-199"}, token=TOKEN)
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    head = world.client.head(f"/compat/v1{path}", params={"token": TOKEN})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    assert world.get(path, {}, token="wrong").status_code == 401


def test_audio_that_cannot_be_played_counts_as_deleted(tmp_path: Path) -> None:
    """The frontend says then that somebody didn't consent, where it would show errors of waveform and audio."""
    with World(tmp_path).running() as world:
        consents = world.app.state.consents
        consents.identify(Meeting(DONE, "weekly"))
        assert world.get(f"/transcripts/{DONE}").json()["audio_deleted"] is False
        consents.record("weekly", "ann", given=False)
        assert world.get(f"/transcripts/{DONE}").json()["audio_deleted"], "while a denial could be about it"
        consents.dismiss("weekly")
        assert world.get(f"/transcripts/{DONE}").json()["audio_deleted"] is False
        mark_deleted(world.store, DONE, "consent denied")
        assert world.get(f"/transcripts/{DONE}").json()["audio_deleted"]


@pytest.mark.parametrize("path", ["/transcripts/none", "/transcripts/none/topics", "/rooms/name/none", "/rooms/none"])
def test_what_there_is_not_is_404(world: World, path: str) -> None:
    assert world.get(path).status_code == 404


def test_the_socket_replays_all_but_status_and_text(world: World) -> None:
    script = world.script
    script.tell(DONE, "STATUS", value="processing")
    script.tell(DONE, "DURATION", duration=3600.0, source="daily")
    script.tell(DONE, "TRANSCRIPT", text="all of it", translation=None)
    script.step(DONE, "topics", "completed")
    script.tell(DONE, "TOPIC", id=world.topic, title="", summary="", timestamp=0.0, duration=1.0)
    script.tell(DONE, "ACTION_ITEMS", action_items={"decisions": [], "next_steps": [], "method": "x", "error": None})
    script.tell(DONE, "STATUS", value="ended")
    with world.socket(f"/transcripts/{DONE}/events") as socket:
        assert socket.subprotocol == "bearer"
        past = [json.loads(socket.recv(PATIENCE_S)) for _ in range(3)]
        script.tell(DONE, "STATUS", value="processing", step=None, reason=None)
        live = json.loads(socket.recv(PATIENCE_S))
    assert [one["event"] for one in past] == ["DURATION", "TOPIC", "ACTION_ITEMS"]
    assert past[0]["data"] == {"duration": 3_600_000}
    assert past[1]["data"] == world.get(f"/transcripts/{DONE}/topics").json()[0]
    assert live == {"event": "STATUS", "data": {"value": "processing"}}
    for message in (*past, live):
        check_answer("/v1/transcripts/{transcript_id}/events", "get", message)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [(f"/transcripts/{DONE}/events", "no", 401), ("/events", "no", 401), ("/transcripts/none/events", TOKEN, 404)],
)
def test_a_socket_is_refused_before_it_opens(world: World, path: str, token: str, status: int) -> None:
    """The frontend tries one that opens and closes again every second, forever."""
    with pytest.raises(InvalidStatus) as refused, world.socket(path, token):
        pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize("path", [f"/transcripts/{DONE}/events", "/events"])
def test_a_socket_ends_with_its_token_so_that_the_frontend_does_not_come_back(world: World, path: str) -> None:
    tokens, name = Tokens(database=world.app.state.inbox.database), path.split("/")[1]
    with world.socket(path, tokens.create(name, Scope.READ)) as socket:
        tokens.revoke(name)
        for _ in socket:
            pass
    assert socket.close_code == 1000


def test_the_socket_of_all_recordings_sends_changes(world: World) -> None:
    before, minutes = world.script.states[BUSY], itertools.count(1)
    with world.socket("/events") as socket:
        # What is read first is no change.
        messages: list[Any] = []
        while not messages:
            world.script.states[BUSY] = before._replace(duration=60.0 * next(minutes))
            with suppress(TimeoutError):
                messages.append(json.loads(socket.recv(0.2)))
    world.script.states[BUSY] = before
    assert messages[0]["event"] == "TRANSCRIPT_DURATION"
    assert messages[0]["data"]["id"] == BUSY
    check_answer("/v1/events", "get", messages[0])


def test_what_happens_to_recordings_is_reported_in_the_old_events() -> None:
    before = {"a": overview("a"), "b": overview("b", "ended", title="B", duration=1.5)}
    after = {
        "a": overview("a", "ended", title="A", duration=60.0),
        "b": before["b"],
        "c": overview("c"),
    }
    found = changes(before, after)
    for message in found:
        check_answer("/v1/events", "get", message)
    assert [(one["event"], *one["data"].values()) for one in found] == [
        ("TRANSCRIPT_STATUS", "a", "ended"),
        ("TRANSCRIPT_FINAL_TITLE", "a", "A"),
        ("TRANSCRIPT_DURATION", "a", 60_000),
        ("TRANSCRIPT_CREATED", "c"),
        ("TRANSCRIPT_STATUS", "c", "processing"),
    ]
    assert changes(after, after) == []


@pytest.mark.parametrize("path", READ)
def test_no_request_of_the_old_document_is_answered_otherwise_than_it_says(world: World, path: str) -> None:
    check_by_document(world, path, "get")


def test_our_own_document_does_not_have_it(world: World) -> None:
    assert not [path for path in world.client.get("/openapi.json").json()["paths"] if path.startswith("/compat")]

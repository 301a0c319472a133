"""The rooms API: who may use it, what it takes and answers, and that it never shows a secret."""

# pyright: basic

import json
from collections.abc import Iterator

import pytest

from testing.deployment import Deployment
from testing.parts.receiver import SECRET as WEBHOOK_SECRET
from testing.parts.receiver import Receiver
from tests.service.in_process import BEARER, TOKEN, Service, serving

pytest_plugins = ["tests.service.databases"]

SECRET = "hush-nobody-knows"
FULL = {
    "language": "de",
    "vocabulary": ["Kubernetes", "Özge"],
    "webhook_url": "https://hooks.example.com/a",
    "webhook_secret": SECRET,
    "zulip_stream": "general ✓",
    "zulip_topic": "notes",
    "zulip_auto_post": True,
    "skip_consent": True,
    "old_id": "9a1e3c1c-5b52-4df2-8c1c-0d2b6f7c8a11",
    "texts_after_names": "never",
    "texts_after_words": "at_once",
}
SHOWN = {**{name: value for name, value in FULL.items() if name != "webhook_secret"}, "has_webhook_secret": True}
EMPTY = {
    "language": None,
    "vocabulary": [],
    "webhook_url": None,
    "has_webhook_secret": False,
    "zulip_stream": None,
    "zulip_topic": None,
    "zulip_auto_post": False,
    "skip_consent": False,
    "old_id": None,
    "texts_after_names": "at_once",
    "texts_after_words": "on_request",
}


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    with serving(database_url) as running:
        running.client.headers.update(BEARER)
        yield running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without rooms, for requests that are refused before they reach the database."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('rooms') / 'rooms.db'}") as running:
        running.client.headers.update(BEARER)
        yield running


def test_rooms_are_set_changed_listed_and_forgotten(service: Service) -> None:
    client = service.client
    assert client.get("/v1/rooms").json() == {"data": []}
    put = client.put("/v1/rooms/weekly", json=FULL)
    assert (put.status_code, put.json()) == (200, {"name": "weekly", **SHOWN})
    assert client.get("/v1/rooms/weekly").json() == put.json()
    changed = client.patch("/v1/rooms/weekly", json={"language": "fr", "webhook_secret": None})
    assert changed.json() == {"name": "weekly", **SHOWN, "language": "fr", "has_webhook_secret": False}
    assert client.put("/v1/rooms/weekly", json={}).json() == {"name": "weekly", **EMPTY}
    assert client.patch("/v1/rooms/daily", json={"skip_consent": True}).status_code == 200
    assert [room["name"] for room in client.get("/v1/rooms").json()["data"]] == ["daily", "weekly"]
    for _ in range(2):
        assert client.delete("/v1/rooms/daily").status_code == 204
    missing = client.get("/v1/rooms/daily")
    assert (missing.status_code, list(missing.json())) == (404, ["detail"])
    assert client.put("/v1/rooms/weekly", json=FULL).status_code == 200
    stored = service.rooms.room("weekly").webhook_secret
    assert stored is not None
    assert stored.get_secret_value() == SECRET


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no JSON", 400),
        (b'{"language": "\xff"}', 400),
        (rb'{"zulip_stream": "\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (rb'{"zulip_stream": "\u0000"}', 422),
        (rb'{"zulip_topic": "a\u0000b"}', 422),
        (rb'{"webhook_secret": "hush-nobody-knows\u0000"}', 422),
        (rb'{"webhook_url": "ftp://hush-nobody-knows@host/"}', 422),
        (rb'{"language": "\u0000"}', 422),
        (b'{"language": "hush-nobody-knows"}', 422),
        (b'{"webhook_secret": {"a": "hush-nobody-knows"}}', 422),
        (b'{"name": "other"}', 422),
        (b'{"unknown\\u0000": 1}', 422),
        (b" " * (1024 * 1024) + b"{}", 413),
    ],
)
def test_bodies_that_make_no_sense_are_refused_without_being_repeated(
    empty: Service, method: str, body: bytes, status: int
) -> None:
    answer = empty.client.request(method, "/v1/rooms/weekly", content=body)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert SECRET not in answer.text
    assert "\n" not in answer.json()["detail"]
    assert empty.rooms.list_rooms() == []


def test_a_url_with_a_nul_is_kept_escaped_or_refused(service: Service) -> None:
    answer = service.client.put("/v1/rooms/a", content=rb'{"webhook_url": "http://host/\u0000"}')
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize("name", ["-a", "a%00", "%F0%9F%98%80", "a%0A", "a" * 129, "%ED%A0%80", "a%20b"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_names_that_make_no_sense_are_refused(empty: Service, method: str, name: str) -> None:
    content = b"{}" if method in {"PUT", "PATCH"} else None
    assert empty.client.request(method, f"/v1/rooms/{name}", content=content).status_code == 422


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xff"],
)
def test_only_holders_of_the_token_get_in(authorization: str | None, tmp_path) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    with serving(f"sqlite:///{tmp_path / 'rooms.db'}") as service:
        service.client.put("/v1/rooms/weekly", json=FULL, headers=BEARER)
        for method, path in (
            ("GET", "/v1/rooms"),
            ("GET", "/v1/rooms/weekly"),
            ("PUT", "/v1/rooms/weekly"),
            ("PATCH", "/v1/rooms/weekly"),
            ("DELETE", "/v1/rooms/weekly"),
        ):
            content = b"{}" if method in {"PUT", "PATCH"} else None
            answer = service.client.request(method, path, content=content, headers=headers)
            assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (401, "Bearer")
            assert "weekly" not in answer.text
        assert service.client.get("/v1/rooms/weekly", headers={"Authorization": f"bearer {TOKEN}"}).json() == {
            "name": "weekly",
            **SHOWN,
        }


def test_without_a_token_of_its_own_the_api_is_closed_but_for_a_trial(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'rooms.db'}"
    with serving(url, token=None) as service:
        for headers in ({}, BEARER, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
            answer = service.client.get("/v1/rooms", headers=headers)
            assert (answer.status_code, "REFLECTOR_API_TOKEN" in answer.text) == (401, True)
    with serving(url, token=None, trial=True, secrets=()) as service:
        assert service.client.get("/v1/rooms").status_code == 200


@pytest.mark.slow
def test_the_secret_is_in_no_answer_no_document_and_no_log(deployment: Deployment) -> None:
    deployment.env |= {"DAILY_WEBHOOK_SECRET": WEBHOOK_SECRET, "REFLECTOR_API_TOKEN": TOKEN}
    with Receiver(deployment) as receiver:
        receiver.client.headers.update(BEARER)
        rooms = f"{receiver.url}/v1/rooms"
        answers = [
            receiver.client.put(f"{rooms}/weekly", json=FULL),
            receiver.client.patch(f"{rooms}/weekly", json={"webhook_secret": SECRET}),
            receiver.client.put(f"{rooms}/weekly", json={"webhook_secret": f"{SECRET}\0"}),
            receiver.client.put(f"{rooms}/weekly", json={"webhook_secret": [SECRET], "language": SECRET}),
            receiver.client.get(f"{rooms}/weekly"),
            receiver.client.get(rooms),
            receiver.client.get(f"{receiver.url}/openapi.json"),
            receiver.client.post(receiver.webhook, json={"webhook_secret": SECRET}),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 200, 200, 200, 401]
        shown = json.dumps([answer.text for answer in answers] + [dict(answer.headers) for answer in answers])
        assert deployment.json("rooms", "show", "weekly")["has_webhook_secret"] is True
    said = receiver.log.read_text()
    for secret in (SECRET, TOKEN, WEBHOOK_SECRET):
        assert secret not in shown
        assert secret not in said

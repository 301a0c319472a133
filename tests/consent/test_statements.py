"""Consent statements by HTTP API and command; the API's fuzzing is in tests/service."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consent import Meeting, Statement, latest_per_user
from resources.database.consents import Consents
from resources.database.database import Database
from testing.deployment import Deployment
from tests.service.in_process import BEARER, Service, serving

PATH = "/v1/meetings/0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70/consent"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(f"sqlite:///{tmp_path / 'reflector.db'}") as running:
        running.client.headers.update(BEARER)
        yield running


def test_statements_are_accepted_and_listed(service: Service) -> None:
    client = service.client
    nothing: dict[str, Any] = {"meeting_id": PATH.split("/")[3], "denied": False, "matched": False}
    nothing |= {"detail": None, "statements": []}
    assert client.get(PATH).json() == nothing
    service.consents.identify(Meeting("rec-1", mtg_session_id=PATH.split("/")[3]))
    assert client.post(PATH, json={"consent_given": False, "user_id": "ann"}).json()["denied"] is True
    assert client.post(PATH, json={"consent_given": True}).json()["denied"] is True
    answer = client.post(PATH, json={"consent_given": True, "user_id": "ann"})
    assert (answer.status_code, answer.json()["denied"]) == (200, False)
    statements = client.get(PATH).json()["statements"]
    assert [(one["user_id"], one["consent_given"]) for one in statements] == [(None, True), ("ann", True)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, b"no JSON", 400),
        (PATH, b"{}", 422),
        (PATH, b'{"consent_given": "yes"}', 422),
        (PATH, b'{"consent_given": 1}', 422),
        (PATH, b'{"consent_given": true, "user_id": ""}', 422),
        (PATH, rb'{"consent_given": true, "user_id": "a\u0000"}', 422),
        (PATH, b'{"consent_given": true, "more": 1}', 422),
        ("/v1/meetings/-a/consent", b'{"consent_given": true}', 422),
        ("/v1/meetings/a%00/consent", b'{"consent_given": true}', 422),
    ],
)
def test_invalid_requests_are_rejected(service: Service, path: str, body: bytes, status: int) -> None:
    answer = service.client.post(path, content=body)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert service.client.get(PATH).json()["statements"] == []


def test_the_api_requires_the_token(service: Service) -> None:
    del service.client.headers["Authorization"]
    assert service.client.get(PATH).status_code == 401
    assert service.client.post(PATH, json={"consent_given": False}).status_code == 401


@contextmanager
def wiring_of(deployment: Deployment) -> Iterator[Consents]:
    yield Consents(database=Database(url=f"sqlite:///{deployment.home / 'data' / 'reflector.db'}"))


def test_the_command_records_and_shows_statements(deployment: Deployment) -> None:
    def reflector(*arguments: str, code: int = 0) -> Any:
        done = deployment.reflector("consent", *arguments, "--json")
        assert (done.returncode, "not matched yet" in done.stderr) == (code, code == 3), done.stderr
        return json.loads(done.stdout)

    assert reflector("deny", "weekly-20260323080000", "--user", "ann", code=3)["denied"] is True
    assert [row["user_id"] for row in reflector("list", "--unmatched")] == ["ann"]
    with wiring_of(deployment) as consents:
        consents.identify(Meeting("rec-1", "weekly", "weekly-20260323080000"))
    assert reflector("list", "--unmatched") == []
    assert [row["recordings"] for row in reflector("list")] == [["rec-1"]]
    given = reflector("give", "rec-1", "--user", "ann")
    assert (given["denied"], [one["user_id"] for one in given["statements"]]) == (False, ["ann"])
    assert reflector("show", "rec-1") == given
    reflector("deny", "of-the-old-system", code=3)
    assert reflector("assign", "of-the-old-system", "rec-1")["matched"] is True
    assert reflector("show", "rec-1")["denied"] is True
    reflector("deny", "weekly", code=3)
    assert reflector("dismiss", "weekly") == {"dismissed": 1}
    assert reflector("list", "--unmatched") == []
    refused = deployment.reflector("consent", "deny", "../weekly")
    assert (refused.returncode, "can't be the id" in refused.stderr) == (1, True)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.booleans())))
def test_the_latest_statement_per_user_counts_in_any_order(history: list[tuple[str, bool]]) -> None:
    statements = [Statement(n, "m", user, one, 0.0) for n, (user, one) in enumerate(history)]
    assert latest_per_user(statements[::-1]) == latest_per_user(statements)
    assert {one.user_id: one.given for one in latest_per_user(statements)} == dict(history)

"""Webhooks made, seen, reactivated and deleted at a Daily that calls them."""

# pyright: basic

import base64
from typing import Any

import pytest

from domain.errors import InvalidInput, NotFound, PermanentError
from resources.daily.api import Webhook
from testing.hosts.daily_host import DailyHost
from testing.hosts.host import Answer, Host, Request
from tests.resources.daily_client import KEY, client, failure

OURS = base64.b64encode(b"our own secret of webhooks").decode()
EVENTS = ("recording.ready-to-download", "recording.started")


@pytest.fixture
def host():
    with DailyHost(key=KEY, rate=None) as server:
        yield server


@pytest.fixture
def receiver():
    class Receiver(Host[Request]):
        def read(self, request: Any):
            return request

        def reply(self, call: Any):
            return Answer(body={"ok": True})

    with Receiver() as server:
        yield server


def test_a_webhook_comes_and_goes(host: DailyHost, receiver: Any):
    api = client(host)
    made = api.create_webhook(f"{receiver.url}/hook", EVENTS, OURS)
    assert (made.url, made.state, made.failed_count, made.event_types) == (
        f"{receiver.url}/hook",
        "ACTIVE",
        0,
        EVENTS,
    )
    assert made.hmac is not None
    assert made.hmac.get_secret_value() == OURS
    assert OURS not in repr(made) + str(made) + made.model_dump_json()
    assert [request.json() for request in receiver.requests] == [{"test": "test"}]
    assert api.webhooks() == [made]
    api.delete_webhook(made.uuid)
    assert api.webhooks() == []
    assert made.uuid in str(failure(lambda: api.delete_webhook(made.uuid), NotFound))


def test_daily_makes_a_secret_where_we_have_none(host: DailyHost, receiver: Any):
    made = client(host).create_webhook(receiver.url, EVENTS)
    assert made.hmac is not None
    assert base64.b64decode(made.hmac.get_secret_value())


def test_a_webhook_that_failed_is_reactivated(host: DailyHost, receiver: Any):
    api = client(host)
    made = api.create_webhook(receiver.url, EVENTS)
    receiver.fail(3, 500)
    for _ in range(4):
        host.deliver({"type": "recording.started", "payload": {}})
    assert len(receiver.requests) == 4, "the test, and three events until the circuit broke"
    [failed] = api.webhooks()
    assert (failed.state, failed.failed_count) == ("FAILED", 3)
    again = api.update_webhook(made.uuid, receiver.url)
    assert (again.state, again.failed_count, again.event_types, again.hmac) == ("ACTIVE", 0, EVENTS, made.hmac)
    assert api.update_webhook(made.uuid, receiver.url, EVENTS[:1], OURS).event_types == EVENTS[:1]
    failure(lambda: api.update_webhook("unknown", receiver.url), NotFound)


def test_a_url_that_does_not_answer_is_reported(host: DailyHost, receiver: Any):
    receiver.fail(1, 401)
    error = failure(lambda: client(host).create_webhook(receiver.url, EVENTS, OURS), PermanentError)
    assert "recvd 401" in str(error)
    assert "answer its test with 200" in str(error)


def test_a_secret_is_base64_and_never_shown(host: DailyHost, receiver: Any):
    error = failure(lambda: client(host).create_webhook(receiver.url, EVENTS, "not base64!"), InvalidInput)
    assert "not base64!" not in str(error)
    assert not host.requests
    host.fail(1, 400, f"the hmac {OURS} is taken")
    assert OURS not in str(failure(lambda: client(host).create_webhook(receiver.url, EVENTS, OURS), PermanentError))


def test_unknown_events_are_reported(host: DailyHost, receiver: Any):
    error = failure(lambda: client(host).create_webhook(receiver.url, ["recording.eaten"]), PermanentError)
    assert "recording.eaten" in str(error)


def test_odd_webhooks_are_read_all_the_same(host: DailyHost):
    odd = {"uuid": "a", "url": None, "state": 0, "failedCount": "x", "eventTypes": [1, "b"], "hmac": 3, "new": {}}
    host.answer(1, [odd, {"uuid": "b", "state": "inactive"}, {"uuid": ""}, {"url": "c"}, None, 7])
    assert client(host).webhooks() == [
        Webhook.model_validate({"uuid": "a", "state": "FAILED", "event_types": ["b"]}),
        Webhook.model_validate({"uuid": "b", "state": "INACTIVE"}),
    ]
    host.answer(1, {"url": "x"})
    assert "a webhook with a uuid" in str(
        failure(lambda: client(host).create_webhook("http://x", EVENTS), PermanentError)
    )

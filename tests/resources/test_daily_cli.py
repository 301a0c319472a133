"""`reflector daily webhook` on the command line, against a stand-in for Daily."""

import base64
import subprocess
from collections.abc import Iterator

import pytest

from domain.daily import EVENTS
from testing.deployment import Deployment
from testing.hosts.daily_host import DailyHost
from testing.hosts.host import Answer, Host, Request
from tests.resources.daily_client import KEY, client

OURS = base64.b64encode(b"our own secret of webhooks").decode()
NEXT = base64.b64encode(b"the next secret of webhooks").decode()


class Receiver(Host[Request]):
    def read(self, request: Request) -> Request:
        return request

    def reply(self, call: Request) -> Answer:
        return Answer(body={"ok": True})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def daily(deployment: Deployment) -> Iterator[DailyHost]:
    with DailyHost(key=KEY, rate=None) as host:
        deployment.env |= {**host.env, "DAILY_WEBHOOK_SECRET": OURS}
        yield host


def output(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert OURS not in done.stdout + done.stderr
    return done.stdout + done.stderr


def make(host: DailyHost, url: str, secret: str | None = OURS) -> str:
    """Create a webhook at Daily and return its uuid."""
    return client(host).create_webhook(url, EVENTS, secret).uuid


def test_a_webhook_from_creation_to_deletion(deployment: Deployment, daily: DailyHost, receiver: Receiver) -> None:
    url = f"{receiver.url}/v1/daily/webhook"
    made = deployment.json("daily", "webhook", "create", url)
    assert (made["outcome"], made["url"], made["state"]) == ("created", url, "ACTIVE")
    assert "secret" not in made
    [hook] = daily.webhooks.values()
    assert hook["hmac"] == OURS
    assert set(hook["eventTypes"]) == set(EVENTS)
    assert len(EVENTS) == 5

    again = deployment.json("daily", "webhook", "create", f"{url}/")
    assert (again["outcome"], again["uuid"]) == ("exists", made["uuid"])
    assert len(daily.webhooks) == 1
    assert len(receiver.requests) == 1, "an active webhook is left alone"

    receiver.fail(3, 503)
    for _ in range(3):
        daily.deliver({"type": "recording.started"})
    table = output(deployment.reflector("daily", "webhook", "status"))
    assert "FAILED" in table
    assert f"reflector daily webhook create {url}" in table

    assert deployment.json("daily", "webhook", "create", url)["outcome"] == "reactivated"
    assert daily.webhooks[made["uuid"]]["state"] == "ACTIVE"
    assert url in output(deployment.reflector("daily", "webhook", "delete"))
    assert not daily.webhooks


def test_a_secret_created_by_daily_is_printed_once(
    deployment: Deployment, daily: DailyHost, receiver: Receiver
) -> None:
    del deployment.env["DAILY_WEBHOOK_SECRET"]
    lines = output(deployment.reflector("daily", "webhook", "create", receiver.url)).splitlines()
    [hook] = daily.webhooks.values()
    assert f"DAILY_WEBHOOK_SECRET={hook['hmac']}" in lines
    again = output(deployment.reflector("daily", "webhook", "create", receiver.url))
    assert hook["hmac"] not in again
    assert "DAILY_WEBHOOK_SECRET is not set" in again


def test_a_secret_created_by_daily_is_in_the_json(deployment: Deployment, daily: DailyHost, receiver: Receiver) -> None:
    del deployment.env["DAILY_WEBHOOK_SECRET"]
    made = deployment.json("daily", "webhook", "create", receiver.url)
    assert made["secret"] == daily.webhooks[made["uuid"]]["hmac"]


def test_a_secret_is_changed(deployment: Deployment, daily: DailyHost, receiver: Receiver) -> None:
    made = make(daily, receiver.url)
    deployment.env["DAILY_WEBHOOK_SECRET"] = NEXT
    notes = output(deployment.reflector("daily", "webhook", "create", receiver.url))
    assert "another secret" in notes
    assert "--update" in notes
    assert daily.webhooks[made]["hmac"] == OURS
    updated = output(deployment.reflector("daily", "webhook", "create", receiver.url, "--update"))
    assert updated.startswith("updated")
    assert "another secret" not in updated
    assert daily.webhooks[made]["hmac"] == NEXT


def test_one_of_several_webhooks_is_deleted_by_its_uuid(
    deployment: Deployment, daily: DailyHost, receiver: Receiver
) -> None:
    kept, gone = make(daily, f"{receiver.url}/a"), make(daily, f"{receiver.url}/b")
    message = output(deployment.reflector("daily", "webhook", "delete"), code=1)
    assert kept in message
    assert gone in message
    assert set(daily.webhooks) == {kept, gone}
    assert deployment.json("daily", "webhook", "delete", "--uuid", gone)["deleted"][0]["uuid"] == gone
    assert set(daily.webhooks) == {kept}
    assert gone in output(deployment.reflector("daily", "webhook", "delete", "--uuid", gone), code=1)


def test_a_url_that_fails_dailys_test_is_reported_in_one_line(
    deployment: Deployment, daily: DailyHost, receiver: Receiver
) -> None:
    receiver.fail(1, 404)
    refused = deployment.reflector("daily", "webhook", "create", receiver.url)
    assert "answer its test with 200" in output(refused, code=1)
    assert len(refused.stderr.splitlines()) == 1
    assert not daily.webhooks


def test_wrong_settings_are_named(deployment: Deployment, daily: DailyHost, receiver: Receiver) -> None:
    deployment.env["DAILY_WEBHOOK_SECRET"] = "no base64!"
    assert "DAILY_WEBHOOK_SECRET" in output(deployment.reflector("daily", "webhook", "create", receiver.url), code=1)
    assert not daily.requests
    deployment.env["DAILY_WEBHOOK_SECRET"] = OURS
    daily.key = "another"
    assert "DAILY_API_KEY" in output(deployment.reflector("daily", "webhook", "status"), code=1)
    del deployment.env["DAILY_API_KEY"]
    assert "DAILY_API_KEY is not set" in output(deployment.reflector("daily", "webhook", "status"), code=1)


def test_an_invalid_url_is_wrong_usage(deployment: Deployment) -> None:
    assert "isn't a URL" in output(deployment.reflector("daily", "webhook", "create", "nowhere"), code=2)


def test_markup_in_a_webhook_is_printed_literally(deployment: Deployment, daily: DailyHost) -> None:
    hooks: list[dict[str, object]] = [{"uuid": "u", "url": "[bold]x[/bold]", "state": 0}]
    daily.answer(1, hooks)
    assert "[bold]x" in output(deployment.reflector("daily", "webhook", "status"))

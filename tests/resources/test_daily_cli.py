"""`reflector daily webhook` as a user types it, against Daily's host."""

import base64
import subprocess

import pytest

from reflector_assets.cli.daily import EVENTS
from testing.deployment import Deployment
from testing.hosts.daily_host import DailyHost
from testing.hosts.host import Answer, Host, Request
from tests.resources.daily_client import KEY, door

OURS = base64.b64encode(b"our own secret of webhooks").decode()
NEXT = base64.b64encode(b"the secret that comes after").decode()


class Receiver(Host[Request]):
    def read(self, request):
        return request

    def reply(self, call):
        return Answer(body={"ok": True})


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server


@pytest.fixture
def daily(deployment: Deployment):
    with DailyHost(key=KEY, rate=None) as host:
        deployment.env |= {**host.env, "DAILY_WEBHOOK_SECRET": OURS}
        yield host


def said(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert OURS not in done.stdout + done.stderr
    return done.stdout + done.stderr


def make(host: DailyHost, url: str, secret: str | None = OURS) -> str:
    """A webhook that is there already; returns its uuid."""
    return door(host).create_webhook(url, EVENTS, secret).uuid


def test_a_webhook_from_its_making_to_its_end(deployment, daily, receiver):
    url = f"{receiver.url}/v1/daily/webhook"
    made = deployment.json("daily", "webhook", "create", url)
    assert (made["outcome"], made["url"], made["state"]) == ("created", url, "ACTIVE")
    assert "secret" not in made
    [kept] = daily.webhooks.values()
    assert kept["hmac"] == OURS
    assert set(kept["eventTypes"]) == set(EVENTS)
    assert len(EVENTS) == 5

    again = deployment.json("daily", "webhook", "create", f"{url}/")
    assert (again["outcome"], again["uuid"]) == ("exists", made["uuid"])
    assert len(daily.webhooks) == 1
    assert len(receiver.requests) == 1, "one that is active is left alone"

    receiver.fail(3, 503)
    for _ in range(3):
        daily.deliver({"type": "recording.started"})
    shown = said(deployment.reflector("daily", "webhook", "status"))
    assert "FAILED" in shown
    assert f"reflector daily webhook create {url}" in shown

    assert deployment.json("daily", "webhook", "create", url)["outcome"] == "reactivated"
    assert daily.webhooks[made["uuid"]]["state"] == "ACTIVE"
    assert url in said(deployment.reflector("daily", "webhook", "delete"))
    assert not daily.webhooks


def test_the_secret_that_daily_makes_is_printed_once(deployment, daily, receiver):
    del deployment.env["DAILY_WEBHOOK_SECRET"]
    lines = said(deployment.reflector("daily", "webhook", "create", receiver.url)).splitlines()
    [kept] = daily.webhooks.values()
    assert f"DAILY_WEBHOOK_SECRET={kept['hmac']}" in lines
    again = said(deployment.reflector("daily", "webhook", "create", receiver.url))
    assert kept["hmac"] not in again
    assert "DAILY_WEBHOOK_SECRET is not set" in again


def test_programs_get_the_secret_that_daily_makes(deployment, daily, receiver):
    del deployment.env["DAILY_WEBHOOK_SECRET"]
    made = deployment.json("daily", "webhook", "create", receiver.url)
    assert made["secret"] == daily.webhooks[made["uuid"]]["hmac"]


def test_a_secret_is_changed(deployment, daily, receiver):
    made = make(daily, receiver.url)
    deployment.env["DAILY_WEBHOOK_SECRET"] = NEXT
    noted = said(deployment.reflector("daily", "webhook", "create", receiver.url))
    assert "another secret" in noted
    assert "--update" in noted
    assert daily.webhooks[made]["hmac"] == OURS
    updated = said(deployment.reflector("daily", "webhook", "create", receiver.url, "--update"))
    assert updated.startswith("updated")
    assert "another secret" not in updated
    assert daily.webhooks[made]["hmac"] == NEXT


def test_several_webhooks_are_told_apart(deployment, daily, receiver):
    kept, gone = make(daily, f"{receiver.url}/a"), make(daily, f"{receiver.url}/b")
    told = said(deployment.reflector("daily", "webhook", "delete"), code=1)
    assert kept in told
    assert gone in told
    assert set(daily.webhooks) == {kept, gone}
    assert deployment.json("daily", "webhook", "delete", "--uuid", gone)["deleted"][0]["uuid"] == gone
    assert set(daily.webhooks) == {kept}
    assert gone in said(deployment.reflector("daily", "webhook", "delete", "--uuid", gone), code=1)


def test_a_url_that_refuses_is_told_in_one_line(deployment, daily, receiver):
    receiver.fail(1, 404)
    refused = deployment.reflector("daily", "webhook", "create", receiver.url)
    assert "answer its test with 200" in said(refused, code=1)
    assert len(refused.stderr.splitlines()) == 1
    assert not daily.webhooks


def test_settings_that_are_wrong_are_named(deployment, daily, receiver):
    deployment.env["DAILY_WEBHOOK_SECRET"] = "no base64!"
    assert "DAILY_WEBHOOK_SECRET" in said(deployment.reflector("daily", "webhook", "create", receiver.url), code=1)
    assert not daily.requests
    deployment.env["DAILY_WEBHOOK_SECRET"] = OURS
    daily.key = "another"
    assert "DAILY_API_KEY" in said(deployment.reflector("daily", "webhook", "status"), code=1)
    del deployment.env["DAILY_API_KEY"]
    assert "DAILY_API_KEY is not set" in said(deployment.reflector("daily", "webhook", "status"), code=1)


def test_a_url_that_is_none_is_a_wrong_command_line(deployment):
    assert "isn't a URL" in said(deployment.reflector("daily", "webhook", "create", "nowhere"), code=2)


def test_odd_webhooks_are_shown_as_they_are(deployment, daily):
    daily.answer(1, [{"uuid": "u", "url": "[bold]x[/bold]", "state": 0}])
    assert "[bold]x" in said(deployment.reflector("daily", "webhook", "status"))
